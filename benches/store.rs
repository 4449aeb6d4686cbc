//! The store, encrypted as the daemon has it: what a result costs, lists and openings of large stores, bytes on the disk.
//!
//! `SONOGRADE_BENCH_FRAMES` says how many frames the large store has, 1,000,000 if not said; the disk is that of `TMPDIR`.
//! With `--test` it is small and short: whether all of it runs.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use sonograde::capture::phantom::{Grade, Phantom};
use sonograde::capture::{Captured, FrameSource};
use sonograde::exam::exam_id;
use sonograde::exam::record::{
    ActivationMap, Exam, Fitness, Graded, ModelIdentity, Order, Provenance, Scored,
};
use sonograde::frame::{BufferPool, Frame, Rect};
use sonograde::grader::Grader;
use sonograde::infer::{Model, Runtime};
use sonograde::screen::Layout;
use sonograde::store::{Encryption, Entry, Keep, KeyFile, Policy, Store, Writer};

/// Frames of an exam of three minutes at 15 new pictures a second.
const FRAMES: u64 = 2700;
const A_SECOND: u64 = 60;

fn main() {
    let (usual, seconds, turns) = if std::env::args().any(|arg| arg == "--test") {
        (10_000, 1, 1)
    } else {
        (1_000_000, 20, 15)
    };
    let large = std::env::var("SONOGRADE_BENCH_FRAMES").map_or(usual, |n| n.parse().expect("a number"));
    let folder = tempfile::tempdir().expect("a temporary folder");
    results(&folder.path().join("results"), seconds);
    list(&folder.path().join("list"));
    review(&folder.path().join("list"));
    disk(&folder.path().join("disk"));
    let store = folder.path().join("large");
    fill(&open(&store), large, FRAMES);
    open_large(&store, large);
    grading(&folder.path().join("empty"), &store, turns);
}

fn open(dir: &Path) -> Store {
    let encryption = Encryption::On(KeyFile::of(dir, None));
    Store::open_with(dir, &encryption).expect("a store")
}

fn exam(n: u64) -> Exam {
    let started = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(n as i64 * 10);
    let rect = Rect {
        x: 10,
        y: 10,
        w: 200,
        h: 200,
    };
    let model = ModelIdentity {
        name: "bench".into(),
        version: "1".into(),
        sha256: "ab".repeat(32),
        intended_use: "demonstration".into(),
    };
    let provenance = Provenance {
        model,
        engine: "repvgg avx2 1 thread".into(),
        software: "0.1.0".into(),
        temperature: 1.25,
        band: [0.4, 0.6],
        preprocessing: "area to 224x224".into(),
        source: "v4l2 /dev/sonograde-capture".into(),
        pane: rect,
        roi: rect,
    };
    Exam::begun(exam_id(started, n as u16), started, provenance)
}

/// An exam that has ended, of the patient of this number.
fn of_patient(n: u64) -> Exam {
    let exam = exam(n);
    let order = Order {
        patient_id: Some(format!("P{n:05}")),
        patient_name: Some("Doe^Jane".into()),
        ..Order::default()
    };
    Exam {
        ended: Some(exam.started + TimeDelta::minutes(3)),
        order: Some(order),
        ..exam
    }
}

fn graded(seq: u64) -> Graded {
    let values = (0..49).map(|i| (i * seq % 31) as f32 * 0.25 - 2.0).collect();
    let map = ActivationMap {
        width: 7,
        height: 7,
        values,
    };
    let scored = Scored {
        score: (seq % 97) as f32 / 97.0,
        map,
        fitness: Some(Fitness {
            brightness: 71,
            clarity: 240,
        }),
    };
    Graded {
        seq,
        t_ms: seq * 67,
        roi: Rect::full(2, 2),
        outcome: Ok(scored),
    }
}

fn writer(store: &Arc<Store>) -> Writer {
    let keep = Keep {
        free_mb: 0,
        reserve_mb: 0,
        ..Keep::default()
    };
    let policy = Policy {
        keep,
        ..Policy::default()
    };
    Writer::start(Arc::clone(store), policy).expect("a thread")
}

/// Processor time of this process, in steps of ten milliseconds.
fn processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields = stat
        .rsplit(')')
        .next()
        .expect("a name in brackets")
        .split_whitespace();
    let ticks: u64 = fields
        .skip(11)
        .take(2)
        .map(|n| n.parse::<u64>().expect("a number"))
        .sum();
    Duration::from_millis(ticks * 10)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// 60 results a second through the daemon's own writer.
