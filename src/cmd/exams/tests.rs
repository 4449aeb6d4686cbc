use std::path::Path;

use clap::Parser;
use serde_json::Value;
use tempfile::TempDir;

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
