//! What the store has reported as saved is there after kill -9 and after a power cut, whatever it was doing, and no picture
//! is half there.
//!
//! The tests start this very binary again as a child that stores as fast as it can (`child`), let it be killed at a named
//! point of the store or at a random moment, open the store and compare (`verify`). `tests/system/store` does the same with
//! the disk's power. `SONOGRADE_TEST_KILLS` says how often; all 500 are `SONOGRADE_TEST_KILLS=500 cargo test --test store_crash`.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use chrono::DateTime;
use sonograde::exam::exam_id;
use sonograde::exam::record::{
    ActivationMap, Exam, Fitness, Grade, Graded, KeyFrame, KeyReason, ModelIdentity, Provenance, Scored,
    Verdict,
};
use sonograde::frame::Rect;
use sonograde::store::{
    Address, Delivery, DeliveryState, Encryption, Entry, Keep, KeyFile, Policy, Store, Writer, rekey, wipe,
};

/// Tells the child which store to write, and which exam it begins with.
const STORE: &str = "SONOGRADE_TEST_STORE";
const ROUND: &str = "SONOGRADE_TEST_ROUND";
/// What the child does beside storing: `write`, `retention` (removes exams), `rebuild` (makes the database anew),
/// `rekey` (puts the store under other keys), `wipe`, `encrypt` (writes a plain store, then encrypts it).
const WORK: &str = "SONOGRADE_TEST_WORK";
/// To `verify`: what the child has reported, a line each.
const REPORTED: &str = "SONOGRADE_TEST_REPORTED";
/// Where the store is killed: each name is in the source of `src/store`.
const POINTS: [&str; 23] = [
    "frame-stored",
    "exam-ended",
    "sync-begin",
    "sync-flushed",
    "sync-done",
    "commit-numbered",
    "file-written",
    "file-renamed",
    "folder-frames",
    "folder-exam",
    "swap-filled",
    "swap-made",
    "swap-aside",
    "swap-placed",
    "rebuild-exam",
    "remove-noted",
    "remove-away",
    "remove-forgotten",
    "key-copied",
    "rekey-made",
    "rekey-first",
    "rekey-placed",
    "rekey-second",
];
const FRAMES: u64 = 40;
const KEY_EVERY: u64 = 16;

#[test]
fn what_was_reported_saved_survives_kill_9_at_every_point() {
    let kills = env::var("SONOGRADE_TEST_KILLS").map_or(2 * POINTS.len(), |n| n.parse().expect("a number"));
    let seed = SystemTime::UNIX_EPOCH
        .elapsed()
        .map_or(0, |time| time.as_nanos() as u64);
    println!("seed {seed}");
    let mut random = oorandom::Rand64::new(seed.into());
    let mut died = 0;
    let mut dir = tempfile::tempdir().expect("a temporary folder");
    let mut reported = Vec::new();
    for kill in 0..kills {
        // A plain store is made anew; one of many exams takes long to verify.
        if kill % 25 == 0 || POINTS[kill % POINTS.len()] == "key-copied" {
            (dir, reported) = (tempfile::tempdir().expect("a temporary folder"), Vec::new());
        }
        let store = &dir.path().join("store");
        let point = POINTS[kill % POINTS.len()];
        let work = match point.split('-').next() {
            Some("remove") => "retention",
            Some("swap" | "rebuild") => "rebuild",
            Some("rekey") => "rekey",
            Some("key") => "encrypt",
            _ => "write",
        };
        // A child comes by some points a few times for each exam, by others once.
        let passes = match point {
            "frame-stored" => 2 * FRAMES,
            "exam-ended" | "remove-noted" | "remove-away" | "remove-forgotten" | "key-copied" => 2,
            "rebuild-exam" | "swap-filled" | "swap-made" | "swap-aside" | "swap-placed" => 3,
            _ => 6,
        };
        let pass = 1 + random.rand_range(0..passes);
        let (saved, killed) = child_that_dies(store, kill * 100, work, point, pass);
        reported.extend(saved);
        died += usize::from(killed);
        verify_all(&open(store), &reported);
    }
    println!("{kills} rounds, {died} killed");
    assert!(died * 10 >= kills * 9, "only {died} of {kills} were killed");
}

/// A store that was half wiped when the power went could be opened, or was left where it was.
#[test]
fn a_wipe_that_is_killed_lets_nothing_be_read_and_is_finished_by_the_next() {
    for (point, pass) in [
        ("wipe-marked", 1),
        ("wipe-destroyed", 1),
        ("wipe-removed", 1),
        ("wipe-removed", 4),
    ] {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let store = &dir.path().join("store");
        let (saved, killed) = child_that_dies(store, 0, "wipe", point, pass);
        assert!(killed && !saved.is_empty(), "{point}");
        let encryption = Encryption::On(KeyFile::of(store, None));
        assert!(Store::open_with(store, &encryption).is_err(), "{point}");
        if point != "wipe-marked" {
            assert!(
                !store.join("key.1").exists() && !store.join("key.2").exists(),
                "{point}"
            );
        }
        assert!(wipe(store).expect("a working disk").encrypted, "{point}");
        let left = std::fs::read_dir(store).expect("readable").count();
        assert_eq!(left, 0, "{point}");
    }
}

