use std::fs;
use std::path::Path;

use clap::Parser;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::export::export;
use super::show::{Scores, show};
use super::*;
use crate::store::tests::{ended, exam, graded, key_frame};

const ENDED: &str = "20260131T094500.123Z-7f3a";
const LATEST: &str = "20260131T101500.000Z-0b1c";

/// A store with an exam that ended (3 frames, a key frame) and a later one that was interrupted after 2.
fn store() -> (TempDir, Store) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let store = Store::open(&dir.path().join("store")).expect("a new store");
    for (id, frames) in [(ENDED, 3), (LATEST, 2)] {
        store.begin(&exam(id)).expect("a new exam");
        (1..=frames).for_each(|seq| store.append(id, &graded(seq)).expect("a good frame"));
    }
    store.keep(ENDED, &key_frame(2)).expect("a good key frame");
    store.end(&ended(ENDED, 3), &[]).expect("a good exam");
    store.commit().expect("a working disk");
    (dir, store)
}

fn printed(print: impl FnOnce(&mut dyn Write) -> Result<(), Error>) -> String {
    let mut out = Vec::new();
    print(&mut out).expect("all is whole");
    String::from_utf8(out).expect("text")
}

#[test]
fn the_list_tells_ended_from_interrupted() {
    let (_dir, store) = store();
    let table = printed(|out| list(&store, false, out));
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3);
    let words = |line: &str| line.split_whitespace().map(String::from).collect::<Vec<_>>();
    let after_time = |line: &str| words(line)[3..].join(" ");
    assert!(
        lines[1].starts_with(LATEST) && lines[2].starts_with(ENDED),
        "{table}"
    );
    assert_eq!(
        after_time(lines[1]),
        "? 2 no verdict (interrupted) - - repvgg-a0-phantom 1"
    );
    assert_eq!(
        after_time(lines[2]),
        "1:30 3 high 0.731 (0.660-0.790) - repvgg-a0-phantom 1"
    );

    let json = printed(|out| list(&store, true, out));
    let rows: Vec<Value> = json
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let field = |i: usize, name: &str| rows[i][name].clone();
    assert_eq!(
        (field(0, "state"), field(0, "frames")),
        ("interrupted".into(), 2.into())
    );
    assert_eq!(
        (field(1, "state"), field(1, "id")),
        ("ended".into(), ENDED.into())
    );
    assert_eq!(
        field(1, "label"),
        "DEMONSTRATION MODEL. Research use only. Not for diagnosis."
    );
}

#[test]
fn show_says_how_an_exam_was_made() {
    let (_dir, store) = store();
    let text = printed(|out| show(&store, &find(&store, ENDED)?, false, out));
    for line in [
        "label        DEMONSTRATION MODEL. Research use only. Not for diagnosis.",
        "verdict      high",
        "frames       3 count of 3 scored of 12 seen",
        "scores       3 stored: min 0.010, median 0.021, max 0.031",
        "engine       tract 0.23.9",
        "ROI          150,80,200,180",
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line}\nnot in\n{text}");
    }
    assert!(text.contains(&format!("{ENDED}/key-2-highest.png")), "{text}");
    let json = printed(|out| show(&store, &find(&store, ENDED)?, true, out));
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["scores"]["count"], 3);
    assert_eq!(Scores::of(vec![]), None);
}

#[test]
fn an_exam_is_found_by_its_id_a_beginning_of_it_or_as_the_latest() {
    let (_dir, store) = store();
    for (id, found) in [
        (ENDED, ENDED),
        ("20260131T09", ENDED),
        ("20260131T10", LATEST),
        ("latest", LATEST),
    ] {
        assert_eq!(find(&store, id).expect(id).id, found);
    }
    assert!(matches!(find(&store, "20260131T"), Err(Error::Ambiguous { .. })));
    assert!(matches!(find(&store, "2025"), Err(Error::NotFound(_))));
}

#[test]
fn an_export_holds_everything_and_its_hashes_are_true() {
    let (dir, store) = store();
    let to = dir.path().join("out/here");
    let exam = find(&store, ENDED).expect("it is there");
    let (folder, damaged) = export(&store, &exam, Language::En, &to).expect("a writable folder");
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
    let exam = find(&store, ENDED).expect("it is there");
    let to = dir.path().join("out");
    export(&store, &exam, Language::En, &to).expect("a writable folder");
    assert!(matches!(
        export(&store, &exam, Language::En, &to),
        Err(Error::Exists(_))
    ));
    assert_eq!(fs::read_dir(&to).expect("the folder").count(), 1);

    fs::write(dir.path().join("file"), "").expect("a file");
    let error = export(&store, &exam, Language::En, &dir.path().join("file")).expect_err("it is no folder");
    assert!(matches!(error, Error::Write { .. }), "{error}");
    let gone = store.key_frames(ENDED).expect("readable").remove(0).path;
    fs::remove_file(&gone)
        .and_then(|()| fs::create_dir(&gone))
        .expect("a folder in its place");
    let other = dir.path().join("other");
    assert!(export(&store, &exam, Language::En, &other).is_err());
    assert_eq!(fs::read_dir(&other).expect("the folder").count(), 0);
}

#[test]
fn a_damaged_picture_is_named_and_the_rest_is_exported() {
    let (dir, store) = store();
    let path = store.key_frames(ENDED).expect("readable").remove(0).path;
    let half = fs::read(&path).expect("a file");
    fs::write(&path, &half[..half.len() / 2]).expect("a writable file");
    let exam = find(&store, ENDED).expect("it is there");
    let (folder, damaged) = export(&store, &exam, Language::En, dir.path()).expect("a writable folder");
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
fn a_long_list_of_damage_is_cut_short() {
    let list: Vec<String> = (0..9).map(|i| format!("record {i}")).collect();
    assert_eq!(first_few(&list), "record 0; record 1; record 2; and 6 more");
    assert_eq!(first_few(&list[..1]), "record 0");
}

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: Args,
}

#[test]
fn a_store_that_is_not_there_is_not_made() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let nowhere = dir.path().join("nowhere");
    let line = [
        "exams",
        "show",
        "latest",
        "--store",
        nowhere.to_str().expect("text"),
    ];
    let cli = Cli::try_parse_from(line).expect("good arguments");
    assert!(matches!(run(&cli.args), Err(Error::NoStore(dir)) if dir == nowhere));
    assert!(!Path::new(&nowhere).exists());
}