fn results(dir: &Path, seconds: u64) {
    let store = Arc::new(open(dir));
    let writer = writer(&store);
    let send = |entry| writer.send(entry).expect("the thread runs");
    send(Entry::Begin(Box::new(exam(0))));
    thread::sleep(Duration::from_secs(1));
    let (start, used) = (Instant::now(), processor());
    for seq in 0..seconds * A_SECOND {
        send(Entry::Frame(Arc::new(graded(seq))));
        let next = Duration::from_secs_f64((seq + 1) as f64 / A_SECOND as f64);
        thread::sleep(next.saturating_sub(start.elapsed()));
    }
    let (took, used) = (start.elapsed(), processor() - used);
    let share = used.as_secs_f64() / took.as_secs_f64() * 100.0;
    println!(
        "results: {A_SECOND} a second for {:.1} s take {share:.2} % of a core",
        took.as_secs_f64()
    );
    send(Entry::End(Box::new(exam(0))));
    let status = writer.finish().expect("a working disk");
    assert_eq!(
        (status.saved, status.lost, status.fault),
        (seconds * A_SECOND, 0, None)
    );
}

/// Pages of 200 of a list of 10,000 exams, and a search through all of it.
fn list(dir: &Path) {
    let store = open(dir);
    for n in 0..10_000 {
        store.begin(&of_patient(n)).expect("a new exam");
    }
    store.commit().expect("a working disk");
    let mut pages = Vec::new();
    let mut last: Option<String> = None;
    loop {
        let start = Instant::now();
        let page: Vec<Exam> = match &last {
            None => store.exams().take(200).map(|e| e.expect("whole")).collect(),
            Some(id) => store
                .exams_before(id)
                .expect("an id")
                .take(200)
                .map(|e| e.expect("whole"))
                .collect(),
        };
        let Some(oldest) = page.last() else { break };
        pages.push(start.elapsed());
        last = Some(oldest.id.clone());
    }
    let (count, longest) = (pages.len(), pages.iter().max().copied().unwrap_or_default());
    let start = Instant::now();
    let all = store.exams().count();
    println!(
        "list: {all} exams in {count} pages of 200, median {:.1} ms, longest {:.1} ms; all of them {:.0} ms",
        median(pages).as_secs_f64() * 1e3,
        longest.as_secs_f64() * 1e3,
        start.elapsed().as_secs_f64() * 1e3
    );
}

/// A program that ends with its measurement, however that ends.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the review page waits for: lists and searches of those 10,000 exams, over HTTP from the program itself, which meanwhile
/// writes their folders.
fn review(dir: &Path) {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr());
    let address = address.expect("a free port");
    let config = dir.with_extension("toml");
    let text = format!(
        "[source]\nkind = \"v4l2\"\ndevice = \"/dev/none\"\n[store]\npath = \"{}\"\nfree_mb = 0\n[web]\nlisten = \"{address}\"\n",
        dir.display()
    );
    std::fs::write(&config, text).expect("a config");
    let daemon = Command::new(env!("CARGO_BIN_EXE_sonograde"))
        .args([OsStr::new("run"), OsStr::new("--config"), config.as_os_str()])
        .stderr(Stdio::null())
        .spawn();
    let _daemon = Daemon(daemon.expect("the program starts"));
    let get = |path: &str| -> Option<String> {
        let mut stream = TcpStream::connect(address).ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.starts_with("HTTP/1.1 200").then_some(answer)
    };
    let patience = Instant::now() + Duration::from_secs(30);
    while get("/healthz").is_none() {
        assert!(Instant::now() < patience, "the program does not answer");
        thread::sleep(Duration::from_millis(50));
    }
    let oldest = format!("/api/v1/exams?limit=50&before={}", exam(50).id);
    for (what, path, exams) in [
        ("the newest 50", "/api/v1/exams?limit=50", 50),
        ("the oldest 50", &oldest, 50),
        ("a search for one", "/api/v1/exams?limit=50&search=p00007", 1),
        ("a search for none", "/api/v1/exams?limit=50&search=nobody", 0),
    ] {
        let times = (0..21).map(|_| {
            let start = Instant::now();
            let answer = get(path).expect("an answer");
            let took = start.elapsed();
            assert_eq!(answer.matches("\"started\":").count(), exams, "{what}");
            took
        });
        let took = median(times.collect());
        println!(
            "review of 10,000 exams over HTTP: {what} {:.1} ms (bar: 100)",
            took.as_secs_f64() * 1e3
        );
    }
}

