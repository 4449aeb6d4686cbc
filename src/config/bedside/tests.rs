//! What is set at the bedside, and what is not.

use super::*;

fn bedside() -> (tempfile::TempDir, Bedside) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (store, path) = (folder.path().join("store"), folder.path().join("sonograde.toml"));
    fs::create_dir(&store).expect("a folder");
    let text = format!(
        "[source]\nkind = \"phantom\"\n[store]\npath = \"{}\"\n[exam]\nidle_s = 20\n",
        store.display()
    );
    fs::write(&path, text).expect("a file");
    let bedside = Bedside::new(&path);
    (folder, bedside)
}

fn set(bedside: &Bedside, wanted: serde_json::Value) -> Result<Option<Change>, String> {
    let wanted = serde_json::from_value(wanted).expect("keys and values");
    bedside.set(wanted).map_err(|error| error.to_string())
}

#[test]
fn what_is_set_holds_over_the_config_until_it_is_taken_back() {
    let (_folder, bedside) = bedside();
    let plain = Config::load(bedside.path()).expect("a config");
    let change = set(&bedside, json!({"exam.idle_s": 45, "screen.pane": "full"})).expect("good values");
    let change = change.expect("a change");
    assert_eq!(change.set, "screen.pane = \"full\", exam.idle_s = 45");
    let config = Config::load(bedside.path()).expect("a config");
    assert_eq!((config.exam.idle_s, config.screen.pane), (45, PanePreset::Full));
    assert_eq!(
        (change.before, &change.now),
        (plain.sha256.clone(), &config.sha256)
    );
    assert!(bedside.waits());
    let settings = bedside.settings().expect("settings");
    let idle = settings.iter().find(|s| s.key == "exam.idle_s").expect("a key");
    assert_eq!((&idle.value, &idle.config), (&json!(45), &json!(20)));

    assert_eq!(set(&bedside, json!({"exam.idle_s": 45})), Ok(None));
    set(&bedside, json!({"exam.idle_s": null, "screen.pane": null})).expect("back to the config");
    let config = Config::load(bedside.path()).expect("a config");
    assert_eq!((config.exam.idle_s, config.sha256), (20, plain.sha256));
}

#[test]
fn what_the_config_would_not_take_changes_nothing() {
    let (_folder, bedside) = bedside();
    for (wanted, words) in [
        (
            json!({"exam.idle_s": 0}),
            "exam.idle_s: expected 1 to 3600 seconds",
        ),
        (
            json!({"exam.idle_s": 45, "screen.range_db": 5}),
            "screen.range_db: expected 20 to 120",
        ),
        (json!({"exam.idle_s": "soon"}), "exam.idle_s: invalid type"),
        (json!({"screen.pane": "left"}), "contrast-left"),
        (
            json!({"store.path": "/tmp"}),
            "store.path: not to be set at the bedside",
        ),
    ] {
        let error = set(&bedside, wanted).expect_err(words);
        assert!(error.contains(words), "{error}");
    }
    assert_eq!(Config::load(bedside.path()).expect("a config").exam.idle_s, 20);
    assert!(!bedside.waits());
}

#[test]
fn a_file_that_was_changed_by_hand_is_named_with_its_line() {
    let (folder, bedside) = bedside();
    let place = folder.path().join("store").join(FILE);
    for (text, line, words) in [
        (
            "screen.pane = \"full\"\nexam.idle_s = 0\n",
            2,
            "expected 1 to 3600",
        ),
        (
            "# x\nweb.listen = \"0.0.0.0:80\"\n",
            2,
            "web.listen: not to be set",
        ),
        ("exam.idle_s 3\n", 1, "key"),
    ] {
        fs::write(&place, text).expect("a file");
        let error = Config::load(bedside.path()).expect_err(words).to_string();
        assert!(
            error.starts_with(&format!("{}:{line}: ", place.display())),
            "{error}"
        );
        assert!(error.contains(words), "{error}");
    }
}
