//! The daemon with sources that are missing, foreign, over, or cut off by `kill -9`.

mod common;
#[path = "common/daemon.rs"]
mod daemon;

use std::time::Duration;

use common::{folder, picture, sonograde, text};
use daemon::Daemon;
use serde_json::Value;

#[test]
fn a_missing_or_foreign_device_is_a_state_and_one_log_line() {
    for (device, words) in [
        ("/dev/no-such-video", "not found"),
        ("/dev/null", "not a video capture device"),
    ] {
        let daemon = Daemon::start(&format!("kind = \"v4l2\"\ndevice = \"{device}\""));
        let state = daemon.state(|s| s["signal"]["reason"].as_str().is_some_and(|r| r.contains(words)));
        assert_eq!(state["signal"]["state"], "absent", "{state}");
        assert!(state["score"].is_null());
        std::thread::sleep(Duration::from_millis(1500));
        let log = daemon.stop();
        assert_eq!(
            log.matches(words).count(),
            1,
            "said once, however often it was tried: {log}"
        );
    }
}

#[test]
fn a_roi_outside_the_picture_is_shown_and_nothing_is_scored() {
    let source = "kind = \"phantom\"\nseconds = 30\n[screen]\nroi = \"1900,1000,100,100\"";
    let daemon = Daemon::start(source);
    let state = daemon.state(|s| s["signal"]["state"] == "unsupported");
    assert!(
        state["signal"]["reason"]
            .as_str()
            .is_some_and(|r| r.contains("1900,1000,100,100")),
        "{state}"
    );
    daemon.stop();
}

#[test]
fn a_recording_is_played_once_and_its_end_is_said() {
    let pictures = folder();
    for n in 0..40 {
        picture(&pictures.path().join(format!("{n}.png")), n);
    }
    let daemon = Daemon::start(&format!("kind = \"clip\"\npath = \"{}\"", text(pictures.path())));
    let state = daemon.state(|s| s["exam"]["ended"] == true);
    assert_eq!(state["signal"]["state"], "absent", "{state}");
    assert!(
        state["signal"]["reason"]
            .as_str()
            .is_some_and(|r| r.contains("the recording is over")),
        "{state}"
    );
    assert!(state["score"].is_null(), "no score outlives its picture: {state}");
    assert!(
        state["exam"]["verdict"]["frames_scored"]
            .as_u64()
            .is_some_and(|n| n > 0),
        "{state}"
    );
    daemon.stop();
}

#[test]
fn what_was_called_saved_is_there_after_kill_9() {
    let mut daemon = Daemon::start("kind = \"phantom\"\nseed = 11\nseconds = 60");
    let saved = |s: &Value| s["store"]["saved"].as_u64().unwrap_or(0);
    let saved = saved(&daemon.state(|s| saved(s) >= 10));
    daemon.child.kill().expect("SIGKILL");
    daemon.child.wait().expect("it is dead");
    let store = daemon.folder.path().join("store");
    let listed = sonograde()
        .args(["exams", "--store", text(&store), "list", "--json"])
        .output()
        .expect("it starts");
    let text = String::from_utf8_lossy(&listed.stdout);
    let exam: Value = serde_json::from_str(text.lines().next().expect("one exam")).expect("JSON");
    assert_eq!(exam["state"], "interrupted", "{text}");
    assert!(
        exam["frames"].as_u64().is_some_and(|n| n >= saved),
        "{saved} were called saved: {text}"
    );
}