/// Bytes on the disk of 100,000 frames, stored as the daemon does in commits of 12 results.
fn disk(dir: &Path) {
    let store = open(dir);
    fill(&store, 100_000, 12);
    let (grown, start) = (store.database_bytes().expect("readable"), Instant::now());
    store.compact(|| true).expect("a working disk");
    let compact = store.database_bytes().expect("readable");
    println!(
        "disk: {:.0} bytes a frame as written, {:.0} compacted, in {:.1} s",
        grown as f64 / 1e5,
        compact as f64 / 1e5,
        start.elapsed().as_secs_f64()
    );
}

/// Stores exams with so many frames in all, and makes every `group` of them durable.
fn fill(store: &Store, frames: u64, group: u64) {
    for n in 0..frames.div_ceil(FRAMES) {
        let exam = exam(n);
        store.begin(&exam).expect("a new exam");
        for seq in 0..FRAMES.min(frames - n * FRAMES) {
            store.append(&exam.id, &graded(seq)).expect("a good frame");
            if seq % group == group - 1 {
                store.commit().expect("a working disk");
            }
        }
    }
    store.commit().expect("a working disk");
}

fn open_large(dir: &Path, frames: u64) {
    let times = (0..5).map(|_| {
        let start = Instant::now();
        let store = open(dir);
        let took = start.elapsed();
        drop(store);
        took
    });
    let took = median(times.collect());
    println!(
        "open: {frames} frames in {:.2} s (median of 5)",
        took.as_secs_f64()
    );
}

/// Grades the same pictures without a store, beside one that is empty and one that is large, in turns of a hundred, each result
/// stored while the next picture is graded.
fn grading(empty: &Path, large: &Path, turns: usize) {
    let (frames, layout) = pictures();
    let runtime = Runtime {
        threads: Some(std::num::NonZeroUsize::MIN),
        ..Runtime::default()
    };
    let mut grader = Grader::new(Model::open(None, runtime).expect("the shipped model"));
    let stores = [empty, large].map(|dir| Arc::new(open(dir)));
    let writers = stores.each_ref().map(writer);
    for writer in &writers {
        let begin = Entry::Begin(Box::new(exam(900_000)));
        writer.send(begin).expect("the thread runs");
    }
    let arms = [None, Some(&writers[0]), Some(&writers[1])];
    let mut times = [const { Vec::new() }; 3];
    let mut seq = 0;
    for turn in 0..turns {
        for place in 0..3 {
            let arm = (turn + place) % 3;
            for n in 0..100 {
                let start = Instant::now();
                let graded = grader
                    .grade(&frames[n % frames.len()], layout)
                    .expect("good pictures");
                if let Some(writer) = arms[arm] {
                    let entry = Entry::Frame(Arc::new(Graded { seq, ..graded }));
                    writer.send(entry).expect("the thread runs");
                }
                seq += 1;
                if n >= 10 {
                    times[arm].push(start.elapsed());
                }
                thread::sleep(Duration::from_secs_f64(1.0 / A_SECOND as f64).saturating_sub(start.elapsed()));
            }
        }
    }
    let [none, empty, large] = times.map(|times| median(times).as_secs_f64() * 1e3);
    println!(
        "grading, median ms at {A_SECOND} a second: {none:.3} without a store, {empty:.3} beside an empty one ({:.3}), {large:.3} beside the large \
         one ({:.3} of the empty one's)",
        empty / none,
        large / empty
    );
    for writer in writers {
        assert_eq!(writer.finish().expect("a working disk").lost, 0);
    }
}

/// Different pictures of a lesion full of contrast.
fn pictures() -> (Vec<Frame>, Layout) {
    let mut phantom = Phantom::new(1, Grade::High, 3600.0);
    let (pane, pool) = (phantom.pane(), BufferPool::default());
    let roi = phantom.roi();
    phantom.seek(60 * 25);
    let mut frames = Vec::new();
    while frames.len() < 20 {
        let Ok(Captured::Frame(frame)) = phantom.next(&pool, Duration::ZERO) else {
            panic!("the phantom goes on for an hour");
        };
        if frame.seq % 4 == 0 {
            frames.push(frame);
        }
    }
    (frames, Layout { pane, roi })
}
