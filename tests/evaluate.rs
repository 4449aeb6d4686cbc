//! `sonograde evaluate`: its figures against scikit-learn's and plain definitions, and the command from end to end.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use common::{folder, picture, sonograde, text};
use serde_json::Value;
use sonograde::evaluate::cases::Cases;
use sonograde::evaluate::level::Level;
use tempfile::TempDir;

/// Made by `tests/evaluate/reference.py`.
const REFERENCE: &str = include_str!("evaluate/reference.json");
const TOLERANCE: f64 = 1e-9;

/// Where two JSON values differ by more than the tolerance.
fn differences(ours: &Value, wanted: &Value, place: &str, found: &mut Vec<String>) {
    match (ours, wanted) {
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            for (key, value) in a {
                differences(value, &b[key], &format!("{place}/{key}"), found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (n, (a, b)) in a.iter().zip(b).enumerate() {
                differences(a, b, &format!("{place}/{n}"), found);
            }
        }
        (Value::Number(a), Value::Number(b)) => {
            let difference = a.as_f64().zip(b.as_f64()).map(|(a, b)| (a - b).abs());
            if difference.is_none_or(|d| d > TOLERANCE) {
                found.push(format!("{place}: {a}, expected {b}"));
            }
        }
        _ if ours == wanted => {}
        _ => found.push(format!("{place}: {ours}, expected {wanted}")),
    }
}

/// The generator of reference.py.
fn draws() -> impl FnMut(usize) -> usize {
    let mut state = 1u64;
    move |below| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    }
}

#[test]
fn every_figure_agrees_with_the_reference() {
    let reference: Value = serde_json::from_str(REFERENCE).expect("JSON");
    let number = |value: &Value| value.as_f64().expect("a number");
    let band = [number(&reference["band"][0]), number(&reference["band"][1])];
    let wanted = number(&reference["wanted_sensitivity"]);
    let resamples = number(&reference["resamples"]) as usize;
    let sets = reference["sets"].as_array().expect("sets");
    assert!(sets.len() >= 14);
    for set in sets {
        let cases = set["cases"].as_array().expect("cases").iter().map(|case| {
            let high = case[1].as_bool().expect("a grade");
            (case[0].as_str().expect("a patient"), high, number(&case[2]))
        });
        let level = Level::drawn(&Cases::new(cases), band, wanted, resamples, draws());
        let ours = serde_json::to_value(&level).expect("JSON");
        let mut found = Vec::new();
        differences(&ours, &set["level"], "", &mut found);
        assert!(found.is_empty(), "{}: {found:#?}", set["name"]);
    }
}

fn run(args: &[&str]) -> Output {
    sonograde().args(args).output().expect("the program starts")
}

fn stdout(output: &Output) -> &str {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    std::str::from_utf8(&output.stdout).expect("UTF-8")
}

/// The words of the report's page, without the bytes of its pictures, which may spell anything.
fn page(report: &Path) -> String {
    let page = fs::read_to_string(report.join("report.html")).expect("the report");
    let mut parts = page.split(";base64,");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |words, part| {
        words + part.split_once('"').expect("a picture ends").1
    })
}

/// Pictures of four simulated patients, whose panes have 600×600 pixels; the path of their labels.
fn phantoms() -> (TempDir, PathBuf) {
    let set = folder();
    let args = [
        "phantom",
        "--exams",
        "4",
        "--seed",
        "9",
        "--pictures",
        "2",
        "--out",
    ];
    stdout(&run(&[&args[..], &[text(set.path())]].concat()));
    let labels = set.path().join("labels.csv");
    (set, labels)
}

/// Replaces the fields of a line that was split at commas outside quotes.
fn rewrite(labels: &Path, change: impl Fn(usize, String) -> String) {
    let lines = fs::read_to_string(labels).expect("labels");
    let changed: Vec<String> = lines
        .lines()
        .enumerate()
        .map(|(n, line)| change(n + 1, line.to_owned()))
        .collect();
    fs::write(labels, changed.join("\n") + "\n").expect("labels");
}

