//! The invariants of `lib.rs` that source text can show.

use std::path::{Path, PathBuf};

/// Every Rust file under `src` that is ours: path from `src`, and its text.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder of the project") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.ends_with("v4l2/sys") {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                files.push(path);
            }
        }
    }
    let relative = |p: &Path| p.strip_prefix(&root).expect("under src").display().to_string();
    files
        .iter()
        .map(|p| (relative(p), std::fs::read_to_string(p).expect("text")))
        .collect()
}

/// Lines of code: comments do not count.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(|line| line.split("//").next().unwrap_or_default())
}

/// No file outside `rooms` has `word` in its code, and one inside has.
fn lives_in(word: &str, rooms: &[&str]) {
    let mut at_home = false;
    for (path, text) in sources() {
        if code(&text).any(|line| line.contains(word)) {
            assert!(
                rooms.iter().any(|room| path.starts_with(room)),
                "{word} is named in {path}"
            );
            at_home = true;
        }
    }
    assert!(
        at_home,
        "nobody names {word}: this test looks for the wrong thing"
    );
}

#[test]
fn each_heavy_crate_has_its_room() {
    lives_in("sled::", &["store/"]);
    lives_in("chacha20poly1305::", &["store/"]);
    lives_in("tract_onnx", &["infer/tract.rs", "infer/onnx.rs"]);
    lives_in("dicom_", &["capture/clip/dicom", "dicom/", "uplink/"]);
    lives_in("axum", &["web/"]);
    lives_in("object_store::", &["uplink/bucket.rs"]);
    lives_in("parquet::", &["uplink/sheet.rs"]);
    lives_in("minisign_verify", &["package/keys.rs"]);
    lives_in("tar::", &["package/archive.rs", "cmd/doctor/bundle.rs"]);
    lives_in("gpiocdev::", &["panel/"]);
    lives_in("rppal::", &["panel/"]);
    lives_in("sd_notify::", &["cmd/service.rs"]);
    lives_in("v4l::", &["capture/v4l2/"]);
    lives_in("pdf_writer", &["report/"]);
    lives_in("zip::", &["export/"]);
}

/// The page once called a subcommand to export an exam.
#[test]
fn only_subcommands_name_subcommands() {
    lives_in("crate::cmd", &["cmd/"]);
}

#[test]
fn unsafe_code_has_its_rooms() {
    lives_in("unsafe ", &["capture/v4l2/", "infer/repvgg/kernel/"]);
}

#[test]
fn the_pure_stages_do_no_io_and_read_no_clock() {
    let forbidden = [
        "std::fs",
        "std::net",
        "Instant::now",
        "SystemTime::now",
        "Utc::now",
        "Local::now",
        "thread::",
    ];
    for (path, text) in sources() {
        let pure = ["preprocess/", "exam/", "screen/", "dicom/"]
            .iter()
            .any(|room| path.starts_with(room));
        if !pure {
            continue;
        }
        for word in forbidden {
            assert!(!code(&text).any(|line| line.contains(word)), "{word} in {path}");
        }
    }
}

#[test]
fn only_the_durability_function_flushes_the_database() {
    let flushes: Vec<String> = sources()
        .into_iter()
        .filter(|(path, text)| path.starts_with("store/") && code(text).any(|line| line.contains(".flush()")))
        .map(|(path, _)| path)
        .collect();
    assert_eq!(flushes.len(), 1, "{flushes:?}");
}

#[test]
fn files_can_be_read_in_one_sitting() {
    for (path, text) in sources() {
        let lines = text.lines().count();
        assert!(lines <= 400, "{path} has {lines} lines");
    }
}
