//! Models in service, with the program and its threads: installed and rolled back beside a running daemon, taken between
//! exams, refused in words.

#[allow(dead_code, reason = "other tests use more of it")]
mod common;
#[path = "common/daemon.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod daemon;
#[path = "common/packages.rs"]
mod packages;

use std::fs;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant, SystemTime};

use chrono::TimeDelta;
use common::{folder, sonograde, text};
use daemon::Daemon;
use packages::{SHIPPED, Signer, package, second_model, sha256};
use sonograde::audit::{Event, Record, Recorder, Trail};
use sonograde::capture::{CaptureError, Captured, FrameSource};
use sonograde::exam::{Begin, Display, Rules};
use sonograde::frame::{BufferPool, Frame, FrameFormat, PixelFormat};
use sonograde::infer::Runtime;
use sonograde::package::{Keys, Shelf, signature_of};
use sonograde::pipeline::{Live, Pace, Parts, Pipeline};
use sonograde::screen::Screen;
use sonograde::store::{Policy, Store};
use tokio::sync::watch;

/// A source that gives what it is sent, until nobody can send any more.
struct Fed(Receiver<Frame>);

impl FrameSource for Fed {
    fn next(&mut self, _: &BufferPool, _: Duration) -> Result<Captured, CaptureError> {
        Ok(self.0.recv().map_or(Captured::End, Captured::Frame))
    }

    fn describe(&self) -> String {
        "a test".into()
    }
}

/// Feeds speckle that differs from picture to picture, ten a second.
struct Feeder {
    frames: Sender<Frame>,
    wall: SystemTime,
    seq: u64,
    live: watch::Receiver<Live>,
}

impl Feeder {
    /// `count` pictures, each new; returns when they were graded.
    fn feed(&mut self, count: u64) {
        for _ in 0..count {
            self.put(self.seq + 1, Duration::from_millis(100));
        }
    }

    /// The picture number `picture`, `later` than the one before.
    fn put(&mut self, picture: u64, later: Duration) {
        let mut random = oorandom::Rand32::new(picture);
        (self.seq, self.wall) = (self.seq + 1, self.wall + later);
        let frame = Frame {
            seq: self.seq,
            t: Duration::from_millis(100 * self.seq),
            wall: self.wall,
            format: FrameFormat::packed(PixelFormat::Grey, 96, 96),
            bytes: (0..96 * 96)
                .map(|_| random.rand_range(0..200) as u8)
                .collect::<Vec<_>>()
                .into(),
        };
        self.frames.send(frame).expect("the pipeline runs");
        let seq = self.seq;
        self.until(|live| live.frame.as_ref().is_some_and(|frame| frame.seq == seq));
    }

