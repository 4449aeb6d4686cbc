//! Good and bad configs.

use super::*;

fn load(text: &str) -> Result<Config, String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("sonograde.toml");
    std::fs::write(&path, text).expect("the folder takes a file");
    Config::load(&path).map_err(|e| e.to_string().replace(&format!("{}", folder.path().display()), ""))
}

const LEAST: &str = "[source]\nkind = \"v4l2\"\ndevice = \"/dev/video0\"\n[store]\npath = \"/tmp/x\"\n";

#[test]
fn the_least_config_has_good_defaults() {
    let config = load(LEAST).expect("a good config");
    assert!(matches!(config.source, Source::V4l2 { width: None, .. }));
    assert_eq!(
        (config.exam.idle_s, config.web.listen.as_str()),
        (30, DEFAULT_LISTEN)
    );
    assert_eq!(config.exam.begin, exam::Begin::Contrast);
    let error = load(&format!("{LEAST}[exam]\nbegin = \"foot\"\n"))
        .map(|_| ())
        .expect_err("a word");
    assert!(error.contains("`contrast`, `picture`, `hand`"), "{error}");
}

#[test]
fn the_engine_and_its_threads_can_be_chosen() {
    let model = |text: &str| load(&format!("{LEAST}[model]\n{text}\n")).map(|config| config.model);
    let runtime = |text: &str| match model(text) {
        Ok(Model::Shipped(runtime)) => (runtime.engine, runtime.threads.map(NonZeroUsize::get)),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        runtime("engine = \"tract\"\nthreads = 2"),
        (Choice::Tract, Some(2))
    );
    assert_eq!(runtime(""), (Choice::Auto, None));
    assert!(model("engine = \"onnx\"").is_err_and(|e| e.contains("`auto`, `repvgg`, `tract`")));
    assert!(model("threads = 0").is_err());
}

#[test]
fn a_typo_is_named_with_its_line() {
    let error = |text: &str| load(text).map(|_| ()).expect_err("a typo");
    assert_eq!(
        error(&format!("{LEAST}[screen]\npanel = \"full\"\n")),
        "/sonograde.toml:7: unknown field `panel`, expected one of `pane`, `roi`, `range_db`, `colour_bar`"
    );
    assert!(error(&LEAST.replace("device", "devise")).contains("devise"));
    assert!(error(&LEAST.replace("v4l2", "v4l")).contains("expected one of `v4l2`, `clip`, `phantom`"));
    assert!(
        error(&format!("{LEAST}[screen]\nroi = \"1,2,3\"\n")).contains(":7: expected a rectangle x,y,w,h")
    );
    assert!(error("[source\n").starts_with("/sonograde.toml:1: "));
}

#[test]
fn a_model_is_shipped_a_file_or_installed() {
    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    let model = |section: &str| load(&format!("{LEAST}[model]\n{section}\n")).map(|config| config.model);
    assert!(matches!(load(LEAST).map(|c| c.model), Ok(Model::Shipped(_))));
    assert!(matches!(model("path = \"a.onnx\""), Ok(Model::File(path, _)) if path == Path::new("a.onnx")));
    let installed = model(&format!("folder = \"/m\"\ntrusted_keys = [\"{KEY}\"]")).expect("a good section");
    assert!(matches!(installed, Model::Installed(shelf) if shelf.folder() == Path::new("/m")));
    for (section, words) in [
        ("path = \"a\"\nfolder = \"/m\"", "not both"),
        ("folder = \"/m\"", "folder needs trusted_keys"),
        (
            "folder = \"/m\"\ntrusted_keys = []",
            "trusted_keys: no key is trusted here",
        ),
        (
            "folder = \"/m\"\ntrusted_keys = [\"x\"]",
            "\"x\" is not a minisign public key",
        ),
        ("trusted_keys = []", "trusted_keys needs folder"),
    ] {
        let error = model(section).map(|_| ()).expect_err(words);
        assert!(
            error.starts_with("/sonograde.toml:6: ") && error.contains(words),
            "{error}"
        );
    }
}
