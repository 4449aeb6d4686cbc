//! What the store has reported as saved is there after kill -9, and no picture is half there.
//!
//! The test starts this very binary again as a child that grades nothing but stores as fast as it can, kills it at
//! a random moment, opens the store and compares; ten times over the same store.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, SystemTime};

use chrono::DateTime;
use sonograde::exam::exam_id;
use sonograde::exam::record::{
    ActivationMap, Exam, Graded, KeyFrame, KeyReason, ModelIdentity, Provenance, Scored,
};
use sonograde::frame::Rect;
use sonograde::store::{Entry, Store, Writer};

/// Tells the child which store to write.
const STORE: &str = "SONOGRADE_TEST_STORE";
/// Tells the child which round this is.
const ROUND: &str = "SONOGRADE_TEST_ROUND";
const ROUNDS: usize = 10;
const KEY_EVERY: u64 = 16;

#[test]
fn what_was_reported_saved_survives_kill_9() {
    let seed = SystemTime::UNIX_EPOCH
        .elapsed()
        .map_or(0, |time| time.as_nanos() as u64);
    println!("seed {seed}");
    let mut random = oorandom::Rand64::new(seed.into());
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut saved = [0; ROUNDS];
    for round in 0..ROUNDS {
        let (mut child, reports) = start_child(dir.path(), round);
        let first = reports
            .recv_timeout(Duration::from_secs(60))
            .expect("the child stores");
        thread::sleep(Duration::from_millis(random.rand_range(0..350)));
        child.kill().expect("it still runs");
        child.wait().expect("it was killed");
        saved[round] = reports.iter().last().unwrap_or(first);
        let store = Store::open(dir.path()).expect("the store opens after a kill");
        for (round, saved) in saved.iter().enumerate().take(round + 1) {
            check(&store, round, *saved);
        }
    }
    println!("saved in each round: {saved:?}");
    assert!(
        saved.iter().sum::<u64>() > 1000,
        "too little was stored to prove anything: {saved:?}"
    );
}

fn start_child(store: &Path, round: usize) -> (Child, mpsc::Receiver<u64>) {
    let mut child = Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env(STORE, store)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child");
    let output = BufReader::new(child.stdout.take().expect("it is piped"));
    let (send, reports) = mpsc::channel();
    thread::spawn(move || {
        let lines = output.split(b'\n').map_while(Result::ok);
        let saved =
            lines.filter_map(|line| String::from_utf8(line).ok()?.strip_prefix("saved ")?.parse().ok());
        saved.take_while(|count| send.send(*count).is_ok()).for_each(drop);
    });
    (child, reports)
}

/// Frames `0..saved` are there as they were sent, and so is every picture whose name is there.
fn check(store: &Store, round: usize, saved: u64) {
    let exam = exam(round);
    assert_eq!(store.exam(&exam.id).expect("a whole record"), Some(exam.clone()));
    let mut frames = 0;
    for (seq, frame) in store.frames(&exam.id).expect("a good id").enumerate() {
        let frame = frame.expect("a whole record");
        let sent = graded(seq as u64);
        let scored = sent.outcome.expect("it has a score");
        assert_eq!(
            (frame.seq, frame.t_ms, frame.score),
            (sent.seq, sent.t_ms, scored.score)
        );
        for (stored, sent) in frame.map.values.iter().zip(&scored.map.values) {
            assert!(
                (stored - sent).abs() < 0.01,
                "round {round} frame {seq}: {stored} for {sent}"
            );
        }
        frames += 1;
    }
    assert!(
        frames >= saved,
        "round {round}: {saved} were reported saved, {frames} are there"
    );
    let keys = store.key_frames(&exam.id).expect("readable");
    assert!(
        keys.len() as u64 >= saved.div_ceil(KEY_EVERY),
        "round {round}: {} key frames",
        keys.len()
    );
    for key in keys {
        let picture = image::open(&key.path).expect("a whole picture").into_rgb8();
        assert!(
            picture.into_raw() == key_frame(key.seq).rgb,
            "{}",
            key.path.display()
        );
    }
}

/// The child. Without the test above it has no store to write and does nothing.
#[test]
#[ignore = "the child process of the test in this file"]
fn child() {
    let (Some(store), Ok(round)) = (std::env::var_os(STORE), std::env::var(ROUND)) else {
        return;
    };
    let store = Arc::new(Store::open(store.as_ref()).expect("the store opens"));
    let writer = Writer::start(store).expect("a thread");
    let exam = exam(round.parse().expect("a number"));
    writer
        .send(Entry::Begin(Box::new(exam)))
        .expect("the thread runs");
    let mut reported = 0;
    for seq in 0.. {
        if seq % KEY_EVERY == 0 {
            writer.send(Entry::Key(key_frame(seq))).expect("the thread runs");
        }
        writer
            .send(Entry::Frame(Arc::new(graded(seq))))
            .expect("the thread runs");
        let status = writer.status();
        assert_eq!(status.fault.filter(|fault| !fault.contains("too slow")), None);
        if status.saved > reported {
            reported = status.saved;
            let mut out = std::io::stdout().lock();
            writeln!(out, "saved {reported}")
                .and_then(|()| out.flush())
                .expect("the parent listens");
        }
    }
}

fn exam(round: usize) -> Exam {
    let started = DateTime::from_timestamp(1_769_852_700 + round as i64, 0).expect("a time");
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
    Exam::begun(exam_id(started, round as u16), started, provenance)
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
        seq,
        t_ms: seq * 66,
        roi: Rect::full(2, 2),
        outcome: Ok(Scored {
            score: (seq % 1009) as f32 / 1009.0,
            map,
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