#[test]
fn a_set_is_measured_printed_and_reported() {
    let (set, labels) = phantoms();
    // A patient's name is not the page's markup, and a time that is not known is a phase of its own.
    rewrite(&labels, |n, line| match n {
        2 => {
            let fields: Vec<&str> = line.splitn(5, ',').collect();
            format!("<b>&\"\"\"\"x,{},{},,{}", fields[1], fields[2], fields[4])
        }
        _ => line,
    });
    rewrite(&labels, |_, line| {
        line.replacen("<b>&\"\"\"\"x", "\"<b>&\"\"x\"", 1)
    });
    let report = set.path().join("out/report");
    let output = run(&["evaluate", text(&labels), "--json", "--report", text(&report)]);
    let figures: Value = serde_json::from_str(stdout(&output)).expect("one JSON object");
    assert_eq!(
        (&figures["pictures"]["cases"], &figures["exams"]["cases"]),
        (&8.into(), &5.into())
    );
    assert_eq!(figures["pictures"]["low"], 4);
    assert_eq!(figures["phases"].as_array().map(Vec::len), Some(3));
    assert_eq!(
        figures["label"],
        "DEMONSTRATION MODEL. Research use only. Not for diagnosis."
    );
    assert_eq!(figures["maps_high"]["pictures"], 4);
    let page = page(&report);
    for words in [
        "DEMONSTRATION MODEL. Research use only. Not for diagnosis.",
        "74.8 %",
        "cannot be compared as equals",
        "<svg",
        figures["model"]["sha256"].as_str().expect("a hash"),
    ] {
        assert!(page.contains(words), "{words} is not in the report");
    }
    assert!(!page.contains("NaN") && !page.contains("<script") && !page.contains("<b>&\""));
    assert!(
        !page.contains("src=\"http") && !page.contains("href="),
        "the file needs nothing else"
    );

    let table = run(&["evaluate", text(&labels), "--sensitivity", "0.5"]);
    let words = stdout(&table);
    assert!(
        words.contains("By picture: 8 pictures of 5 patients, 4 low and 4 high"),
        "{words}"
    );
    assert!(words.contains("sensitivity 0.5, "), "{words}");
}

#[test]
fn one_bad_row_refuses_the_set_and_every_bad_row_is_listed() {
    let (set, labels) = phantoms();
    fs::write(set.path().join("torn.png"), b"\x89PNG\r\n\x1a\n torn").expect("a file");
    image::GrayImage::new(600, 600)
        .save(set.path().join("black.png"))
        .expect("a mask");
    picture(&set.path().join("small.png"), 1);
    let field = |line: &str, n: usize| line.split(',').nth(n).expect("a field").to_owned();
    rewrite(&labels, |n, line| match n {
        2 => line.replacen(",low,", ",G2,", 1),
        3 => line.replacen(&field(&line, 2), "torn.png", 1),
        4 => line.replacen("\"0,0,600,600\"", "\"0,0,601,600\"", 1),
        5 => line.replacen(&field(&line, 2), "pictures/none.png", 1),
        6 | 7 => {
            let mask = line.rsplit(',').next().expect("a mask");
            line.replacen(mask, ["black.png", "small.png"][n - 6], 1)
        }
        _ => line,
    });
    let output = run(&["evaluate", text(&labels), "--json"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        (output.status.code(), output.stdout.len()),
        (Some(5), 0),
        "{said}"
    );
    let wanted = [
        "line 2: unknown grade \"G2\"",
        "line 3: ",
        "line 4: the pane 0,0,601,600 lies outside the picture",
        "line 5: missing picture \"pictures/none.png\"",
        "line 6: ",
        "line 7: ",
    ];
    let lines: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("  ")).collect();
    assert_eq!(lines.len(), wanted.len(), "{said}");
    for (line, wanted) in lines.iter().zip(wanted) {
        assert!(line.starts_with(wanted), "{said}");
    }
    assert!(
        lines[5].contains("a mask of 320x240 pixels; expected 600x600"),
        "{said}"
    );
    assert!(
        lines[1].contains("torn.png") && lines[4].contains("marks nothing"),
        "{said}"
    );
}

#[test]
fn sets_that_say_little_are_measured_with_words_instead_of_numbers() {
    let (set, labels) = phantoms();
    let all = fs::read_to_string(&labels).expect("labels");
    let only = |keep: &dyn Fn(&str) -> bool| {
        let kept = all.lines().enumerate().filter(|(n, line)| *n == 0 || keep(line));
        let kept: Vec<&str> = kept.map(|(_, line)| line).collect();
        fs::write(&labels, kept.join("\n")).expect("labels");
        let report = set.path().join("report");
        let output = run(&["evaluate", text(&labels), "--report", text(&report)]);
        let page = page(&report);
        assert!(!page.contains("NaN") && !page.contains("inf"));
        stdout(&output).to_owned()
    };
    let high = only(&|line| line.contains(",high,"));
    assert!(
        high.contains("There is no low-grade picture") && high.contains('–'),
        "{high}"
    );
    let one = only(&|line| line.contains("phantom-0000009"));
    assert!(one.contains("single low-grade patient"), "{one}");
}

#[test]
fn what_cannot_be_used_has_its_exit_code() {
    let empty = folder();
    let missing = empty.path().join("labels.csv");
    let code = |args: &[&str]| run(args).status.code();
    assert_eq!(code(&["evaluate", text(&missing)]), Some(5));
    assert_eq!(
        code(&["evaluate", text(&missing), "--sensitivity", "1.5"]),
        Some(2)
    );
    assert_eq!(
        code(&["evaluate", text(&missing), "--model", text(&missing)]),
        Some(4)
    );
    let file = tempfile::NamedTempFile::new().expect("a file");
    let inside = file.path().join("report");
    assert_eq!(
        code(&["evaluate", text(&missing), "--report", text(&inside)]),
        Some(9)
    );
}
