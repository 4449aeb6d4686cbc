use std::fs;
use std::sync::Arc;

use tempfile::TempDir;

use super::schema::{SCHEMA, SCHEMA_KEY};
use super::*;
use crate::exam::record::{Fitness, Grade, KeyReason, ModelIdentity, Provenance, Quality, Scored, Verdict};
use crate::frame::Rect;

mod damage;
mod keep;
mod sealed;

const ID: &str = "20260131T094500.123Z-7f3a";

pub(super) fn store() -> (TempDir, Arc<Store>) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let store = Store::open(&dir.path().join("store")).expect("a new store");
    (dir, Arc::new(store))
}

/// The same encrypted, under the key beside it.
fn sealed_store() -> (TempDir, Arc<Store>) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("store");
    let store = Store::open_with(&path, &Encryption::On(KeyFile::of(&path, None))).expect("a new store");
    (dir, Arc::new(store))
}

/// An exam that goes on.
pub(crate) fn exam(id: &str) -> Exam {
    let model = ModelIdentity {
        name: String::from("repvgg-a0-phantom"),
        version: String::from("1"),
        sha256: "ab".repeat(32),
        intended_use: String::from("demonstration"),
    };
    let provenance = Provenance {
        model,
        engine: String::from("tract 0.23.9"),
        software: String::from("0.1.0"),
        temperature: 1.25,
        band: [0.4, 0.6],
        preprocessing: String::from("area to 224x224"),
        source: String::from("phantom"),
        pane: Rect {
            x: 100,
            y: 50,
            w: 400,
            h: 300,
        },
        roi: Rect {
            x: 150,
            y: 80,
            w: 200,
            h: 180,
        },
    };
    let started = "2026-01-31T09:45:00.123Z".parse().expect("a time");
    Exam::begun(String::from(id), started, provenance)
}

/// The same exam at its end.
pub(crate) fn ended(id: &str, frames: u64) -> Exam {
    Exam {
        ended: Some("2026-01-31T09:46:30.5Z".parse().expect("a time")),
        verdict: Some(Verdict {
            verdict: Grade::High,
            score: Some(0.731),
            ci95: Some([0.66, 0.79]),
            frames_scored: frames,
            frames_seen: frames * 4,
            frames_counted: None,
        }),
        ..exam(id)
    }
}

pub(crate) fn graded(seq: u64) -> Graded {
    let values = (0..49).map(|i| (i * seq % 31) as f32 * 0.25 - 2.0).collect();
    let map = ActivationMap {
        width: 7,
        height: 7,
        values,
    };
    let score = (seq % 97) as f32 / 97.0;
    Graded {
        seq,
        t_ms: seq * 67,
        roi: Rect::full(2, 2),
        outcome: Ok(Scored {
            score,
            map,
            fitness: Some(Fitness {
                brightness: (seq % 200) as u8,
                clarity: 250,
            }),
        }),
    }
}

pub(crate) fn key_frame(seq: u64) -> KeyFrame {
    let (width, height) = (400, 300);
    let rgb = (0..width * height * 3)
        .map(|i| (u64::from(i) * (seq + 7) / 640) as u8)
        .collect();
    KeyFrame {
        seq,
        reason: KeyReason::Highest,
        width,
        height,
        rgb,
    }
}

fn refusal(dir: &Path) -> StoreError {
    Store::open(dir).err().expect("the store must not open")
}

#[test]
fn a_store_opened_again_holds_what_was_committed() {
    let (dir, store) = store();
    store.begin(&exam(ID)).expect("a new exam");
    for seq in [9, 1, 300, 2] {
        store.append(ID, &graded(seq)).expect("a good frame");
    }
    let dark = Graded {
        seq: 5,
        t_ms: 5,
        roi: Rect::full(2, 2),
        outcome: Err(Quality::TooDark),
    };
    store.append(ID, &dark).expect("nothing to store");
    store.keep(ID, &key_frame(9)).expect("a good key frame");
    store.commit().expect("a working disk");
    assert_eq!(store.exam(ID).expect("readable"), Some(exam(ID)));
    store.end(&ended(ID, 4), &[]).expect("the exam is there");
    store.commit().expect("a working disk");
    drop(store);

    let store = Store::open(&dir.path().join("store")).expect("the same store");
    assert_eq!(store.exam(ID).expect("readable"), Some(ended(ID, 4)));
    let frames: Result<Vec<_>, _> = store.frames(ID).expect("a good id").collect();
    let frames = frames.expect("all whole");
    assert_eq!(
        frames.iter().map(|frame| frame.seq).collect::<Vec<_>>(),
        [1, 2, 9, 300]
    );
    assert_eq!((frames[2].t_ms, frames[2].score), (9 * 67, 9.0 / 97.0));
    assert_eq!(store.frame(ID, 9).expect("readable").as_ref(), Some(&frames[2]));
    assert_eq!(store.frame(ID, 5).expect("readable"), None);
    assert_eq!(store.frame_count(ID).expect("readable"), 4);
    let key = &store.key_frames(ID).expect("readable")[0];
    let place = format!("store/exams/2026/01/31/{ID}/key-9-highest.png");
    assert_eq!(key.path, dir.path().join(place));
    let png = store.exam_file(ID, &key.name()).expect("readable");
    assert!(png.starts_with(b"\x89PNG"));
    assert!(store.exam_file(ID, "../../commits").is_err());
}

