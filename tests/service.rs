//! What systemd hears of the daemon: ready, watchdog, reload; and what it hears when a stage hangs.

#[allow(dead_code, reason = "other tests use more of it")]
mod common;

use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use common::{folder, sonograde, text};
use tempfile::TempDir;

const EXAM: &str = "kind = \"phantom\"\nseconds = 600";

/// A daemon and what it tells systemd.
struct Service {
    folder: TempDir,
    child: Child,
    socket: UnixDatagram,
}

impl Service {
    /// With this source, and a watchdog that bites after this time.
    fn start(source: &str, watchdog: Duration, hangs: Option<&str>) -> Self {
        let folder = folder();
        let socket = UnixDatagram::bind(folder.path().join("notify")).expect("a socket");
        socket
            .set_read_timeout(Some(Duration::from_millis(100)))
            .expect("a timeout");
        std::fs::write(config(&folder), text_of(&folder, source)).expect("a config");
        let log = std::fs::File::create(folder.path().join("log")).expect("a log");
        let mut program = sonograde();
        program
            .args(["run", "--config", text(&config(&folder))])
            .env("NOTIFY_SOCKET", folder.path().join("notify"))
            .env("WATCHDOG_USEC", watchdog.as_micros().to_string())
            .stderr(Stdio::from(log));
        if let Some(stage) = hangs {
            program.env("SONOGRADE_HANG", stage);
        }
        let child = program.spawn().expect("the program starts");
        Self {
            folder,
            child,
            socket,
        }
    }

    /// How often it said `what` in this time.
    fn heard(&self, what: &str, time: Duration) -> usize {
        let until = Instant::now() + time;
        let (mut count, mut bytes) = (0, [0; 1024]);
        while Instant::now() < until {
            if let Ok(length) = self.socket.recv(&mut bytes) {
                count += usize::from(bytes[..length].trim_ascii() == what.as_bytes());
            }
        }
        count
    }

    fn hears(&self, what: &str) {
        let until = Instant::now() + Duration::from_secs(60);
        while self.heard(what, Duration::from_millis(100)) == 0 {
            assert!(Instant::now() < until, "{what} was not said: {}", self.log());
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).expect("the log")
    }

