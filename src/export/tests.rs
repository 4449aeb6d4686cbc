use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::*;
use crate::store::tests::{ended, exam, graded, key_frame};

const ENDED: &str = "20260131T094500.123Z-7f3a";

/// A store with an exam that ended: 3 frames, a key frame.
fn store() -> (TempDir, Store) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let store = Store::open(&dir.path().join("store")).expect("a new store");
    store.begin(&exam(ENDED)).expect("a new exam");
    (1..=3).for_each(|seq| store.append(ENDED, &graded(seq)).expect("a good frame"));
    store.keep(ENDED, &key_frame(2)).expect("a good key frame");
    store.end(&ended(ENDED, 3), &[]).expect("a good exam");
    store.commit().expect("a working disk");
    (dir, store)
}

#[test]
fn an_export_holds_everything_and_its_hashes_are_true() {
    let (dir, store) = store();
    let to = dir.path().join("out/here");
    let exam = store.exam(ENDED).expect("readable").expect("it is there");
    let (folder, damaged) =
        to_folder(&store, &exam, State::Ended, Language::En, &to).expect("a writable folder");
    assert_eq!((folder.clone(), damaged), (to.join(ENDED), vec![]));

    let mut names: Vec<_> = fs::read_dir(&folder)
        .expect("the export")
        .map(|f| f.expect("a file").file_name())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "exam.json",
            "frames.csv",
            "key-2-highest-map.png",
            "key-2-highest.png",
            "report.pdf"
        ]
    );
    let json = fs::read_to_string(folder.join("exam.json")).expect("a file");
    assert_eq!(
        serde_json::from_str::<Exam>(&json).expect("the exam is in it"),
        exam
    );
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(
        (&json["frames_exported"], &json["damaged"]),
        (&3.into(), &Value::Array(vec![]))
    );
    assert_eq!(json["key_frames"][0]["picture_with_map"], "key-2-highest-map.png");
    let files = json["files"].as_array().expect("a list");
    assert_eq!(files.len(), 4);
    for file in files {
        let bytes = fs::read(folder.join(file["name"].as_str().expect("a name"))).expect("a file");
        let hash: String = Sha256::digest(&bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(
            (file["sha256"].as_str(), file["bytes"].as_u64()),
            (Some(&*hash), Some(bytes.len() as u64))
        );
    }

    let csv = fs::read_to_string(folder.join("frames.csv")).expect("a file");
    let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(
        rows[0],
        [
            "seq",
            "t_ms",
            "score",
            "map_width",
            "map_height",
            "map",
            "brightness",
            "clarity"
        ]
    );
    assert_eq!(rows.len(), 4);
    assert_eq!(rows[2][..5], ["2", "134", "0.020618556", "7", "7"]);
    assert_eq!(rows[2][6..], ["2", "250"]);
    let map: Vec<f32> = rows[2][5]
        .split(' ')
        .map(|value| value.parse().expect("a number"))
        .collect();
    let sent = graded(2).outcome.expect("scored").map.values;
    assert!(
        map.len() == 49 && map.iter().zip(&sent).all(|(a, b)| (a - b).abs() < 0.002),
        "{map:?}"
    );

    let open = |name: &str| image::open(folder.join(name)).expect("a picture").into_rgb8();
    let (plain, mapped) = (open("key-2-highest.png"), open("key-2-highest-map.png"));
    assert_eq!(plain.clone().into_raw(), key_frame(2).rgb);
    for (x, y, pixel) in plain
        .enumerate_pixels()
        .filter(|(x, y, _)| *x < 50 || *x >= 250 || *y < 30 || *y >= 210)
    {
        assert_eq!(pixel, mapped.get_pixel(x, y), "{x},{y} lies outside the ROI");
    }
    assert_ne!(plain.get_pixel(150, 120), mapped.get_pixel(150, 120));
}

#[test]
fn an_export_replaces_nothing_and_leaves_nothing_half_done() {
    let (dir, store) = store();
    let exam = store.exam(ENDED).expect("readable").expect("it is there");
    let to = dir.path().join("out");
    to_folder(&store, &exam, State::Ended, Language::En, &to).expect("a writable folder");
    assert!(matches!(
        to_folder(&store, &exam, State::Ended, Language::En, &to),
        Err(ExportError::Exists(_))
    ));
    assert_eq!(fs::read_dir(&to).expect("the folder").count(), 1);

    fs::write(dir.path().join("file"), "").expect("a file");
    let error = to_folder(
        &store,
        &exam,
        State::Ended,
        Language::En,
        &dir.path().join("file"),
    )
    .expect_err("it is no folder");
    assert!(matches!(error, ExportError::Write { .. }), "{error}");
    let gone = store.key_frames(ENDED).expect("readable").remove(0).path;
    fs::remove_file(&gone)
        .and_then(|()| fs::create_dir(&gone))
        .expect("a folder in its place");
    let other = dir.path().join("other");
    assert!(to_folder(&store, &exam, State::Ended, Language::En, &other).is_err());
    assert_eq!(fs::read_dir(&other).expect("the folder").count(), 0);
}

#[test]
fn a_damaged_picture_is_named_and_the_rest_is_exported() {
    let (dir, store) = store();
    let path = store.key_frames(ENDED).expect("readable").remove(0).path;
    let half = fs::read(&path).expect("a file");
    fs::write(&path, &half[..half.len() / 2]).expect("a writable file");
    let exam = store.exam(ENDED).expect("readable").expect("it is there");
    let (folder, damaged) =
        to_folder(&store, &exam, State::Ended, Language::En, dir.path()).expect("a writable folder");
    assert!(
        damaged.len() == 1 && damaged[0].contains("key-2-highest.png"),
        "{damaged:?}"
    );
    assert!(folder.join("frames.csv").exists() && !folder.join("key-2-highest-map.png").exists());
    assert!(
        fs::read_to_string(folder.join("exam.json"))
            .expect("a file")
            .contains(&*damaged[0])
    );
}

#[test]
fn a_zip_holds_what_the_folder_does_and_says_how_far_the_exam_has_come() {
    let (dir, store) = store();
    let exam = store.exam(ENDED).expect("readable").expect("it is there");
    let (folder, _) = to_folder(&store, &exam, State::Ended, Language::De, dir.path()).expect("a folder");
    let zip = to_zip(&store, &exam, State::Ended, Language::De).expect("memory takes it");
    let mut zip = zip::ZipArchive::new(io::Cursor::new(zip)).expect("a ZIP");
    assert_eq!(zip.len(), fs::read_dir(&folder).expect("the export").count());
    for at in 0..zip.len() {
        let mut file = zip.by_index(at).expect("a file");
        let name = file.name().expect("text").into_owned();
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut file, &mut bytes).expect("whole");
        assert_eq!(
            bytes,
            fs::read(dir.path().join(&name)).expect("the same file"),
            "{name}"
        );
    }
    let running = to_zip(&store, &exam, State::Running, Language::En).expect("memory takes it");
    let mut running = zip::ZipArchive::new(io::Cursor::new(running)).expect("a ZIP");
    let json = running.by_name(&format!("{ENDED}/exam.json")).expect("a file");
    let json: Value = serde_json::from_reader(json).expect("JSON");
    assert_eq!(json["state"], "running");
}
