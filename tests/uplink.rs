//! What finished exams become in the outbox, and that a cart without a network says so and loses nothing.
//!
//! `SONOGRADE_UPLINK_STORE=FOLDER SONOGRADE_UPLINK_EXAMS="N WIDTH HEIGHT PICTURES"` also leaves a store with that many exams,
//! owed to the destination `archive`, and a text file beside it with the hash of every object: for `tests/system/uplink`.

#[allow(dead_code, reason = "other tests use more of it")]
mod common;
#[path = "common/archive.rs"]
mod archive;
#[allow(dead_code, reason = "other tests use more of it")]
#[path = "common/daemon.rs"]
mod daemon;

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use archive::archive;
use chrono::{DateTime, TimeDelta, Utc};
use daemon::Daemon;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sonograde::dicom::{self, Picture};
use sonograde::exam::record::{
    ActivationMap, Exam, Grade, Graded, KeyFrame, KeyReason, ModelIdentity, Order, Provenance, Scored, Uids,
    Verdict,
};
use sonograde::frame::Rect;
use sonograde::store::{Address, Encryption, KeyFile, Store};

const NAME: &str = "Secretname^Patient";

/// Exams that are alike in size.
#[derive(Clone, Copy)]
struct Size {
    exams: u32,
    width: u32,
    height: u32,
    pictures: u32,
}

impl Size {
    fn small(exams: u32) -> Self {
        Self {
            exams,
            width: 160,
            height: 120,
            pictures: 1,
        }
    }
}

fn begun(n: u32, size: Size) -> Exam {
    let model = ModelIdentity {
        name: "m".into(),
        version: "1".into(),
        sha256: "ab".repeat(32),
        intended_use: "demonstration".into(),
    };
    let pane = Rect {
        x: 0,
        y: 0,
        w: size.width,
        h: size.height,
    };
    let provenance = Provenance {
        model,
        engine: "e".into(),
        software: "0.1.0".into(),
        temperature: 1.0,
        band: [0.4, 0.6],
        preprocessing: "p".into(),
        source: "phantom".into(),
        pane,
        roi: pane,
    };
    let first: DateTime<Utc> = "2026-01-31T08:00:00Z".parse().expect("a time");
    let started = first + TimeDelta::seconds(60 * i64::from(n));
    let id = format!("{}-{n:04x}", started.format("%Y%m%dT%H%M%S%.3fZ"));
    Exam::begun(id, started, provenance)
}

fn map(n: u32) -> ActivationMap {
    ActivationMap {
        width: 7,
        height: 7,
        values: (0..49).map(|i| (i * (n % 9 + 1)) as f32 / 7.0).collect(),
    }
}

/// Writes exams that are owed to `archive`; gives a line for each object: UID, hash of its data set.
fn fill(folder: &Path, size: Size) -> String {
    // Encrypted as a daemon's is: otherwise its first start would have every folder to write again.
    let key = KeyFile::of(folder, None);
    let store = Store::open_with(folder, &Encryption::On(key)).expect("a new store");
    let addresses = dicom::OBJECTS.map(|(object, _)| Address {
        object: object.into(),
        destination: "archive".into(),
    });
    let mut objects = String::new();
    for n in 0..size.exams {
        let mut exam = begun(n, size);
        store.begin(&exam).expect("a new exam");
        let rgb = |seq: u64| -> Vec<u8> {
            (0..size.width * size.height * 3)
                .map(|i| (i.wrapping_mul(n + 3 + seq as u32) >> 4) as u8)
                .collect()
        };
        for seq in 1..=u64::from(size.pictures) {
            let scored = Scored {
                score: 0.25,
                map: map(n),
                fitness: None,
            };
            let graded = Graded {
                seq,
                t_ms: 100 * seq,
                roi: exam.provenance.roi,
                outcome: Ok(scored),
            };
            store.append(&exam.id, &graded).expect("a good frame");
            let key = KeyFrame {
                seq,
                reason: KeyReason::Regular,
                width: size.width,
                height: size.height,
                rgb: rgb(seq),
            };
            store.keep(&exam.id, &key).expect("a good picture");
        }
        let order = Order {
            patient_id: Some(format!("P{n}")),
            patient_name: Some(NAME.into()),
            ..Order::default()
        };
        exam.ended = Some(exam.started + TimeDelta::seconds(30));
        exam.uids = Some(Uids::assign(Some(&order)));
        exam.order = Some(order);
        exam.verdict = Some(Verdict {
            verdict: [Grade::High, Grade::Indeterminate, Grade::Low, Grade::Low][n as usize % 4],
            score: Some(0.25),
            ci95: None,
            frames_scored: 1,
            frames_seen: 4,
            frames_counted: None,
        });
        store.end(&exam, &addresses).expect("a good end");
        store.commit().expect("a disk");
        store.file(&exam.id, false).expect("a disk");
        let pictures = (1..=u64::from(size.pictures)).map(|seq| {
            // The map as the store gives it back, which rounds it.
            let frame = store
                .frame(&exam.id, seq)
                .expect("a store")
                .expect("it was scored");
            Picture {
                since_first_ms: 100 * (seq - 1),
                score: frame.score,
                map: frame.map,
                pane: image::RgbImage::from_raw(size.width, size.height, rgb(seq)).expect("a picture"),
            }
        });
        let pictures: Vec<Picture> = pictures.collect();
        for object in dicom::objects(&exam, &pictures).expect("a good exam") {
            let mut file = Vec::new();
            object.file.write_all(&mut file).expect("a vector takes all");
            let meta = object.file.meta();
            // The data set begins after preamble, prefix, and the group of file meta information with its length.
            let length = 128 + 4 + 12 + meta.information_group_length as usize;
            let hash = Sha256::digest(&file[length..]);
            let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            writeln!(
                objects,
                "{} {hash}",
                meta.media_storage_sop_instance_uid.trim_end_matches('\0')
            )
            .expect("a string");
        }
    }
    objects
}

