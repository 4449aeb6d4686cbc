//! The DICOM objects of an exam: complete, the same every time, and whole whatever the order says.
//!
//! Leaves its files in `target/tmp/dicom`, where `tests/system/uplink` lets other programs judge them.

use std::fs;
use std::path::Path;

use dicom_dictionary_std::tags;
use dicom_object::{InMemDicomObject, open_file};
use image::{Rgb, RgbImage};
use sonograde::dicom::{DicomError, Picture, objects};
use sonograde::exam::record::{
    ActivationMap, Exam, Grade, ModelIdentity, ObjectUids, Order, Provenance, Uids, Verdict,
};
use sonograde::frame::Rect;

fn exam(order: Option<Order>) -> Exam {
    let model = ModelIdentity {
        name: String::from("sonograde-phantom-a0"),
        version: String::from("0.2.0"),
        sha256: "ab".repeat(32),
        intended_use: String::from("demonstration"),
    };
    let provenance = Provenance {
        model,
        engine: String::from("repvgg int8 scalar"),
        software: String::from("0.1.0"),
        temperature: 1.25,
        band: [0.4, 0.6],
        preprocessing: String::from("area to 224x224"),
        source: String::from("phantom"),
        pane: Rect {
            x: 200,
            y: 50,
            w: 400,
            h: 301,
        },
        roi: Rect {
            x: 250,
            y: 80,
            w: 200,
            h: 180,
        },
    };
    let started = "2026-01-31T23:59:00.123Z".parse().expect("a time");
    let object = |n: u8| ObjectUids {
        series: format!("2.25.10{n}"),
        instance: format!("2.25.20{n}"),
    };
    let study = order.as_ref().and_then(|order| order.study_instance_uid.clone());
    Exam {
        ended: Some("2026-02-01T00:00:30.5Z".parse().expect("a time")),
        verdict: Some(Verdict {
            verdict: Grade::High,
            score: Some(0.731_25),
            ci95: Some([0.66, 0.79]),
            frames_scored: 412,
            frames_seen: 1648,
            frames_counted: None,
        }),
        order,
        uids: Some(Uids {
            study: study.unwrap_or_else(|| String::from("2.25.300")),
            report: object(1),
            capture: object(2),
            map: object(3),
            tracking: String::from("2.25.400"),
            dimensions: String::from("2.25.500"),
        }),
        ..Exam::begun(String::from("20260131T235900.123Z-7f3a"), started, provenance)
    }
}

fn pictures(count: u64) -> Vec<Picture> {
    (0..count)
        .map(|n| Picture {
            since_first_ms: n * 4980,
            score: 0.1 + n as f32 / 10.0,
            map: ActivationMap {
                width: 7,
                height: 7,
                // The second frame's numbers are wider, and with them its canvas.
                values: (0..49)
                    .map(|i| (i as f32 - 24.5) * (n * 90) as f32 / 13.0)
                    .collect(),
            },
            pane: RgbImage::from_fn(400, 301, |x, y| Rgb([x as u8, y as u8, n as u8])),
        })
        .collect()
}

const FILES: &str = env!("CARGO_TARGET_TMPDIR");

fn named(name: &str) -> Order {
    Order {
        patient_name: Some(name.into()),
        ..Order::default()
    }
}

fn write(folder: &str, exam: &Exam, pictures: &[Picture]) -> Vec<InMemDicomObject> {
    let folder = Path::new(FILES).join("dicom").join(folder);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a writable folder");
    let read = |object: &sonograde::dicom::Object| {
        let path = folder.join(object.name).with_extension("dcm");
        object.file.write_to_file(&path).expect("a writable folder");
        open_file(&path).expect("our own file").into_inner()
    };
    objects(exam, pictures)
        .expect("a good exam")
        .iter()
        .map(read)
        .collect()
}

fn text(object: &InMemDicomObject, tag: dicom_core::Tag) -> String {
    object
        .element(tag)
        .expect("it is there")
        .to_str()
        .expect("text")
        .trim()
        .to_owned()
}

fn order() -> Order {
    Order {
        patient_id: Some(String::from("KN-0042")),
        patient_name: Some(String::from("Müller-Łukasiewicz^Żaneta^^Dr.")),
        birth_date: Some(String::from("19610203")),
        sex: Some(String::from("F")),
        accession_number: Some(String::from("A2026013100017")),
        study_instance_uid: Some(String::from("1.2.276.0.7230010.3.1.2.1")),
        requested_procedure: Some(String::from("CEUS Niere links")),
        referring_physician: Some(String::from("山田^太郎")),
    }
}