    /// The state once `wanted` holds of it.
    fn until(&self, wanted: impl Fn(&Live) -> bool) -> Live {
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            let live = self.live.borrow().clone();
            if wanted(&live) {
                return live;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("the pipeline did not get there: {:?}", self.live.borrow().exam);
    }
}

#[test]
fn a_model_installed_during_an_exam_waits_for_its_end() {
    let folder = folder();
    let signer = Signer::new();
    let package = package(folder.path(), "second", &second_model(), &signer);
    let keys = Keys::from_lines(&[signer.line()]).expect("a key");
    let shelf = Shelf::new(folder.path().join("models"), keys, Runtime::default());
    let mut watch = shelf.clone().watch();
    let store = Arc::new(Store::open(&folder.path().join("store")).expect("a store"));
    let (frames, fed) = channel();
    let mut fed = Some(fed);
    let pipeline = Pipeline::start(Parts {
        open: Box::new(move || Ok(Box::new(Fed(fed.take().expect("opened once"))))),
        pace: Pace::Fast,
        screen: Screen {
            pane: None,
            roi: None,
        },
        model: watch.settle().expect("the shipped model"),
        news: Some(Box::new(move || watch.news())),
        store: Arc::clone(&store),
        audit: Recorder::start(Trail::of_store(&folder.path().join("store"))).0,
        policy: Policy::default(),
        display: Display::default(),
        source: "a test".into(),
        rules: Rules {
            begin: Begin::Contrast,
            idle: TimeDelta::days(1),
            key_every_ms: 5000,
        },
        panel: None,
        events: None,
    });
    let pipeline = pipeline.expect("a pipeline");
    let mut feeder = Feeder {
        frames,
        wall: SystemTime::now(),
        seq: 0,
        live: pipeline.live(),
    };
    feeder.feed(3);
    let first = feeder.until(|live| live.exam.is_some());
    shelf.install(&package).expect("a good package");
    feeder.until(|live| live.model_next.is_some());
    feeder.feed(40);
    let inside = feeder.until(|_| true);
    assert_eq!(inside.model.model.sha256, sha256(&SHIPPED));
    assert_eq!(inside.exam.map(|e| e.id), first.exam.map(|e| e.id));

    // The picture stands for longer than an exam may be idle: the exam is over. Its verdict stays, with its model.
    feeder.put(feeder.seq, Duration::from_hours(25));
    let over = feeder.until(|_| true);
    assert!(over.exam.is_some_and(|exam| exam.ended));
    assert_eq!(over.model.model.sha256, sha256(&SHIPPED));
    assert_eq!(
        over.model_next.map(|model| model.sha256),
        Some(sha256(&second_model()))
    );
    feeder.feed(10);
    let second = feeder.until(|_| true);
    assert!(second.exam.is_some_and(|exam| !exam.ended) && second.model_next.is_none());
    assert_eq!(second.model.model.sha256, sha256(&second_model()));
    assert_eq!(second.model.model_from, "installed");
    // And back, before anything else is graded.
    shelf.rollback().expect("to the shipped model");
    feeder.until(|live| {
        live.model_next
            .as_ref()
            .is_some_and(|model| model.sha256 == sha256(&SHIPPED))
    });
    drop(feeder);
    let summary = pipeline.join().expect("everything is stored");
    assert_eq!(summary.model.sha256, sha256(&second_model()));
    let mut exams: Vec<_> = store.exams().map(|e| e.expect("a whole exam")).collect();
    exams.sort_by_key(|exam| exam.started);
    let made: Vec<_> = exams
        .iter()
        .map(|e| {
            (
                e.provenance.model.sha256.clone(),
                e.verdict.as_ref().map(|v| v.frames_scored),
            )
        })
        .collect();
    assert_eq!(
        made,
        [(sha256(&SHIPPED), Some(43)), (sha256(&second_model()), Some(10))]
    );
}

fn model(args: &[&str]) -> Output {
    sonograde()
        .arg("model")
        .args(args)
        .output()
        .expect("the program starts")
}

/// What it printed; it must end well.
fn says(args: &[&str]) -> String {
    let output = model(args);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {error}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// What it said when it ended with `code`.
fn fails(args: &[&str], code: i32) -> String {
    let output = model(args);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {error}");
    assert!(
        output.stdout.is_empty() && error.starts_with("sonograde: "),
        "{args:?}: {error}"
    );
    error
}

fn damage(path: &Path) {
    let mut bytes = fs::read(path).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).expect("a writable file");
}

#[test]
fn a_daemon_follows_what_is_installed_and_rolls_back_what_fails() {
    let folder = folder();
    let signer = Signer::new();
    let good = package(folder.path(), "second", &second_model(), &signer);
    let models = folder.path().join("models");
    let sections = format!(
        "kind = \"v4l2\"\ndevice = \"/dev/no-such-video\"\n[model]\nfolder = \"{}\"\ntrusted_keys = [\"{}\"]",
        text(&models),
        signer.line()
    );
    let daemon = Daemon::start(&sections);
    let runs = |from: &str, sha256: &str| {
        let (from, sha256) = (from.to_owned(), sha256.to_owned());
        move |s: &serde_json::Value| s["model_from"] == from && s["model"]["sha256"] == sha256
    };
    let state = daemon.state(runs("shipped", &sha256(&SHIPPED)));
    assert!(state["model_notice"].is_null(), "{state}");
    let config = daemon.folder.path().join("sonograde.toml");
    let place = ["--config", text(&config)];
    let said = says(&["install", text(&good), place[0], place[1]]);
    assert!(said.contains("runs from the next exam on"), "{said}");
    daemon.state(runs("installed", &sha256(&second_model())));
    says(&["rollback", place[0], place[1]]);
    daemon.state(runs("shipped", &sha256(&SHIPPED)));
    says(&["rollback", place[0], place[1]]);
    daemon.state(runs("installed", &sha256(&second_model())));
    let listed = says(&["list", place[0], place[1]]);
    let states: Vec<&str> = listed.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(states, ["STATE", "current", "shipped"], "{listed}");
    let trail = Trail::of_store(&daemon.folder.path().join("store"));
    let mut recorded = [0; 3];
    let count = |_: &Path, _: usize, line: &[u8], _: bool| {
        match Record::decode(line).map(|record| record.event) {
            Some(Event::ModelInstalled { .. }) => recorded[0] += 1,
            Some(Event::ModelRolledBack { .. }) => recorded[1] += 1,
            Some(Event::ModelChanged { .. }) => recorded[2] += 1,
            _ => {}
        }
        Ok(())
    };
    trail.lines(count).expect("a trail");
    assert_eq!(recorded[..2], [1, 2]);
    assert!(
        recorded[2] >= 2,
        "the last change may be being written: {recorded:?}"
    );
    let log = daemon.stop();
    assert!(log.contains("is ready and runs from the next exam on"), "{log}");

    let file = fs::read_dir(&models)
        .expect("a folder")
        .map(|e| e.expect("an entry").path());
    damage(
        &file
            .into_iter()
            .find(|p| p.extension().is_some_and(|e| e == "tar"))
            .expect("the package"),
    );
    let daemon = Daemon::start(&sections);
    let state = daemon.state(runs("shipped", &sha256(&SHIPPED)));
    let notice = state["model_notice"].as_str().expect("why").to_owned();
    assert!(
        notice.contains("failed its self-test and was rolled back"),
        "{notice}"
    );
    let log = daemon.stop();
    assert!(
        log.contains("ERROR") && log.contains("is rolled back: the signature of"),
        "{log}"
    );
    let listed = says(&["list", "--folder", text(&models)]);
    assert!(
        listed.contains("failed") && listed.contains("changed after it was signed"),
        "{listed}"
    );
}

#[test]
fn the_command_line_packs_verifies_and_refuses() {
    let folder = folder();
    let signer = Signer::new();
    packages::parts(folder.path(), &second_model());
    let at = |name: &str| text(&folder.path().join(name)).to_owned();
    let package = at("site.tar");
    let key = text(&signer.file(folder.path())).to_owned();
    let [onnx, card, golden] = ["model.onnx", "card.md", "golden"].map(at);
    says(&[
        "pack", "--model", &onnx, "--card", &card, "--golden", &golden, "--out", &package,
    ]);
    signer.sign(Path::new(&package));
    let said = says(&["verify", &package, "--key", &key]);
    assert!(
        said.contains("may go into service here") && said.contains("6 pictures"),
        "{said}"
    );
    let said = says(&["info", &package]);
    assert!(
        said.contains(&sha256(&second_model())) && said.contains("AUC 0.5"),
        "{said}"
    );
    let shipped = says(&["info"]);
    for words in [
        sha256(&SHIPPED).as_str(),
        "DEMONSTRATION MODEL",
        "AUC",
        "load time",
    ] {
        assert!(shipped.contains(words), "{words}: {shipped}");
    }
    assert!(says(&["verify"]).contains("the shipped model may go into service here"));
    assert!(says(&["info", &onnx]).contains("has no card"));

    let models = at("models");
    let install = |file: &str, key: &str| fails(&["install", file, "--folder", &models, "--key", key], 4);
    assert!(fails(&["install", &package, "--folder", &models], 4).contains("no key is trusted here"));
    assert!(fails(&["install", &package], 3).contains("--config"));
    assert!(fails(&["rollback", "--folder", &models, "--key", &key], 4).contains("nothing is installed"));
    assert!(install(&package, &card).contains("not a minisign public key"));
    assert!(install(&at("nowhere.tar"), &key).contains("nowhere.tar"));
    assert!(install(&onnx, &key).contains("has no signature"));
    damage(Path::new(&package));
    assert!(install(&package, &key).contains("the package was changed after it was signed"));
    fs::remove_file(signature_of(Path::new(&package))).expect("the signature");
    assert!(install(&package, &key).contains("site.tar.minisig beside it"));
    assert!(!Path::new(&models).exists(), "nothing was changed");
}