/// A daemon that owes three exams to `url`.
fn owing(url: &str) -> Daemon {
    let folder = common::folder();
    fill(&folder.path().join("store"), Size::small(3));
    let uplink = format!("[[uplink]]\nname = \"archive\"\nkind = \"dicomweb\"\nurl = \"{url}\"");
    Daemon::start_in(folder, "kind = \"v4l2\"\ndevice = \"/dev/none\"", &uplink)
}

/// How deliveries stand, once `wanted` holds of a destination.
fn standing(daemon: &Daemon, which: usize, wanted: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let (_, body) = daemon.request("GET", "/api/v1/uplink", None).unwrap_or_default();
        let said: Value = serde_json::from_slice(&body).unwrap_or_default();
        if wanted(&said["destinations"][which]) {
            return said;
        }
        assert!(Instant::now() < deadline, "{said}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Nothing that others may read names the patient.
fn names_nobody(daemon: Daemon) -> String {
    let (_, metrics) = daemon.request("GET", "/metrics", None).expect("an answer");
    assert!(!String::from_utf8_lossy(&metrics).contains("Secretname"));
    let log = daemon.stop();
    assert!(!log.contains("Secretname"), "{log}");
    log
}

#[test]
fn a_cart_without_a_network_keeps_what_it_owes_and_names_no_patient() {
    let daemon = owing("http://127.0.0.1:1/dicom-web");
    let said = standing(&daemon, 0, |archive| archive["down"].is_string());
    assert_eq!(said["destinations"][0]["pending"], json!(9), "{said}");
    assert!(!said.to_string().contains("Secretname"), "{said}");
    let order = |order: Value| daemon.request("POST", "/api/v1/uplink", Some(&order));
    let (code, _) = order(json!({ "act": "pause", "destination": "nowhere" })).expect("an answer");
    assert_eq!(code, 404);
    let (code, _) = order(json!({ "act": "pause" })).expect("an answer");
    assert_eq!(code, 202);
    standing(&daemon, 0, |archive| archive["paused"] == json!(true));
    let log = names_nobody(daemon);
    assert!(log.contains("deliveries wait"), "{log}");
}

/// Answers as an archive does that takes and finds everything; gives the head of each request.
fn obliging(requests: Sender<String>) -> String {
    let address = archive(move |head| {
        let uid = head.split("SOPInstanceUID=").nth(1);
        let uid = uid.and_then(|rest| rest.split(' ').next());
        let said = match uid {
            Some(uid) => json!([{ "00080018": { "vr": "UI", "Value": [uid] } }]),
            None => json!({}),
        };
        let _ = requests.send(head.to_owned());
        ("200 OK", said.to_string())
    });
    format!("http://{address}/dicom-web")
}

#[test]
fn what_is_delivered_over_the_web_names_the_patient_in_no_url_and_no_header() {
    let (requests, heads) = std::sync::mpsc::channel();
    let daemon = owing(&obliging(requests));
    let said = standing(&daemon, 0, |archive| archive["committed"] == json!(9));
    assert_eq!(said["destinations"][0]["pending"], json!(0), "{said}");
    names_nobody(daemon);
    let heads: Vec<String> = heads.try_iter().collect();
    assert_eq!(
        heads.len(),
        18,
        "each object is stored and asked for once: {heads:#?}"
    );
    assert!(!heads.concat().contains("Secretname"), "{heads:#?}");
}

#[test]
fn an_exam_that_is_given_to_another_patient_is_owed_again_and_what_was_under_way_does_not_undo_that() {
    let folder = common::folder();
    fill(folder.path(), Size::small(1));
    let store = Arc::new(Store::open(folder.path()).expect("the store"));
    let mut exam = store.exams().next().expect("one exam").expect("whole");
    let mut delivery = store.deliveries_of(&exam.id).expect("a store").remove(0);
    delivery.state = sonograde::store::DeliveryState::Committed;
    store.update(&delivery).expect("it is in the outbox");
    exam.order = None;
    exam.uids = Some(Uids::assign(None));
    store
        .amend(&exam, std::slice::from_ref(&delivery.address))
        .expect("a good exam");
    store.update(&delivery).expect("it is in the outbox");
    let now = store.deliveries_of(&exam.id).expect("a store").remove(0);
    assert_eq!(now.state, sonograde::store::DeliveryState::Pending);
}

/// An exam that ended before a destination was configured went nowhere, and one whose destination was taken out of the config was kept
/// on the cart for ever.
#[test]
fn older_exams_are_owed_on_demand_and_what_is_given_up_is_recorded_and_keeps_no_exam() {
    let (requests, _heads) = std::sync::mpsc::channel();
    let folder = common::folder();
    fill(&folder.path().join("store"), Size::small(3));
    let url = obliging(requests);
    let uplink = format!("[[uplink]]\nname = \"other\"\nkind = \"dicomweb\"\nurl = \"{url}\"");
    let daemon = Daemon::start_in(folder, "kind = \"v4l2\"\ndevice = \"/dev/none\"", &uplink);
    daemon.state(|_| true);
    let order = |order: Value| {
        let (code, body) = daemon
            .request("POST", "/api/v1/uplink", Some(&order))
            .expect("an answer");
        (code, serde_json::from_slice::<Value>(&body).unwrap_or_default())
    };
    let since = |time: &str| order(json!({ "act": "push", "since": time }));
    assert_eq!(since("2026-02-01T00:00:00Z"), (202, json!({ "count": 0 })));
    assert_eq!(since("2026-01-31T08:01:00Z"), (202, json!({ "count": 2 })));
    let (_, body) = daemon.request("GET", "/api/v1/exams", None).expect("an answer");
    let exams: Value = serde_json::from_slice(&body).expect("JSON");
    let exam = &exams["exams"][0]["id"];
    let (code, _) = order(json!({ "act": "give-up", "exam": exam }));
    assert_eq!(code, 422, "without a reason");
    let answer =
        order(json!({ "act": "give-up", "exam": exam, "destination": "archive", "reason": "it is gone" }));
    assert_eq!(answer, (202, json!({ "count": 3 })));

    // In the order of their names: `archive`, `other`.
    standing(&daemon, 1, |other| other["committed"] == json!(6));
    let said = standing(&daemon, 0, |archive| archive["given_up"] == json!(3));
    assert_eq!(said["destinations"][0]["pending"], json!(6), "{said}");
    let trail = daemon.folder.path().join("store/audit");
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let files = std::fs::read_dir(&trail).expect("a trail").filter_map(Result::ok);
        let text: String = files
            .filter_map(|file| std::fs::read_to_string(file.path()).ok())
            .collect();
        if text.contains("delivery-given-up") && text.contains("it is gone") {
            break;
        }
        assert!(Instant::now() < deadline, "{text}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_store_for_the_system_test() {
    let (Ok(folder), Ok(size)) = (
        std::env::var("SONOGRADE_UPLINK_STORE"),
        std::env::var("SONOGRADE_UPLINK_EXAMS"),
    ) else {
        eprintln!("skipped: tests/system/uplink asks for it");
        return;
    };
    let folder = Path::new(&folder);
    let numbers: Vec<u32> = size.split(' ').map(|n| n.parse().expect("a number")).collect();
    let [exams, width, height, pictures] = numbers[..] else {
        panic!("{size:?}: exams, width, height, pictures")
    };
    let size = Size {
        exams,
        width,
        height,
        pictures,
    };
    let objects = fill(folder, size);
    std::fs::write(folder.with_extension("txt"), objects).expect("a writable folder");
}