#[test]
fn an_exam_with_an_order_lies_in_its_study_and_its_objects_know_each_other() {
    let all = write("order", &exam(Some(order())), &pictures(4));
    assert_eq!(all.len(), 3);
    for object in &all {
        assert_eq!(
            text(object, tags::STUDY_INSTANCE_UID),
            "1.2.276.0.7230010.3.1.2.1"
        );
        assert_eq!(text(object, tags::PATIENT_NAME), "Müller-Łukasiewicz^Żaneta^^Dr.");
        assert_eq!(text(object, tags::REFERRING_PHYSICIAN_NAME), "山田^太郎");
        assert_eq!(text(object, tags::ACCESSION_NUMBER), "A2026013100017");
    }
    assert_eq!(text(&all[0], tags::VERIFICATION_FLAG), "UNVERIFIED");
    let pixels = all[2].element(tags::FLOAT_PIXEL_DATA).expect("it is there");
    let expected: Vec<f32> = pictures(4).into_iter().flat_map(|p| p.map.values).collect();
    assert_eq!(pixels.to_multi_float32().expect("numbers"), expected);
}

#[test]
fn names_of_every_script_come_through() {
    for (n, (name, shown)) in [
        ("Wang^XiaoDong=王^小东", "Wang^XiaoDong=王^小东"),
        ("Hong^Gildong=洪^吉洞=홍^길동", "Hong^Gildong=洪^吉洞=홍^길동"),
        ("قباني^لنزار", "قباني^لنزار"),
        ("O\u{7}'Neil\\^Jo", "O'Neil/^Jo"),
        ("Castelo^Maria^da^Silva^e^Souza", "Castelo^Maria^da^Silva^e Souza"),
    ]
    .into_iter()
    .enumerate()
    {
        let folder = format!("name-{n}");
        for object in write(&folder, &exam(Some(named(name))), &pictures(1)) {
            assert_eq!(text(&object, tags::PATIENT_NAME), shown);
        }
        let beside = Path::new(FILES).join("dicom").join(folder).join("name.txt");
        fs::write(beside, shown).expect("a writable folder");
    }
}

#[test]
fn a_long_name_is_cut_at_64_letters_not_bytes() {
    // Not left for dciodvfy, which counts bytes where the standard counts letters (PS3.5, 6.2).
    let all = objects(&exam(Some(named(&"Ж".repeat(80)))), &[]).expect("a good exam");
    assert_eq!(text(&all[0].file, tags::PATIENT_NAME), "Ж".repeat(64));
}

#[test]
fn without_an_order_what_is_not_known_is_there_and_empty() {
    let mut low = exam(None);
    if let Some(verdict) = &mut low.verdict {
        (verdict.verdict, verdict.ci95) = (Grade::Indeterminate, None);
    }
    for object in write("no-order", &low, &pictures(2)) {
        for tag in [
            tags::PATIENT_NAME,
            tags::PATIENT_ID,
            tags::PATIENT_BIRTH_DATE,
            tags::ACCESSION_NUMBER,
        ] {
            assert_eq!(text(&object, tag), "");
        }
    }
    assert_eq!(write("no-pictures", &exam(None), &[]).len(), 1);
}

#[test]
fn an_object_made_twice_is_the_same() {
    let bytes = || {
        let all = objects(&exam(Some(order())), &pictures(3)).expect("a good exam");
        let write = |object: sonograde::dicom::Object| {
            let mut bytes = Vec::new();
            object.file.write_all(&mut bytes).expect("a vector takes all");
            bytes
        };
        all.into_iter().map(write).collect::<Vec<_>>()
    };
    assert!(bytes() == bytes());
}

#[test]
fn an_identifier_that_dicom_cannot_hold_is_refused_not_cut_and_not_printed() {
    let bad = |order: Order| match objects(&exam(Some(order)), &[]) {
        Err(error @ DicomError::Order { .. }) => error.to_string(),
        _ => panic!("it must be refused"),
    };
    let said = bad(Order {
        accession_number: Some("SECRET-0123456789".into()),
        ..Order::default()
    });
    assert!(
        said.contains("accession number") && said.contains("17 letters") && !said.contains("SECRET"),
        "{said}"
    );
    bad(Order {
        patient_id: Some("A\\B".into()),
        ..Order::default()
    });
    bad(Order {
        birth_date: Some("3.2.1961".into()),
        ..Order::default()
    });
    let running = Exam {
        ended: None,
        ..exam(None)
    };
    assert!(matches!(objects(&running, &[]), Err(DicomError::Unidentified)));
}
