//! The exam as people control it over HTTP, and as they review it: a running daemon, from the patient's ID to the ZIP.

#[allow(dead_code, reason = "other tests use more of it")]
mod common;
#[allow(dead_code, reason = "other tests use more of it")]
#[path = "common/daemon.rs"]
mod daemon;

use std::time::Duration;

use daemon::Daemon;
use serde_json::{Value, json};

/// The answer to a request that has to have this status.
fn ask(daemon: &Daemon, method: &str, path: &str, body: Value, status: u16) -> Value {
    let sent = Some(&body).filter(|body| !body.is_null());
    let (got, answer) = daemon.request(method, path, sent).expect("an answer");
    let text = String::from_utf8_lossy(&answer);
    assert_eq!(got, status, "{method} {path} {body}: {text}");
    serde_json::from_slice(&answer).expect("JSON")
}

fn id(exam: &Value) -> String {
    exam["exam"]["id"].as_str().expect("an exam").to_owned()
}

#[test]
fn an_exam_is_started_marked_named_ended_judged_and_reviewed() {
    let daemon = Daemon::start("kind = \"phantom\"\nseed = 1\nseconds = 60");
    daemon.state(|s| s["exam"]["ended"] == false);
    ask(&daemon, "POST", "/api/v1/exam/stop", Value::Null, 200);
    let none = ask(
        &daemon,
        "POST",
        "/api/v1/exam/marks",
        json!({"kind": "flash"}),
        409,
    );
    assert_eq!(none["detail"], "no exam runs; start one first");
    assert_eq!(none["code"], "none-runs");

    ask(
        &daemon,
        "PUT",
        "/api/v1/exam/patient",
        json!({"emergency": true}),
        200,
    );
    let begun = ask(
        &daemon,
        "POST",
        "/api/v1/exam/marks",
        json!({"kind": "injection"}),
        200,
    );
    let exam = begun["exam"]
        .as_str()
        .expect("an injection begins an exam")
        .to_owned();
    ask(&daemon, "POST", "/api/v1/exam/start", Value::Null, 409);
    let state =
        daemon.state(|s| s["exam"]["id"] == exam.as_str() && s["exam"]["verdict"]["score"].is_number());
    assert_eq!(state["exam"]["patient"], "emergency");
    assert_eq!(state["contrast"]["phase"], "cortical");
    ask(
        &daemon,
        "POST",
        "/api/v1/exam/marks",
        json!({"kind": "picture"}),
        200,
    );
    let scored = |s: &Value| s["exam"]["verdict"]["frames_scored"].as_u64();
    let before = scored(&state);
    daemon.state(|s| scored(s) > before.map(|n| n + 5));

    let runs = ask(&daemon, "GET", "/api/v1/exams?limit=1", Value::Null, 200);
    assert_eq!(runs["exams"][0]["state"], "running");
    let path = |what: &str| format!("/api/v1/exams/{exam}/{what}");
    ask(&daemon, "PUT", &path("opinion"), json!({"accepted": true}), 409);
    ask(
        &daemon,
        "PUT",
        &path("patient"),
        json!({"patient_id": "4711"}),
        200,
    );
    ask(&daemon, "POST", "/api/v1/exam/stop", Value::Null, 200);
    let state = daemon.state(|s| s["exam"]["ended"] == true);
    assert_eq!(state["next_exam"], json!({"patient": "unknown", "by_hand": true}));
    ask(
        &daemon,
        "PUT",
        &path("opinion"),
        json!({"accepted": false, "comment": "necrosis"}),
        200,
    );
    ask(&daemon, "PUT", &path("notes"), json!({"notes": "breathing"}), 200);
    // Frames that were scored after the exam had been ended once went to the store, which knew no exam for them.
    let state = daemon.state(|s| s["store"]["waiting"] == 0);
    assert!(state["store"]["fault"].is_null(), "{state}");

    // What was added is on its way to the disk for up to a quarter of a second.
    let mut kept = Value::Null;
    for _ in 0..100 {
        kept = ask(&daemon, "GET", &format!("/api/v1/exams/{exam}"), Value::Null, 200);
        if kept["notes"] == "breathing" {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(
        (&kept["order"]["patient_id"], &kept["notes"], &kept["state"]),
        (&json!("4711"), &json!("breathing"), &json!("ended"))
    );
    assert_eq!(
        (&kept["opinion"]["accepted"], &kept["marks"][0]["kind"]),
        (&json!(false), &json!("injection"))
    );
    let pictures = kept["pictures"].as_array().expect("key frames");
    let marked = pictures
        .iter()
        .find(|p| p["reason"] == "marked")
        .expect("the marked one");

    let list = |query: &str| {
        ask(
            &daemon,
            "GET",
            &format!("/api/v1/exams?{query}"),
            Value::Null,
            200,
        )
    };
    assert_eq!(
        list("search=4711+necro")["exams"],
        json!([]),
        "a comment is not searched"
    );
    assert_eq!(list("search=4711+breath")["exams"][0]["id"], exam.as_str());
    let before = list(&format!("before={exam}"))["exams"].clone();
    assert!(before[0]["id"].as_str().is_some_and(|id| id < exam.as_str()) && before[1].is_null());
    let frames = ask(&daemon, "GET", &path("frames?limit=1"), Value::Null, 200);
    assert_eq!(
        (frames["frames"].as_array().map(Vec::len), &frames["more"]),
        (Some(1), &json!(true))
    );

    let bytes = |path: &str| daemon.request("GET", path, None).expect("an answer");
    let plain = bytes(&path(&format!("pictures/{}", marked["seq"])));
    let mapped = bytes(&path(&format!("pictures/{}?map=true", marked["seq"])));
    assert!(plain.0 == 200 && mapped.0 == 200 && plain.1 != mapped.1 && mapped.1.starts_with(b"\x89PNG"));
    let (status, zip) = bytes(&path("export"));
    assert!(status == 200 && zip.starts_with(b"PK"));
    let names = String::from_utf8_lossy(&zip);
    assert!(
        ["exam.json", "frames.csv", "-marked-map.png"]
            .iter()
            .all(|name| names.contains(name))
    );

    // The trail is written by a thread of its own, in the order of what happened.
    let wanted = [
        ("patient-chosen", "patient_id", Value::Null),
        ("patient-chosen", "patient_id", json!("4711")),
        ("verdict-judged", "accepted", json!(false)),
        ("exported", "exam", json!(exam)),
    ];
    let mut found = Vec::new();
    for _ in 0..100 {
        found = trail(&daemon);
        if found.iter().any(|record| record["event"] == "exported") {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    found.retain(|record| wanted.iter().any(|(event, ..)| record["event"] == *event));
    let said = found
        .iter()
        .zip(&wanted)
        .map(|(record, (_, member, _))| &record[*member]);
    assert!(
        found.len() == wanted.len() && said.eq(wanted.iter().map(|(_, _, value)| value)),
        "{found:?}"
    );
    assert_eq!(
        (&found[0]["exam"], &found[1]["exam"]),
        (&Value::Null, &json!(exam))
    );
    daemon.stop();
}

/// The records of the daemon's audit trail.
fn trail(daemon: &Daemon) -> Vec<Value> {
    let files = std::fs::read_dir(daemon.folder.path().join("store/audit")).expect("a trail");
    let paths = files.map(|file| file.expect("a file").path());
    let text: String = paths
        .filter(|path| path.extension().is_some_and(|e| e == "jsonl"))
        .map(|path| std::fs::read_to_string(path).expect("text"))
        .collect();
    let whole = text.lines().filter_map(|line| serde_json::from_str(line).ok());
    whole.collect()
}

#[test]
fn another_lesion_begins_another_exam_of_the_same_patient_and_contrast() {
    let daemon = Daemon::start("kind = \"phantom\"\nseed = 1\nseconds = 60");
    daemon.state(|s| s["signal"]["state"] == "live");
    ask(
        &daemon,
        "PUT",
        "/api/v1/exam/patient",
        json!({"patient_id": "4711"}),
        200,
    );
    ask(
        &daemon,
        "POST",
        "/api/v1/exam/marks",
        json!({"kind": "injection"}),
        200,
    );
    let first = daemon.state(|s| s["exam"]["verdict"]["score"].is_number());
    let outside = json!({"roi": {"x": 1900, "y": 1000, "w": 100, "h": 100}});
    let words = ask(&daemon, "PUT", "/api/v1/screen", outside, 422)["detail"].to_string();
    assert!(
        words.contains("1900,1000,100,100") && words.contains("outside"),
        "{words}"
    );

    // A box without pixels was taken, and nothing could be graded any more.
    let nothing = json!({"roi": {"x": 1200, "y": 400, "w": 0, "h": 0}});
    ask(&daemon, "PUT", "/api/v1/screen", nothing, 422);

    let within = |x: u64, y: u64, edge: u64| {
        let from = |side: &str| first["pane"][side].as_u64().expect("a pane");
        json!({"x": from("x") + x, "y": from("y") + y, "w": edge, "h": edge})
    };
    let reference = json!({"reference": within(20, 20, 60)});
    ask(&daemon, "PUT", "/api/v1/screen", reference.clone(), 200);
    let state = daemon.state(|s| s["reference"] == reference["reference"]);
    assert_eq!(id(&state), id(&first), "a reference changes no score");

    let roi = within(100, 60, 200);
    ask(&daemon, "PUT", "/api/v1/screen", json!({"roi": roi}), 200);
    let second = daemon.state(|s| s["exam"]["ended"] == false && id(s) != id(&first));
    assert_eq!(
        (&second["roi"], &second["exam"]["patient"]),
        (&roi, &json!("known"))
    );
    assert!(second["contrast"]["since_ms"].as_u64() > first["contrast"]["since_ms"].as_u64());
    daemon.stop();
}

#[test]
fn what_is_set_at_the_bedside_is_checked_recorded_and_holds_once_the_exam_is_over() {
    let daemon = Daemon::start("kind = \"phantom\"\nseed = 1\nseconds = 600");
    daemon.state(|s| s["exam"]["ended"] == false);
    let path = "/api/v1/settings";
    let bad = ask(&daemon, "PUT", path, json!({"exam.idle_s": 0}), 422);
    assert_eq!(bad["detail"], "exam.idle_s: expected 1 to 3600 seconds");
    let set = ask(&daemon, "PUT", path, json!({"exam.idle_s": 45}), 200);
    assert_eq!(set["waits"], true, "an exam runs");
    ask(&daemon, "POST", "/api/v1/exam/stop", Value::Null, 200);
    let holds = || {
        let (_, body) = daemon.request("GET", path, None)?;
        let answer: Value = serde_json::from_slice(&body).ok()?;
        (answer["waits"] == false).then_some(answer)
    };
    // The daemon begins anew, and does not answer for a moment.
    let now = (0..200).find_map(|_| {
        std::thread::sleep(Duration::from_millis(50));
        holds()
    });
    let now = now.expect("it holds");
    let of = |key: &str| {
        now["settings"]
            .as_array()?
            .iter()
            .find(|s| s["key"] == key)
            .cloned()
    };
    let idle = of("exam.idle_s").expect("a key");
    assert_eq!((&idle["value"], &idle["config"]), (&json!(45), &json!(30)));
    let kept = std::fs::read_to_string(daemon.folder.path().join("store/bedside.toml"));
    assert!(kept.expect("a file").ends_with("exam.idle_s = 45\n"));
    let mut records = trail(&daemon);
    records.retain(|record| record["event"] == "config-changed");
    assert_eq!(records.len(), 1, "once, and not again at the start: {records:?}");
    assert_eq!(records[0]["set"], "exam.idle_s = 45");
    daemon.stop();
}

/// The page shows the log: what is in the log may be seen.
#[test]
fn the_log_on_the_page_names_no_patient() {
    let daemon = Daemon::start("kind = \"phantom\"\nseed = 1\nseconds = 600");
    let exam = id(&daemon.state(|s| s["exam"]["ended"] == false));
    let who = json!({"patient_id": "Q4711", "patient_name": "Zwiebel^Anna", "accession_number": "X0815"});
    ask(&daemon, "PUT", "/api/v1/exam/patient", who, 200);
    daemon.state(|s| s["exam"]["patient"] == "known" && s["exam"]["verdict"]["score"].is_number());
    let notes = json!({"notes": "Zwiebel comes again"});
    ask(&daemon, "PUT", &format!("/api/v1/exams/{exam}/notes"), notes, 200);
    ask(&daemon, "POST", "/api/v1/exam/stop", Value::Null, 200);
    daemon.state(|s| s["exam"]["ended"] == true && s["store"]["waiting"] == 0);
    let log = ask(&daemon, "GET", "/api/v1/log", Value::Null, 200).to_string();
    assert!(log.contains("exam begun") && log.contains("exam ended"), "{log}");
    for name in ["Q4711", "Zwiebel", "Anna", "X0815"] {
        assert!(!log.contains(name), "{log}");
    }
    let card = ask(&daemon, "GET", "/api/v1/model", Value::Null, 200)["card"].to_string();
    assert!(card.contains("## Limits"), "{card}");
    daemon.stop();
}

#[test]
fn bad_requests_are_problems_that_say_what_was_expected() {
    let daemon = Daemon::start("kind = \"v4l2\"\ndevice = \"/dev/null\"");
    daemon.state(|s| s["signal"]["state"] == "absent");
    for (method, path, body, status, words) in [
        ("POST", "/api/v1/exam/start", Value::Null, 409, "no picture yet"),
        (
            "POST",
            "/api/v1/exam/marks",
            json!({"kind": "lunch"}),
            422,
            "injection",
        ),
        ("POST", "/api/v1/exam/marks", Value::Null, 415, "application/json"),
        (
            "PUT",
            "/api/v1/exam/patient",
            json!({"patient_id": ""}),
            422,
            "patient_id",
        ),
        (
            "PUT",
            "/api/v1/exams/x/notes",
            json!({"notes": ""}),
            404,
            "no exam x",
        ),
        (
            "GET",
            "/api/v1/exams/..%2f..%2fsecret",
            Value::Null,
            404,
            "no exam",
        ),
        ("GET", "/api/v1/exams?limit=0", Value::Null, 422, "1 to 200"),
        ("GET", "/api/v1/exams?before=x", Value::Null, 404, "no exam x"),
        ("GET", "/api/v1/exam/start", Value::Null, 405, "method"),
        ("GET", "/api/v2", Value::Null, 404, "openapi.json"),
    ] {
        let problem = ask(&daemon, method, path, body, status);
        let detail = problem["detail"].as_str().expect("a problem says why");
        assert!(
            problem["status"] == status && detail.contains(words),
            "{path}: {problem}"
        );
    }
    daemon.stop();
}