    fn logs(&self, what: &str) {
        let until = Instant::now() + Duration::from_secs(60);
        while !self.log().contains(what) {
            assert!(Instant::now() < until, "{what} was not logged: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = std::process::Command::new("kill")
            .args(["-s", name, &pid])
            .status();
        assert!(sent.expect("kill is there").success());
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn config(folder: &TempDir) -> PathBuf {
    folder.path().join("sonograde.toml")
}

fn text_of(folder: &TempDir, source: &str) -> String {
    let store: &Path = &folder.path().join("store");
    format!(
        "[source]\n{source}\n[store]\npath = \"{}\"\n[web]\nlisten = \"127.0.0.1:0\"\n",
        text(store)
    )
}

#[test]
fn systemd_hears_when_it_is_ready_that_it_lives_and_that_it_ends() {
    let mut service = Service::start(EXAM, Duration::from_secs(8), None);
    service.hears("READY=1");
    assert!(
        service.heard("WATCHDOG=1", Duration::from_secs(10)) >= 3,
        "{}",
        service.log()
    );
    service.signal("TERM");
    service.hears("STOPPING=1");
    assert!(service.child.wait().expect("it ends").success());
}

/// An unplugged cable is no hang, and a loop that stands still is: systemd is told of the second by silence.
#[test]
fn the_watchdog_is_not_fed_while_a_stage_hangs() {
    for stage in ["capture", "infer", "store"] {
        let service = Service::start(EXAM, Duration::from_secs(6), Some(stage));
        service.hears("READY=1");
        service.logs(&format!("hanging: {stage}"));
        // What was said before it hung.
        service.heard("WATCHDOG=1", Duration::from_millis(200));
        assert_eq!(service.heard("WATCHDOG=1", Duration::from_secs(5)), 0, "{stage}");
    }
}

#[test]
fn a_reload_waits_for_the_end_of_the_exam_and_a_bad_config_changes_nothing() {
    let mut service = Service::start(EXAM, Duration::from_secs(60), None);
    service.logs("exam begun");
    std::fs::write(config(&service.folder), "[source\n").expect("a bad config");
    service.signal("HUP");
    service.logs("the config stays as it was");

    // Its exam ends after a second without pictures.
    let short = text_of(&service.folder, "kind = \"phantom\"\nseconds = 2") + "[exam]\nidle_s = 1\n";
    std::fs::write(config(&service.folder), short).expect("a config");
    service.signal("HUP");
    service.logs("the config is read again when no exam runs");
    assert!(
        !service.log().contains("reading the config again"),
        "an exam runs"
    );
    service.signal("TERM");
    assert!(service.child.wait().expect("it ends").success());
}

#[test]
fn a_reload_without_an_exam_runs_with_the_new_config() {
    let missing = |name: &str| format!("kind = \"v4l2\"\ndevice = \"/dev/{name}\"");
    let service = Service::start(&missing("no-such-video"), Duration::from_secs(60), None);
    service.logs("no-such-video: not found");
    let another = text_of(&service.folder, &missing("another-video"));
    std::fs::write(config(&service.folder), &another).expect("a config");
    service.signal("HUP");
    service.logs("another-video: not found");
    assert_eq!(
        service.heard("STOPPING=1", Duration::from_millis(500)),
        0,
        "systemd would kill what says that it stops"
    );
    // One that can be read and not be run with: the one before goes on.
    let other = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = other.local_addr().expect("an address").to_string();
    let unusable = another.replace("127.0.0.1:0", &taken);
    std::fs::write(config(&service.folder), unusable).expect("a config");
    service.signal("HUP");
    service.logs(&format!("the old config goes on: cannot listen on {taken}"));
    service.signal("TERM");
}

/// The daemon has the store to itself, so it is the daemon that the weekly timer asks for the check.
#[test]
fn the_store_is_checked_beside_the_daemon_when_no_exam_runs() {
    let short = "kind = \"phantom\"\nseconds = 10";
    let service = Service::start(short, Duration::from_secs(60), None);
    service.logs("exam begun");
    service.signal("USR1");
    service.logs("the store is whole: 1 exams");
    let said = service.log();
    assert!(
        said.find("exam ended") < said.find("the store is whole"),
        "{said}"
    );

    // The folder follows the database, which is whole before.
    let exams = service.folder.path().join("store/exams");
    let table = || {
        files(&exams)
            .into_iter()
            .find(|path| path.ends_with("frames.csv"))
    };
    let until = Instant::now() + Duration::from_secs(60);
    while table().is_none() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(50));
    }
    std::fs::write(table().expect("an exam's table"), "damaged").expect("written");
    service.signal("USR1");
    service.logs("the store is damaged");
    service.logs("frames.csv");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten();
    let below = entries.flat_map(|entry| match entry.path() {
        path if path.is_dir() => files(&path),
        path => vec![path],
    });
    below.collect()
}

/// Printed for whoever reads the log: what systemd itself thinks of the unit's confinement.
#[test]
fn the_unit_shuts_what_the_daemon_does_not_need() {
    let unit = concat!(env!("CARGO_MANIFEST_DIR"), "/systemd/sonograde.service");
    let asked = std::process::Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager", unit])
        .output();
    let Ok(answer) = asked else {
        return eprintln!("skipped: systemd-analyze is not installed");
    };
    let text = String::from_utf8_lossy(&answer.stdout);
    let last = text.lines().last().unwrap_or_default();
    println!("{last}");
    let exposure = last.split(' ').find_map(|word| word.parse::<f32>().ok());
    assert!(exposure.is_some_and(|exposure| exposure <= 1.5), "{text}");
}
