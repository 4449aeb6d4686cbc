//! What is on the sheet. How it looks is in `tests/system/page`.

use std::io::Read;

use flate2::read::ZlibDecoder;

use super::*;
use crate::exam::record::{Grade, Mark, Opinion, Pathology};
use crate::exam::{Enhancement, Fit, Kinetics, Point};
use crate::store::tests::ended;

const ID: &str = "20260131T094500.123Z-7f3a";

fn exam() -> Exam {
    let fit = Fit {
        kinetics: Kinetics {
            arrival_s: 8.1,
            time_to_peak_s: 9.25,
            peak: 0.0123,
            wash_in_per_s: 0.0034,
            mean_transit_s: 31.0,
            wash_out: 0.42,
        },
        r2: 0.97,
        poor: false,
    };
    let curve = (0..60)
        .map(|n| Point(n as f32, 0.01 * (n as f32 / 9.0).sin().abs(), Some(0.004)))
        .collect();
    Exam {
        order: Some(Order {
            patient_id: Some("P-0815".into()),
            patient_name: Some("Núñez^María Dolores^^Dra.".into()),
            birth_date: Some("19610203".into()),
            sex: Some("F".into()),
            ..Order::default()
        }),
        marks: vec![Mark {
            kind: MarkKind::Injection,
            t_ms: 500,
        }],
        opinion: Some(Opinion {
            accepted: false,
            comment: "necrosis (see CT)".into(),
            at: "2026-01-31T10:00:00Z".parse().expect("a time"),
        }),
        pathology: Some(Pathology {
            grade: Grade::High,
            reported: "G3".into(),
            at: "2026-02-14T10:00:00Z".parse().expect("a time"),
        }),
        enhancement: Some(Enhancement {
            lesion: Some(fit),
            reference: Some(Fit { poor: true, ..fit }),
            curve,
        }),
        ..ended(ID, 412)
    }
}

fn pictures() -> Vec<Picture> {
    let picture = |n: u8| Picture {
        reason: KeyReason::Peak,
        t_ms: 3000 * u64::from(n),
        score: 0.5,
        rgb: RgbImage::from_pixel(300 + 100 * u32::from(n), 200, image::Rgb([90, 60, 20 * n])),
    };
    (1..=3).map(picture).collect()
}

/// The texts on the sheet, one a line.
fn texts(pdf: &[u8]) -> String {
    let from = pdf
        .windows(8)
        .position(|bytes| bytes == b"\nstream\n")
        .expect("a stream")
        + 8;
    let mut drawn = Vec::new();
    ZlibDecoder::new(&pdf[from..])
        .read_to_end(&mut drawn)
        .expect("deflated");
    let drawn: String = drawn.into_iter().map(char::from).collect();
    let shown = drawn.lines().filter_map(|line| line.strip_suffix(" Tj"));
    let hexadecimal = |text: &str| -> String {
        let digits: Vec<char> = text.chars().filter(char::is_ascii_hexdigit).collect();
        let code =
            |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).expect("two digits");
        digits.chunks(2).map(|pair| char::from(code(pair))).collect()
    };
    let plain = |text: &str| match text.strip_prefix('<') {
        Some(digits) => hexadecimal(digits),
        None => text[1..text.len() - 1].replace("\\(", "(").replace("\\)", ")"),
    };
    shown.map(plain).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_sheet_says_what_the_record_says() {
    let pdf = pdf(&exam(), State::Ended, 0, &pictures(), Language::En);
    assert!(pdf.starts_with(b"%PDF-1.7") && pdf.len() > 5000);
    let text = texts(&pdf);
    for wanted in [
        "DEMONSTRATION MODEL. Research use only. Not for diagnosis.",
        "HIGH",
        "P(high) 0.73, 95 % 0.66 to 0.79",
        "412 frames counted of 412 scored of 1648 seen",
        "P-0815",
        "1961-02-03",
        "female",
        ID,
        "1:30",
        "disagreed: necrosis (see CT)",
        "8.1",
        "poor fit",
        "peak of contrast",
        "tract 0.23.9, 0.1.0",
        "HIGH (G3)",
    ] {
        assert!(text.contains(wanted), "{wanted} not in\n{text}");
    }
    assert!(
        text.contains("N\u{fa}\u{f1}ez, Mar\u{ed}a Dolores Dra."),
        "{text}"
    );
    let count = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).filter(|at| *at == what).count();
    assert_eq!(
        (count(&pdf, b"/Type /Page\n"), count(&pdf, b"/DCTDecode")),
        (1, 3)
    );
}

/// A key without words would stand there itself.
#[test]
fn everything_has_words_in_both_languages() {
    for language in [Language::En, Language::De] {
        for exam in [exam(), ended(ID, 3), crate::store::tests::exam(ID)] {
            for pictures in [pictures(), Vec::new()] {
                let text = texts(&pdf(&exam, exam.state(), 0, &pictures, language));
                let keys = |line: &&str| {
                    ["report", "pathology", "state-"]
                        .iter()
                        .any(|key| line.starts_with(key))
                        || line.contains('_')
                        || line.contains('{')
                };
                assert_eq!(text.lines().find(keys), None);
            }
        }
    }
    let german = texts(&pdf(&exam(), State::Ended, 0, &[], Language::De));
    assert!(german.contains("HOCH") && german.contains("weiblich"), "{german}");
    let running = texts(&pdf(
        &crate::store::tests::exam(ID),
        State::Running,
        0,
        &[],
        Language::De,
    ));
    assert!(running.contains("l\u{e4}uft"), "{running}");
}

#[test]
fn names_are_as_people_write_them_and_never_garbage() {
    assert_eq!(person("Doe^Jane"), "Doe, Jane");
    assert_eq!(person("Doe"), "Doe");
    assert_eq!(person("Yamada^Tarou=山田^太郎=やまだ^たろう"), "Yamada, Tarou");
    let named = |name: &str| {
        let mut exam = exam();
        exam.order.as_mut().expect("an order").patient_name = Some(name.into());
        texts(&pdf(&exam, State::Ended, 0, &[], Language::En))
    };
    let foreign = named("山田^太郎");
    assert!(foreign.contains("(other letters: see exam.json)"), "{foreign}");
    assert!(!foreign.contains('?'), "{foreign}");
}

#[test]
fn what_is_too_long_is_cut_and_stays_one_page() {
    let mut exam = exam();
    exam.notes = "breathing ".repeat(500);
    exam.opinion.as_mut().expect("an opinion").comment = "x".repeat(5000);
    let text = texts(&pdf(&exam, State::Ended, 0, &pictures(), Language::En));
    assert!(text.lines().all(|line| line.len() < 160), "{text}");
    assert_eq!(
        text.lines().filter(|line| line.ends_with("...")).count(),
        2,
        "{text}"
    );
}

#[test]
fn the_pictures_are_the_peak_and_the_extremes() {
    use KeyReason::{Highest, Lowest, Peak, Regular};
    let keys = [
        (1, Regular),
        (5, Peak),
        (8, Highest),
        (9, Peak),
        (20, Lowest),
        (22, Regular),
        (30, Highest),
    ];
    assert_eq!(choose(&keys), [9, 20, 30]);
    assert_eq!(choose(&keys[..3]), [1, 5, 8]);
    assert_eq!(choose(&[(4, Regular)]), [4]);
    assert_eq!(choose(&[]), [0; 0]);
}
