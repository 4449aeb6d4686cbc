//! An audit trail of any bytes: verified in words, and appended to so that the new record is found.
#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use sonograde::audit::{Actor, Event, Trail};

fuzz_target!(|input: (&[u8], &[u8])| {
    let (records, head) = input;
    let store = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(store.path().join("audit")).expect("a folder");
    fs::write(store.path().join("audit/1970.jsonl"), records).expect("a file");
    fs::write(store.path().join("audit.head"), head).expect("a file");
    let trail = Trail::of_store(store.path());
    let before = trail.verify().expect("files that can be read");
    let who = Actor {
        user: "fuzz".into(),
        login: None,
    };
    let time = chrono::DateTime::UNIX_EPOCH;
    if trail.append(&who, Event::TrailRead, time).is_ok() {
        let after = trail.verify().expect("files that can be read");
        assert!(after.records > before.records, "{before:?} {after:?}");
        let found = trail
            .last(|record| Some(record.event))
            .expect("files that can be read");
        assert_eq!(found, Some(Event::TrailRead));
    }
});
