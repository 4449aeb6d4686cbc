//! The audit trail from outside: what a run and an export leave in it, and what `audit verify` says of it.

#[allow(dead_code, reason = "other tests use more of it")]
mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{folder, sonograde, text};
use serde_json::Value;

/// Standard output and exit status.
fn run(args: &[&str]) -> (String, Option<i32>) {
    let output = sonograde().args(args).output().expect("the program starts");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    (said, output.status.code())
}

/// A store with one simulated exam, and its trail's only file.
fn demo(folder: &Path) -> (String, PathBuf) {
    let store = text(&folder.join("store")).to_owned();
    let (_, status) = run(&[
        "demo",
        "--headless",
        "--fast",
        "--seconds",
        "14",
        "--store",
        &store,
    ]);
    assert_eq!(status, Some(0));
    let mut files = fs::read_dir(folder.join("store/audit")).expect("a trail");
    let trail = files.find_map(|file| Some(file.ok()?.path()).filter(|path| path.extension().is_some()));
    (store, trail.expect("a file"))
}

#[test]
fn who_did_what_is_recorded_and_exported() {
    let folder = folder();
    let (store, _) = demo(folder.path());
    let to = folder.path().join("out");
    let (exported, status) = run(&["exams", "--store", &store, "export", "latest", "--to", text(&to)]);
    assert_eq!(status, Some(0));

    let (lines, status) = run(&["audit", "--store", &store, "export"]);
    assert_eq!(status, Some(0));
    let records: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let events: Vec<&str> = records
        .iter()
        .filter_map(|record| record["event"].as_str())
        .collect();
    assert_eq!(
        events,
        [
            "started",
            "exam-begun",
            "exam-ended",
            "stopped",
            "exported",
            "trail-read"
        ]
    );
    let user = records[0]["who"]["user"].as_str().expect("a user");
    assert!(records.iter().all(|record| record["who"]["user"] == user));
    assert_eq!(records[1]["exam"], records[4]["exam"]);
    assert_eq!(records[1]["model"], records[0]["model"]);
    assert!(records[2]["verdict"].is_string(), "{}", records[2]);
    assert_eq!(records[4]["to"], exported.trim());

    let (table, _) = run(&[
        "audit",
        "--store",
        &store,
        "export",
        "--csv",
        "--from",
        "2000-01-01",
    ]);
    let mut rows = csv::Reader::from_reader(table.as_bytes());
    let rows: Vec<csv::StringRecord> = rows.records().map(|row| row.expect("a row")).collect();
    assert_eq!(rows.len(), 7, "with this reading of it");
    assert_eq!((&rows[0][0], &rows[0][2], &rows[0][4]), ("1", user, "started"));
    let details: Value = serde_json::from_str(&rows[4][5]).expect("JSON");
    assert_eq!(details["to"], exported.trim());
    let (none, _) = run(&[
        "audit",
        "--store",
        &store,
        "export",
        "--to",
        "2000-01-01T00:00:00Z",
    ]);
    assert_eq!(none, "");
    assert_eq!(run(&["audit", "--store", &store, "verify"]).1, Some(0));
}

#[test]
fn a_trail_that_was_tampered_with_is_refused_with_file_and_line() {
    let folder = folder();
    let (store, trail) = demo(folder.path());
    let verify = || run(&["audit", "--store", &store, "verify"]);
    let (said, status) = verify();
    assert_eq!(status, Some(0), "{said}");
    assert!(said.starts_with("4 records, the last with hash "), "{said}");

    let whole = fs::read_to_string(&trail).expect("a trail");
    fs::write(&trail, whole.replacen("exam-ended", "exam-lost", 1)).expect("a file");
    let (said, status) = verify();
    let name = text(trail.file_name().expect("a name").as_ref()).to_owned();
    assert_eq!(status, Some(7), "{said}");
    assert!(
        said.starts_with(&format!("{name}:3: record 3 was changed\n")),
        "{said}"
    );

    let cut: String = whole.split_inclusive('\n').take(2).collect();
    fs::write(&trail, cut).expect("a file");
    let (said, status) = verify();
    assert_eq!(status, Some(7), "{said}");
    assert!(
        said.starts_with("audit.head: records 3 to 4 were cut off at the end\n"),
        "{said}"
    );
    assert_eq!(
        run(&["audit", "--store", text(&folder.path().join("no")), "verify"]).1,
        Some(7)
    );
}