#[test]
fn exams_come_newest_first_and_keep_their_frames_apart() {
    let (_dir, store) = store();
    let ids = [
        "20251231T235959.999Z-ffff",
        "20260131T094500.123Z-0001",
        "20260131T094500.123Z-0002",
    ];
    for (id, count) in [(ids[1], 3), (ids[2], 2), (ids[0], 1)] {
        store.begin(&exam(id)).expect("a new exam");
        (0..count).for_each(|seq| store.append(id, &graded(seq)).expect("a good frame"));
    }
    let listed: Vec<String> = store.exams().map(|exam| exam.expect("whole").id).collect();
    assert_eq!(listed, [ids[2], ids[1], ids[0]]);
    assert_eq!(ids.map(|id| store.frame_count(id).expect("readable")), [1, 3, 2]);
    assert!(matches!(
        store.begin(&exam(ids[0])),
        Err(StoreError::Taken { .. })
    ));
    assert_eq!(store.exam("nonsense").expect("no exam has that name"), None);
}

#[test]
fn a_second_opener_is_told_that_the_store_is_in_use() {
    let (dir, store) = store();
    let dir = dir.path().join("store");
    assert!(matches!(refusal(&dir), StoreError::InUse { .. }));
    drop(store);
    assert!(Store::open(&dir).is_ok());
}

#[test]
fn a_store_of_a_newer_schema_is_refused_and_left_alone() {
    let (dir, store) = store();
    let newer = codec::seal(SCHEMA_KEY, &(SCHEMA + 1).to_le_bytes());
    let opened = store.opened().expect("it is open");
    opened.db.meta.insert(SCHEMA_KEY, newer).expect("sled is open");
    drop(opened);
    drop(store);
    for _ in 0..2 {
        let error = refusal(&dir.path().join("store"));
        assert!(
            matches!(
                error,
                StoreError::Newer { found, known: SCHEMA, .. } if found == SCHEMA + 1
            ),
            "{error}"
        );
    }
}

#[test]
fn a_flipped_bit_is_an_error_that_names_its_record_and_hides_no_other() {
    let (_dir, store) = store();
    store.begin(&exam(ID)).expect("a new exam");
    (0..3).for_each(|seq| store.append(ID, &graded(seq)).expect("a good frame"));
    let flip = |tree: &sled::Tree, key: &[u8]| {
        let mut bytes = tree
            .get(key)
            .expect("sled is open")
            .expect("it was stored")
            .to_vec();
        bytes[9] ^= 4;
        tree.insert(key, bytes).expect("sled is open");
    };
    let key = ExamKey::of(ID).expect("a good id");
    let db = &store.opened().expect("it is open").db;
    flip(&db.frames, &key.frame(1));
    let read: Vec<_> = store.frames(ID).expect("a good id").collect();
    assert_eq!(
        read.iter().map(Result::is_ok).collect::<Vec<_>>(),
        [true, false, true]
    );
    let error = read[1].as_ref().expect_err("a bit was flipped").to_string();
    let start = format!("damaged record in `frames` at {ID} frame 1: expected checksum ");
    assert!(error.starts_with(&start), "{error}");

    let other = "20260131T094501.000Z-0000";
    store.begin(&exam(other)).expect("a new exam");
    flip(&db.exams, key.bytes());
    assert!(matches!(
        store.exam(ID),
        Err(StoreError::Corrupt { tree: "exams", .. })
    ));
    assert_eq!(
        store.exams().map(|exam| exam.is_ok()).collect::<Vec<_>>(),
        [true, false]
    );
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    fs::write(dir.path().join("file"), "").expect("a file");
    let error = refusal(&dir.path().join("file/store"));
    assert!(
        matches!(
            error,
            StoreError::File {
                what: "create the folder",
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn an_exam_whose_numbers_json_cannot_hold_is_refused() {
    let (_dir, store) = store();
    let mut exam = exam(ID);
    exam.provenance.temperature = f32::NAN;
    assert!(matches!(store.begin(&exam), Err(StoreError::Unstorable { .. })));
    assert_eq!(store.exams().count(), 0);
}

#[test]
fn the_store_is_for_its_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, _store) = store();
    let mode = dir
        .path()
        .join("store")
        .metadata()
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
}
