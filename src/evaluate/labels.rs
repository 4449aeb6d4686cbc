//! `labels.csv` → rows that can be trusted, and everything that is wrong with the others.
//!
//! The file is the one that `models/train` learns from; `models/train/sonograde_train/data.py` keeps the same rules.
//! Opens no picture: what only shows in a picture is found in [`super::judge`].

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::EvaluateError;
use crate::frame::Rect;

/// Columns that a file must have, in any order. Others are ignored.
const COLUMNS: [&str; 8] = [
    "patient_id",
    "exam_id",
    "path",
    "t_ms",
    "grade",
    "pane",
    "roi",
    "mask",
];
/// Larger files are refused before they are read.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// One labelled picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Where it begins in the file, counted from 1.
    pub line: u64,
    /// Who.
    pub patient: String,
    /// Which exam of that patient.
    pub exam: String,
    /// The picture.
    pub path: PathBuf,
    /// Milliseconds since the injection of contrast, negative before it; absent where unknown.
    pub t_ms: Option<i64>,
    /// Whether the nuclear grade is high (III-IV) and not low (I-II).
    pub high: bool,
    /// The contrast pane in pixels of the picture.
    pub pane: Rect,
    /// The lesion ROI in pixels of the picture, inside the pane.
    pub roi: Rect,
    /// A picture of the same size, white where the lesion is.
    pub mask: Option<PathBuf>,
}

/// What is wrong with one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, counted from 1.
    pub line: u64,
    /// What is wrong and what was expected.
    pub words: String,
}

/// A file of labels as read: good rows, and the problems of the others.
#[derive(Debug, PartialEq)]
pub struct Labels {
    /// The file.
    pub path: PathBuf,
    /// Rows whose text is in order.
    pub rows: Vec<Row>,
    /// Why the file cannot be used as it is; empty if it can.
    pub problems: Vec<Problem>,
}

impl Labels {
    /// Reads `path`; pictures and masks are looked for from its folder on.
    ///
    /// # Errors
    /// [`EvaluateError::Labels`] if the file itself cannot be read.
    pub fn read(path: &Path) -> Result<Self, EvaluateError> {
        let cannot = |source: Box<dyn std::error::Error + Send + Sync>| EvaluateError::Labels {
            path: path.into(),
            source,
        };
        let length = fs::metadata(path).map_err(|e| cannot(e.into()))?.len();
        if length > MAX_FILE_BYTES {
            return Err(cannot(
                format!("{length} bytes; expected at most {MAX_FILE_BYTES}").into(),
            ));
        }
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .from_path(path)
            .map_err(|e| cannot(e.into()))?;
        let header = reader.headers().map_err(|e| cannot(e.into()))?.clone();
        let mut labels = Self {
            path: path.into(),
            rows: Vec::new(),
            problems: Vec::new(),
        };
        let places = match places(&header) {
            Ok(places) => places,
            Err(words) => {
                labels.problem(1, words);
                return Ok(labels);
            }
        };
        let folder = path.parent().unwrap_or(Path::new(""));
        for record in reader.records() {
            let record = match record {
                Ok(record) => record,
                Err(error) if error.is_io_error() => return Err(cannot(error.into())),
                Err(error) => {
                    let line = error.position().map_or(1, csv::Position::line);
                    labels.problem(line, "not UTF-8 text".into());
                    continue;
                }
            };
            let line = record.position().map_or(1, csv::Position::line);
            let row = if record.len() == header.len() {
                row(folder, line, |column| {
                    record.get(places[column]).unwrap_or_default()
                })
            } else {
                let (expected, found) = (header.len(), record.len());
                Err(format!("{found} fields; expected {expected} as in the header"))
            };
            match row {
                Ok(row) => labels.rows.push(row),
                Err(words) => labels.problem(line, words),
            }
        }
        labels.patients_with_two_grades();
        if labels.rows.is_empty() && labels.problems.is_empty() {
            labels.problem(1, "no rows after the header".into());
        }
        Ok(labels)
    }

    fn problem(&mut self, line: u64, words: String) {
        self.problems.push(Problem { line, words });
    }

    fn patients_with_two_grades(&mut self) {
        let mut first: HashMap<&str, (&Row, bool)> = HashMap::new();
        for row in &self.rows {
            let (earlier, told) = first.entry(&row.patient).or_insert((row, false));
            if earlier.high != row.high && !*told {
                *told = true;
                let words = format!(
                    "patient {} is {} here and {} on line {}; expected one grade for each patient",
                    row.patient,
                    grade_word(row.high),
                    grade_word(earlier.high),
                    earlier.line
                );
                self.problems.push(Problem {
                    line: row.line,
                    words,
                });
            }
        }
    }
}

/// How files and people name a grade.
pub fn grade_word(high: bool) -> &'static str {
    if high { "high" } else { "low" }
}

/// Where in a record each of [`COLUMNS`] stands.
fn places(header: &csv::StringRecord) -> Result<[usize; 8], String> {
    let place = |name: &str| header.iter().position(|column| column == name);
    let missing: Vec<&str> = COLUMNS.into_iter().filter(|name| place(name).is_none()).collect();
    if missing.is_empty() {
        Ok(COLUMNS.map(|name| place(name).unwrap_or_default()))
    } else {
        Err(format!("the header lacks {}", missing.join(", ")))
    }
}

