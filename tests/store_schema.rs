//! A store of each released version opens, holds what that version said it holds, and gets its folders.
//!
//! `tests/store/make-old-store` makes them.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use serde_json::Value;
use sonograde::store::{Encryption, KeyFile, Policy, Store, Writer};

/// What `exams export` of that version wrote: the exam, and its frames as lines of text.
fn exported(folder: &Path) -> (Value, Vec<String>) {
    let exam = fs::read(folder.join("exam.json")).expect("exam.json");
    let exam = serde_json::from_slice(&exam).expect("JSON");
    let frames = fs::read_to_string(folder.join("frames.csv")).expect("frames.csv");
    (exam, frames.lines().skip(1).map(String::from).collect())
}

fn same(store: &Store, export: &Path) {
    let mut exams = 0;
    for entry in fs::read_dir(export).expect("the export") {
        let (wanted, frames) = exported(&entry.expect("an entry").path());
        let id = wanted["id"].as_str().expect("an id");
        let exam = store.exam(id).expect("whole").expect("it is there");
        // By way of text, as theirs came: a number is as long as it was written.
        let exam = serde_json::to_string(&exam).expect("finite numbers");
        let exam: Value = serde_json::from_str(&exam).expect("JSON");
        for field in ["started", "ended", "provenance", "label", "verdict"] {
            assert_eq!(exam[field], wanted[field], "{field} of {id}");
        }
        let stored = store.frames(id).expect("a good id").map(|frame| {
            let frame = frame.expect("a whole record");
            let map: Vec<String> = frame.map.values.iter().map(f32::to_string).collect();
            let (seq, t_ms, score, map) = (frame.seq, frame.t_ms, frame.score, map.join(" "));
            format!(
                "{seq},{t_ms},{score},{},{},{map}",
                frame.map.width, frame.map.height
            )
        });
        assert_eq!(stored.collect::<Vec<_>>(), frames, "frames of {id}");
        let pictures = store.key_frames(id).expect("readable");
        assert_eq!(
            pictures.len(),
            wanted["key_frames"].as_array().expect("key frames").len()
        );
        exams += 1;
    }
    assert_eq!((exams, store.exams().count()), (2, 2));
}

/// Plain or encrypted, as `run` does by itself.
#[test]
fn a_store_of_version_0_1_0_is_brought_up_and_can_be_made_anew_from_its_folders() {
    brought_up(|_| Encryption::Off);
    brought_up(|store| Encryption::On(KeyFile::of(store, None)));
}

fn brought_up(encrypted: impl Fn(&Path) -> Encryption) {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/store/v0.1.0.tar.gz");
    let dir = tempfile::tempdir().expect("a temporary folder");
    let archive = File::open(archive).expect("the old store");
    tar::Archive::new(GzDecoder::new(archive))
        .unpack(dir.path())
        .expect("a writable folder");
    let (old, export) = (dir.path().join("store"), dir.path().join("export"));

    let encryption = encrypted(&old);
    let store = Arc::new(Store::open_with(&old, &encryption).expect("an old store opens"));
    assert_eq!(store.notice(), None);
    same(&store, &export);
    let writer = Writer::start(Arc::clone(&store), Policy::default()).expect("a thread");
    let patience = Instant::now() + Duration::from_secs(60);
    while store.unfiled().next().is_some() && Instant::now() < patience {
        std::thread::sleep(Duration::from_millis(20));
    }
    writer.finish().expect("a working disk");
    assert_eq!(store.unfiled().count(), 0);
    assert_eq!(store.check(false).expect("readable").found, []);
    drop(store);

    fs::remove_dir_all(old.join("sled")).expect("a folder");
    let store = Store::open_with(&old, &encryption).expect("it is made anew");
    assert!(store.notice().is_some());
    same(&store, &export);
}