/// Starts the child on `store`; what it has reported saved, and whether it was killed.
fn child_that_dies(store: &Path, round: usize, work: &str, point: &str, pass: u64) -> (Vec<String>, bool) {
    let mut child = Command::new(env::current_exe().expect("this binary"))
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env(STORE, store)
        .env(ROUND, round.to_string())
        .env(WORK, work)
        .env("SONOGRADE_DIE_AT", format!("{point}:{pass}"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child");
    let output = BufReader::new(child.stdout.take().expect("it is piped"));
    let saved = output.lines().map_while(Result::ok);
    let saved = saved.filter(|line| line.starts_with("saved ")).collect();
    (saved, !child.wait().expect("it was started").success())
}

/// The child. Without a test or the rig of `tests/system/store` it has no store to write and does nothing.
#[test]
#[ignore = "the child process of the test in this file"]
fn child() {
    let (Some(dir), Ok(round)) = (env::var_os(STORE), env::var(ROUND)) else {
        return;
    };
    let round: u64 = round.parse().expect("a number");
    let work = env::var(WORK).unwrap_or_default();
    let dir = Path::new(&dir);
    if work == "rebuild" {
        spoil(dir);
    }
    if work == "encrypt" {
        write_exam(&Arc::new(Store::open(dir).expect("the store opens")), round);
    }
    let mut store = Arc::new(open(dir));
    for exam in round + u64::from(work == "encrypt")..round + 100 {
        if work == "rebuild" && exam > round {
            store.compact(|| true).expect("a working disk");
        }
        write_exam(&store, exam);
        if work == "retention" {
            let keep = Keep {
                free_mb: u64::MAX >> 20,
                ..Keep::default()
            };
            while store.exams().count() > 4 {
                let next = store
                    .next_to_go(&keep, true, chrono::Utc::now())
                    .expect("readable");
                let Some(next) = next else { break };
                store.remove(&next).expect("a working disk");
            }
        }
        if work == "rebuild" && exam % 3 == 2 {
            drop(store);
            spoil(dir);
            store = Arc::new(open(dir));
        }
        if work == "wipe" {
            drop(store);
            wipe(dir).expect("a working disk");
            return;
        }
        if work == "rekey" {
            drop(store);
            (0..8).for_each(|_| drop(rekey(dir, &KeyFile::of(dir, None), None).expect("a working disk")));
            store = Arc::new(open(dir));
        }
    }
}

/// Opens the store encrypted, as the daemon does.
fn open(dir: &Path) -> Store {
    let encryption = Encryption::On(KeyFile::of(dir, None));
    Store::open_with(dir, &encryption).expect("the store opens")
}

/// The database is gone, if there was one; the count of its commits says that there was.
fn spoil(dir: &Path) {
    let _ = std::fs::remove_dir_all(dir.join("sled"));
}

/// Stores an exam as the daemon does, says what is saved, and has it delivered.
fn write_exam(store: &Arc<Store>, n: u64) {
    let policy = Policy {
        addresses: vec![address()],
        keep: Keep {
            free_mb: 0,
            reserve_mb: 0,
            ..Keep::default()
        },
        audit: None,
    };
    let writer = Writer::start(Arc::clone(store), policy).expect("a thread");
    let send = |entry| writer.send(entry).expect("the thread runs");
    let mut out = std::io::stdout();
    let mut say = |words: String| {
        writeln!(out, "saved {n} {words}")
            .and_then(|()| out.flush())
            .expect("the parent listens");
    };
    let exam = exam(n);
    send(Entry::Begin(Box::new(exam.clone())));
    let mut told = 0;
    for seq in 0..FRAMES {
        if seq % KEY_EVERY == 0 {
            send(Entry::Key(key_frame(seq)));
        }
        send(Entry::Frame(Arc::new(graded(seq))));
        if seq % 8 == 7 {
            thread::sleep(Duration::from_millis(40));
        }
        let status = writer.status();
        assert_eq!(status.fault.filter(|fault| !fault.contains("too slow")), None);
        if status.saved > told {
            told = status.saved;
            say(told.to_string());
        }
    }
    send(Entry::End(Box::new(ended(n))));
    let status = writer.finish().expect("a working disk");
    assert_eq!((status.saved, status.lost), (FRAMES, 0));
    say(String::from("ended"));
    if n.is_multiple_of(2) {
        let mut done = Delivery::pending(&exam.id, &address());
        done.state = DeliveryState::Committed;
        store
            .update(&done)
            .and_then(|()| store.commit())
            .expect("a working disk");
    }
}

/// Compares a store with what its writer has reported: for the rig of `tests/system/store`.
#[test]
#[ignore = "run by tests/system/store"]
fn verify() {
    let (Some(dir), Some(reported)) = (env::var_os(STORE), env::var_os(REPORTED)) else {
        return;
    };
    let reported = std::fs::read_to_string(reported).expect("what was reported");
    let store = open(dir.as_ref());
    if let Some(notice) = store.notice() {
        println!("notice: {notice}");
    }
    verify_all(&store, &reported.lines().map(String::from).collect::<Vec<_>>());
}

/// Whatever was reported saved is there, but for exams that were delivered and have gone to make room; pictures are whole;
/// no delivery is without its exam; and once repaired, the store is without a finding.
fn verify_all(store: &Store, reported: &[String]) {
    let opened_anew = store.notice().is_some();
    for line in reported {
        let mut words = line.split(' ').skip(1);
        let n: u64 = words
            .next()
            .and_then(|n| n.parse().ok())
            .expect("an exam's number");
        let what = words.next().expect("what was saved");
        let found = store.exam(&exam(n).id).expect("a whole record");
        let Some(found) = found else {
            assert!(n.is_multiple_of(2), "exam {n} ({what}) is lost");
            continue;
        };
        let frames = store.frames(&found.id).expect("a good id");
        let frames = frames
            .map(|frame| frame.expect("a whole record").seq)
            .collect::<Vec<_>>();
        let saved = what.parse().unwrap_or(FRAMES);
        // A database that was made anew in the middle of an exam has what its folder has.
        assert!(
            frames.len() as u64 >= saved,
            "exam {n}: {saved} saved, {} there, anew: {opened_anew}",
            frames.len()
        );
        assert!(
            frames.iter().copied().eq(0..frames.len() as u64),
            "exam {n}: {frames:?}"
        );
        if what == "ended" {
            assert_eq!(found, ended(n));
            assert_eq!(
                store.deliveries_of(&found.id).expect("whole").len(),
                1,
                "exam {n}"
            );
        }
        for key in store.key_frames(&found.id).expect("readable") {
            let picture = store.exam_file(&found.id, &key.name()).expect("readable");
            let picture = image::load_from_memory(&picture)
                .expect("a whole picture")
                .into_rgb8();
            assert!(
                picture.into_raw() == key_frame(key.seq).rgb,
                "{}",
                key.path.display()
            );
        }
    }
    for delivery in store.outbox() {
        let delivery = delivery.expect("a whole record");
        let exam = store
            .exam(&delivery.exam)
            .expect("a whole record")
            .expect("its exam");
        assert!(exam.ended.is_some(), "a delivery of an exam that has not ended");
    }
    let found = store.check(true).expect("readable").found;
    let torn: Vec<_> = found.iter().filter(|f| f.what.contains("key-")).collect();
    assert!(torn.is_empty(), "{torn:?}");
    assert_eq!(store.check(false).expect("readable").found, []);
}

fn address() -> Address {
    Address {
        object: String::from("report"),
        destination: String::from("pacs"),
    }
}

fn exam(n: u64) -> Exam {
    let started = DateTime::from_timestamp(1_769_852_700 + n as i64, 0).expect("a time");
    let model = ModelIdentity {
        name: String::from("none"),
        version: String::from("0"),
        sha256: "0".repeat(64),
        intended_use: String::from("demonstration"),
    };
    let provenance = Provenance {
        model,
        engine: String::from("none"),
        software: String::from(env!("CARGO_PKG_VERSION")),
        temperature: 1.0,
        band: [0.4, 0.6],
        preprocessing: String::from("none"),
        source: String::from("a test"),
        pane: Rect::full(64, 48),
        roi: Rect::full(64, 48),
    };
    Exam::begun(exam_id(started, n as u16), started, provenance)
}

fn ended(n: u64) -> Exam {
    let exam = exam(n);
    Exam {
        ended: Some(exam.started),
        verdict: Some(Verdict {
            verdict: Grade::Low,
            score: Some(0.25),
            ci95: None,
            frames_scored: FRAMES,
            frames_seen: FRAMES,
            frames_counted: None,
        }),
        ..exam
    }
}

fn graded(seq: u64) -> Graded {
    let values = (0..49)
        .map(|i| ((seq * 31 + i * 7) % 101) as f32 * 0.1 - 5.0)
        .collect();
    let map = ActivationMap {
        width: 7,
        height: 7,
        values,
    };
    Graded {
        roi: Rect::full(2, 2),
        seq,
        t_ms: seq * 66,
        outcome: Ok(Scored {
            score: (seq % 1009) as f32 / 1009.0,
            map,
            fitness: Some(Fitness {
                brightness: (seq % 256) as u8,
                clarity: 255,
            }),
        }),
    }
}

fn key_frame(seq: u64) -> KeyFrame {
    let rgb = (0..64 * 48 * 3)
        .map(|i: u64| ((i * (seq + 3) * 2_654_435_761) >> 13) as u8)
        .collect();
    KeyFrame {
        seq,
        reason: KeyReason::Regular,
        width: 64,
        height: 48,
        rgb,
    }
}
