//! What finished exams become in the outbox, and that a cart without a network says so and loses nothing.
//!
//! `SONOGRADE_UPLINK_STORE=FOLDER SONOGRADE_UPLINK_EXAMS=N` also leaves a store with that many small exams, owed to the
//! destination `archive`, and `objects.txt` beside it with the hash of every object: for `tests/system/uplink`.

mod common;
#[path = "common/daemon.rs"]
mod daemon;

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

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
use sonograde::store::{Address, Store};

const NAME: &str = "Secretname^Patient";

fn begun(n: u32) -> Exam {
    let model = ModelIdentity {
        name: "m".into(),
        version: "1".into(),
        sha256: "ab".repeat(32),
        intended_use: "demonstration".into(),
    };
    let pane = Rect {
        x: 0,
        y: 0,
        w: 160,
        h: 120,
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

/// Writes `count` exams of one picture each, owed to `archive`; gives a line for each object: UID, hash of its data set.
fn fill(folder: &Path, count: u32) -> String {
    let store = Store::open(folder).expect("a new store");
    let addresses = dicom::OBJECTS.map(|(object, _)| Address {
        object: object.into(),
        destination: "archive".into(),
    });
    let mut objects = String::new();
    for n in 0..count {
        let mut exam = begun(n);
        store.begin(&exam).expect("a new exam");
        let scored = Scored {
            score: 0.25,
            map: map(n),
        };
        let graded = Graded {
            seq: 1,
            t_ms: 100,
            roi: exam.provenance.roi,
            outcome: Ok(scored),
        };
        store.append(&exam.id, &graded).expect("a good frame");
        let rgb: Vec<u8> = (0..160 * 120 * 3)
            .map(|i: u32| (i.wrapping_mul(n + 3) >> 4) as u8)
            .collect();
        let key = KeyFrame {
            seq: 1,
            reason: KeyReason::Regular,
            width: 160,
            height: 120,
            rgb: rgb.clone(),
        };
        store.keep(&exam.id, &key).expect("a good picture");
        let order = Order {
            patient_id: Some(format!("P{n}")),
            patient_name: Some(NAME.into()),
            ..Order::default()
        };
        exam.ended = Some(exam.started + TimeDelta::seconds(30));
        exam.uids = Some(Uids::assign(Some(&order)));
        exam.order = Some(order);
        exam.verdict = Some(Verdict {
            verdict: Grade::Low,
            score: Some(0.25),
            ci95: None,
            frames_scored: 1,
            frames_seen: 4,
        });
        store.end(&exam, &addresses).expect("a good end");
        // The map as the store gives it back, which rounds it.
        let frame = store.frame(&exam.id, 1).expect("a store").expect("it was scored");
        let picture = Picture {
            since_first_ms: 0,
            score: frame.score,
            map: frame.map,
            pane: image::RgbImage::from_raw(160, 120, rgb).expect("a picture"),
        };
        for object in dicom::objects(&exam, &[picture]).expect("a good exam") {
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
    store.commit().expect("a disk");
    objects
}

#[test]
fn a_cart_without_a_network_keeps_what_it_owes_and_names_no_patient() {
    let folder = common::folder();
    fill(&folder.path().join("store"), 3);
    let uplink =
        "[[uplink]]\nname = \"archive\"\nkind = \"dicomweb\"\nurl = \"http://127.0.0.1:1/dicom-web\"";
    let daemon = Daemon::start_in(folder, "kind = \"v4l2\"\ndevice = \"/dev/none\"", uplink);
    let status = || -> Value {
        let (_, body) = daemon.request("GET", "/api/v1/uplink", None).unwrap_or_default();
        serde_json::from_slice(&body).unwrap_or_default()
    };
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while status()["destinations"][0]["down"].is_null() {
        assert!(std::time::Instant::now() < deadline, "{}", status());
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let said = status();
    assert_eq!(said["destinations"][0]["pending"], json!(9), "{said}");
    assert!(!said.to_string().contains("Secretname"), "{said}");
    let (code, _) = daemon
        .request(
            "POST",
            "/api/v1/uplink",
            Some(&json!({ "act": "pause", "destination": "nowhere" })),
        )
        .expect("an answer");
    assert_eq!(code, 404);
    let (code, _) = daemon
        .request("POST", "/api/v1/uplink", Some(&json!({ "act": "pause" })))
        .expect("an answer");
    assert_eq!(code, 202);
    assert_eq!(status()["destinations"][0]["paused"], json!(true));
    let (_, metrics) = daemon.request("GET", "/metrics", None).expect("an answer");
    assert!(!String::from_utf8_lossy(&metrics).contains("Secretname"));
    let log = daemon.stop();
    assert!(
        log.contains("deliveries wait") && !log.contains("Secretname"),
        "{log}"
    );
}

#[test]
fn an_exam_that_is_given_to_another_patient_is_owed_again_and_what_was_under_way_does_not_undo_that() {
    let folder = common::folder();
    fill(folder.path(), 1);
    let store = Arc::new(Store::open(folder.path()).expect("the store"));
    let mut exam = store.exams().next().expect("one exam").expect("whole");
    let mut delivery = store.deliveries_of(&exam.id).expect("a store").remove(0);
    delivery.instance = exam.uids.as_ref().map(|uids| uids.capture.instance.clone());
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

#[test]
fn a_store_for_the_system_test() {
    let (Ok(folder), Ok(count)) = (
        std::env::var("SONOGRADE_UPLINK_STORE"),
        std::env::var("SONOGRADE_UPLINK_EXAMS"),
    ) else {
        eprintln!("skipped: tests/system/uplink asks for it");
        return;
    };
    let folder = Path::new(&folder);
    let objects = fill(folder, count.parse().expect("a number"));
    std::fs::write(folder.with_extension("txt"), objects).expect("a writable folder");
}