/// The row whose fields `field` gives by their place in [`COLUMNS`].
fn row<'a>(folder: &Path, line: u64, field: impl Fn(usize) -> &'a str) -> Result<Row, String> {
    let [patient, exam] = [0, 1].map(|column| field(column).to_owned());
    if patient.is_empty() || exam.is_empty() {
        return Err("patient_id and exam_id must not be empty".into());
    }
    let path = file(folder, "picture", field(2))?;
    let t_ms = match field(3) {
        "" => None,
        text => Some(text.parse().map_err(|_| {
            format!("t_ms \"{text}\"; expected whole milliseconds since the injection, or nothing")
        })?),
    };
    let high = match field(4) {
        "low" => false,
        "high" => true,
        other => return Err(format!("unknown grade \"{other}\"; expected low or high")),
    };
    let rect = |column: usize| {
        let parsed = field(column).parse::<Rect>();
        parsed.map_err(|e| format!("{}: {e}", COLUMNS[column]))
    };
    let (pane, roi) = (rect(5)?, rect(6)?);
    let mask = match field(7) {
        "" => None,
        name => Some(file(folder, "mask", name)?),
    };
    Ok(Row {
        line,
        patient,
        exam,
        path,
        t_ms,
        high,
        pane,
        roi,
        mask,
    })
}

fn file(folder: &Path, what: &str, name: &str) -> Result<PathBuf, String> {
    let path = folder.join(name);
    if path.is_file() {
        Ok(path)
    } else {
        Err(format!("missing {what} \"{name}\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "patient_id,exam_id,path,t_ms,grade,pane,roi,mask\n";

    fn read(text: &str) -> Labels {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in ["a.png", "m.png"] {
            fs::write(folder.path().join(name), "").expect("a file");
        }
        let path = folder.path().join("labels.csv");
        fs::write(&path, text).expect("the labels");
        Labels::read(&path).expect("a readable file")
    }

    fn problems(rows: &str) -> Vec<(u64, String)> {
        let labels = read(&format!("{HEADER}{rows}"));
        labels.problems.into_iter().map(|p| (p.line, p.words)).collect()
    }

    #[test]
    fn a_good_file_is_read_whole() {
        let labels = read(concat!(
            "\u{feff}mask,patient_id,exam_id,path,t_ms,grade,pane,roi,site\n",
            "m.png,p1,e1,a.png,-250,high,\"0,0,9,9\",\"1,2,3,4\",here\n",
            ",p2,e1,a.png,,low,\"0,0,9,9\",\"0,0,9,9\",there\n",
        ));
        assert_eq!(labels.problems, []);
        let [first, second] = &labels.rows[..] else {
            panic!("{:?}", labels.rows)
        };
        let roi = Rect {
            x: 1,
            y: 2,
            w: 3,
            h: 4,
        };
        assert_eq!(
            (first.line, first.t_ms, first.high, first.roi),
            (2, Some(-250), true, roi)
        );
        assert!(first.mask.as_ref().is_some_and(|m| m.ends_with("m.png")));
        assert_eq!((second.t_ms, second.high, &second.mask), (None, false, &None));
    }

    #[test]
    fn every_bad_line_is_named() {
        let good = "\"0,0,9,9\",\"1,2,3,4\"";
        let rows = [
            format!(",e,a.png,1,low,{good},"),
            format!("p,e,b.png,1,low,{good},"),
            format!("p,e,a.png,soon,low,{good},"),
            format!("p,e,a.png,1,G3,{good},"),
            "p,e,a.png,1,low,\"0,0,9,9\",\"1,2,0,4\",".into(),
            format!("p,e,a.png,1,low,{good},n.png"),
            "p,e,a.png".into(),
        ];
        let wanted = [
            "must not be empty",
            "missing picture \"b.png\"",
            "t_ms \"soon\"",
            "unknown grade \"G3\"",
            "roi: expected a rectangle",
            "missing mask \"n.png\"",
            "3 fields; expected 8",
        ];
        let found = problems(&rows.join("\n"));
        assert_eq!(found.len(), wanted.len(), "{found:?}");
        for ((n, wanted), (line, words)) in wanted.iter().enumerate().zip(&found) {
            assert!(*line == n as u64 + 2 && words.contains(wanted), "{line}: {words}");
        }
    }

    #[test]
    fn a_patient_has_one_grade() {
        let row = |patient, grade| format!("{patient},e,a.png,1,{grade},\"0,0,9,9\",\"0,0,9,9\",\n");
        let rows = [
            row("p", "low"),
            row("q", "high"),
            row("p", "high"),
            row("p", "high"),
        ]
        .concat();
        let words = "patient p is high here and low on line 2; expected one grade for each patient";
        assert_eq!(problems(&rows), [(4, words.to_owned())]);
    }

    #[test]
    fn files_that_hold_no_rows_say_why() {
        assert_eq!(problems(""), [(1, "no rows after the header".to_owned())]);
        assert_eq!(
            read("patient_id,exam_id,path\n").problems[0].words,
            "the header lacks t_ms, grade, pane, roi, mask"
        );
        assert!(Labels::read(Path::new("/nowhere/labels.csv")).is_err());
    }

    #[test]
    fn text_that_is_not_utf_8_is_a_bad_line() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("labels.csv");
        let bytes = [HEADER.as_bytes(), b"p\xff,e,a.png,1,low,,,\n"].concat();
        fs::write(&path, bytes).expect("the labels");
        let labels = Labels::read(&path).expect("a readable file");
        assert_eq!((labels.problems.len(), labels.problems[0].line), (1, 2));
    }
}
