//! The program as people start it: what it prints, and how it fails.

mod common;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Output;

use common::{folder, picture, sonograde, text};
use serde_json::Value;

fn run(args: &[&str]) -> Output {
    sonograde().args(args).output().expect("the program starts")
}

fn lines(out: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(out).expect("UTF-8");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a JSON line"))
        .collect()
}

/// Ends with `code`, says each of `words` on one line of stderr, and panics nowhere.
fn fails(args: &[&str], code: i32, words: &[&str]) {
    let output = run(args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    let line = said
        .lines()
        .find(|l| l.starts_with("sonograde: "))
        .unwrap_or_default();
    for word in words {
        assert!(line.contains(word), "{args:?}: \"{word}\" is not in: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn the_demo_scores_each_new_picture_once_and_stores_what_it_scored() {
    let home = folder();
    let store = home.path().join("store");
    let output = run(&[
        "demo",
        "--headless",
        "--fast",
        "--json",
        "--seconds",
        "14",
        "--seed",
        "3",
        "--store",
        text(&store),
    ]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let lines = lines(&output.stdout);
    let (verdict, frames) = lines.split_last().expect("lines");
    assert_eq!(frames.len(), 14 * 60);
    let scored: Vec<&Value> = frames.iter().filter(|f| !f["score"].is_null()).collect();
    assert!(scored.len() > 50, "{} scored", scored.len());
    for (n, frame) in frames.iter().enumerate() {
        assert_eq!(
            (frame["type"].as_str(), frame["seq"].as_u64()),
            (Some("frame"), Some(n as u64))
        );
        let new = n % 4 == 0;
        assert_eq!(
            frame["quality"] == "duplicate",
            !new,
            "the contrast changes at every fourth frame: {frame}"
        );
        assert_eq!(frame["score"].is_null(), !frame["quality"].is_null());
    }
    for frame in &scored {
        let score = frame["score"].as_f64().expect("a score");
        assert!((0.0..=1.0).contains(&score));
        let map = frame["map"].as_array().expect("a map");
        assert!(map.len() == 7 && map.iter().all(|row| row.as_array().is_some_and(|r| r.len() == 7)));
    }
    assert_eq!(verdict["type"], "verdict");
    // The exam begins when contrast arrives, some three seconds after the injection at 3 s.
    let of_the_exam = verdict["frames_scored"].as_u64().expect("a number") as usize;
    let before = scored.len() - of_the_exam;
    let began_ms = scored[before]["t_ms"].as_u64().expect("a time");
    assert!((5500..9000).contains(&began_ms), "{began_ms} ms");
    assert_eq!(
        verdict["label"],
        "DEMONSTRATION MODEL. Research use only. Not for diagnosis."
    );
    assert_eq!(verdict["model"]["sha256"].as_str().map(str::len), Some(64));

    let shown = run(&["exams", "--store", text(&store), "list", "--json"]);
    let listed = String::from_utf8_lossy(&shown.stdout);
    assert!(
        shown.status.success() && listed.contains("DEMONSTRATION MODEL"),
        "{listed}"
    );
    let target = folder();
    let exported = run(&[
        "exams",
        "--store",
        text(&store),
        "export",
        "latest",
        "--to",
        text(target.path()),
    ]);
    assert!(
        exported.status.success(),
        "{}",
        String::from_utf8_lossy(&exported.stderr)
    );
    let exam = std::fs::read_dir(target.path())
        .expect("the export")
        .next()
        .expect("one exam")
        .expect("an entry");
    let table = std::fs::read_to_string(exam.path().join("frames.csv")).expect("frames.csv");
    let stored: Vec<&str> = table
        .lines()
        .skip(1)
        .filter_map(|row| row.split(',').next())
        .collect();
    let wanted: Vec<String> = scored[before..]
        .iter()
        .map(|frame| frame["seq"].to_string())
        .collect();
    assert_eq!(
        stored, wanted,
        "every frame that was scored from then on is stored"
    );
    let names: Vec<String> = std::fs::read_dir(exam.path())
        .expect("the exam")
        .map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    assert!(
        names.iter().any(|n| n.ends_with("-map.png"))
            && ["exam.json", "report.pdf"]
                .iter()
                .all(|file| names.iter().any(|n| n == file)),
        "{names:?}"
    );
}

#[test]
fn the_same_seed_gives_the_same_scores() {
    let scores = |seed: &str| {
        let output = run(&[
            "demo",
            "--headless",
            "--fast",
            "--json",
            "--seconds",
            "9",
            "--seed",
            seed,
        ]);
        let all = lines(&output.stdout);
        all.iter()
            .filter_map(|l| l["score"].as_f64().filter(|_| l["type"] == "frame"))
            .collect::<Vec<_>>()
    };
    let first = scores("5");
    assert!(!first.is_empty());
    assert_eq!(first, scores("5"));
    assert_ne!(first, scores("6"));
}

#[test]
fn a_folder_with_one_broken_picture_grades_the_others_and_says_which() {
    let input = folder();
    for n in [1, 2, 10] {
        picture(&input.path().join(format!("frame{n}.png")), n);
    }
    std::fs::write(input.path().join("frame3.png"), b"\x89PNG\r\n\x1a\n cut off").expect("a broken picture");
    let overlays = folder();
    let out = run(&[
        "grade",
        "--csv",
        "--overlay",
        text(overlays.path()),
        text(input.path()),
    ]);
    assert_eq!(out.status.code(), Some(5));
    assert!(String::from_utf8_lossy(&out.stderr).contains("frame3.png"));
    let csv = String::from_utf8_lossy(&out.stdout);
    assert_eq!(csv.lines().count(), 4, "{csv}");
    assert_eq!(std::fs::read_dir(overlays.path()).expect("overlays").count(), 3);
}

#[test]
fn a_still_and_a_part_of_it_are_graded() {
    let input = folder();
    let path = input.path().join("still.png");
    picture(&path, 1);
    let score = |args: &[&str]| {
        let out = run(&[&["grade", "--json", text(&path)], args].concat());
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        lines(&out.stdout)[0]["score"].as_f64().expect("a score")
    };
    let part = score(&["--pane", "10,10,200,200", "--roi", "50,50,100,100"]);
    assert_ne!(score(&[]), part);
    assert_eq!(score(&["--roi", "50,50,100,100"]), part);
}

#[test]
fn every_failure_has_its_own_exit_status() {
    let here = folder();
    let file = |name: &str, bytes: &[u8]| -> PathBuf {
        let path = here.path().join(name);
        std::fs::write(&path, bytes).expect("a file");
        path
    };
    let still = here.path().join("still.png");
    picture(&still, 1);
    let still = text(&still);

    fails(
        &["grade", "--model", "/nowhere/m.onnx", still],
        4,
        &["/nowhere/m.onnx", "cannot read"],
    );
    fails(
        &["grade", "--model", text(&file("empty.onnx", b"")), still],
        4,
        &["empty.onnx", "empty"],
    );
    fails(
        &["grade", "--model", still, still],
        4,
        &["still.png", "not an ONNX file"],
    );
    fails(&["grade", "/nowhere.png"], 5, &["/nowhere.png", "not found"]);
    fails(
        &[
            "grade",
            text(&file("cut.dcm", &[b"\0".repeat(128), b"DICM".to_vec()].concat())),
        ],
        5,
        &["cut.dcm"],
    );
    fails(
        &["grade", text(&file("cut.jpg", b"\xff\xd8\xff\xe0"))],
        5,
        &["cut.jpg"],
    );
    fails(
        &["grade", "--roi", "300,200,100,100", still],
        6,
        &["300,200,100,100", "outside"],
    );
    fails(
        &["grade", "--overlay", still, still],
        9,
        &["still.png", "cannot make the folder"],
    );

    let config = |name: &str, body: &str| text(&file(name, body.as_bytes())).to_owned();
    fails(
        &["run", "--config", "/nowhere.toml"],
        3,
        &["/nowhere.toml", "cannot read"],
    );
    let source = "[source]\nkind = \"phantom\"\n";
    let typo = config("typo.toml", &format!("{source}[store]\npaht = \"/tmp\"\n"));
    fails(
        &["run", "--config", &typo],
        3,
        &["typo.toml:4", "unknown field `paht`"],
    );
    let in_a_file = config(
        "store.toml",
        &format!("{source}[store]\npath = \"{still}/store\"\n[web]\nlisten = \"127.0.0.1:0\"\n"),
    );
    fails(&["run", "--config", &in_a_file], 7, &["still.png"]);
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("its address").to_string();
    fails(
        &["demo", "--seconds", "1", "--listen", &address],
        8,
        &[&address, "another program"],
    );

    assert_eq!(run(&["grade"]).status.code(), Some(2));
    assert_eq!(run(&["demo", "--seconds", "-1"]).status.code(), Some(2));
}

#[test]
fn a_truncated_model_changes_nothing() {
    let here = folder();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/sonograde-phantom-a0.onnx");
    let bytes = std::fs::read(shipped).expect("the shipped model");
    let cut = here.path().join("cut.onnx");
    std::fs::write(&cut, &bytes[..bytes.len() - 1000]).expect("a file");
    let still = here.path().join("still.png");
    picture(&still, 1);
    fails(&["grade", "--model", text(&cut), text(&still)], 4, &["cut.onnx"]);
}
