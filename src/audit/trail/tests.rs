use super::*;
use crate::audit::verify::tests::faults;

pub fn alice() -> Actor {
    Actor {
        user: "alice".into(),
        login: None,
    }
}

pub fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + seconds, 0).expect("a time")
}

/// A trail of `records` stops, a day apart.
pub fn trail(store: &Path, records: u32) -> Trail {
    let trail = Trail::of_store(store);
    for n in 0..records {
        let time = at(i64::from(n) * 86_400);
        trail
            .append(&alice(), Event::Stopped, time)
            .expect("a writable folder");
    }
    trail
}

fn events(trail: &Trail) -> Vec<Event> {
    let (_, path) = trail.files().expect("a folder").pop().expect("a file");
    let text = fs::read(path).expect("a file");
    let lines = text.split(|b| *b == b'\n');
    lines
        .filter_map(|line| Some(Record::decode(line)?.event))
        .collect()
}

#[test]
fn the_chain_goes_on_across_years_and_a_clock_that_was_set_back() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let trail = trail(dir.path(), 60);
    trail
        .append(&alice(), Event::TrailRead, at(0))
        .expect("a writable folder");
    let years: Vec<i32> = trail
        .files()
        .expect("a folder")
        .iter()
        .map(|(year, _)| *year)
        .collect();
    assert_eq!(years, [2023, 2024]);
    assert_eq!(
        events(&trail).last(),
        Some(&Event::TrailRead),
        "in the newest file"
    );
    assert_eq!(faults(&trail), [""; 0]);
}

#[test]
fn what_a_power_cut_left_half_written_stays_and_is_said() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let trail = trail(dir.path(), 2);
    let (_, path) = trail.files().expect("a folder").pop().expect("a file");
    let head = fs::read(trail.head_path()).expect("a head");
    let start = fs::read(&path).expect("a file").len();
    trail
        .append(&alice(), Event::TrailRead, at(2))
        .expect("a writable folder");
    let whole = fs::read(&path).expect("a file");
    let length = whole.len() - start;
    for cut in [1, 2, length / 2, length - 2, length - 1, length] {
        // The record got to the disk in part, its head not at all.
        fs::write(&path, &whole[..start + cut]).expect("a file");
        fs::write(trail.head_path(), &head).expect("a file");
        trail
            .append(&alice(), Event::Stopped, at(3))
            .expect("a writable folder");
        let said = match length - cut {
            0 | 1 => Event::TrailRead, // only the line's end was missing
            _ => Event::Unfinished { bytes: cut as u64 },
        };
        assert_eq!(
            events(&trail),
            [Event::Stopped, Event::Stopped, said, Event::Stopped],
            "{cut}"
        );
        assert_eq!(faults(&trail), [""; 0], "{cut}");
    }
}

#[test]
fn two_processes_append_to_one_chain() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| trail(dir.path(), 10));
        }
    });
    let trail = Trail::of_store(dir.path());
    assert_eq!(trail.head().expect("a head").map(|head| head.seq), Some(40));
    assert_eq!(faults(&trail), [""; 0]);
}

#[test]
fn a_trail_that_was_cut_off_goes_on_where_its_head_was() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let trail = trail(dir.path(), 5);
    let (_, path) = trail.files().expect("a folder").pop().expect("a file");
    let text = fs::read_to_string(&path).expect("a file");
    let kept: String = text.split_inclusive('\n').take(3).collect();
    fs::write(&path, kept).expect("a file");
    trail
        .append(&alice(), Event::TrailRead, at(0))
        .expect("a writable folder");
    let shortened = Event::Shortened { found: 3, head: 5 };
    assert_eq!(events(&trail)[3..], [shortened, Event::TrailRead]);
    assert_eq!(faults(&trail), ["2023.jsonl:4: records 4 to 5 are missing"]);
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_with_its_name() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    fs::write(dir.path().join("audit"), "in the way").expect("a file");
    let error = Trail::of_store(dir.path()).append(&alice(), Event::Stopped, at(0));
    let error = error.expect_err("no folder").to_string();
    assert!(error.starts_with("cannot create the folder"), "{error}");
}
