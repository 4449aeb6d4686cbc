//! An exam's folder with any bytes in its files (apart at 0xff), `exam.json` with the right hash over them or without: it is taken into the
//! database, repaired or put aside, and then without a finding.
#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};
use sonograde::store::Store;

const FOLDER: &str = "exams/2026/01/31/20260131T094500.123Z-7f3a";

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(4, |byte| *byte == 0xff);
    let mut part = || parts.next().unwrap_or_default();
    let (hashed, exam, frames, picture) = (part().is_empty(), part(), part(), part());
    let dir = tempfile::tempdir().expect("a temporary folder");
    let folder = dir.path().join(FOLDER);
    fs::create_dir_all(&folder).expect("a folder");
    let head = if hashed {
        let hash: String = Sha256::digest(exam).iter().map(|b| format!("{b:02x}")).collect();
        format!("{{\"sha256\": \"{hash}\",\n")
    } else {
        String::new()
    };
    let files: [(&str, &[u8]); 3] = [
        ("exam.json", &[head.as_bytes(), exam].concat()),
        ("frames.csv", frames),
        ("key-1-regular.png", picture),
    ];
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).expect("a file");
    }
    let store = Store::open(dir.path()).expect("a new store");
    store.check(true).expect("readable");
    assert_eq!(store.check(false).expect("readable").found, []);
    for exam in store.exams() {
        let exam = exam.expect("it was checked");
        assert!(
            store
                .frames(&exam.id)
                .expect("a good id")
                .all(|frame| frame.is_ok())
        );
    }
});
