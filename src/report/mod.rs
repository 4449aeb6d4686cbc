//! An exam on one sheet of paper, as PDF: whose it is, the verdict with its interval, the time-intensity curve and its figures, key
//! frames with their maps, and how all of it was made.
//!
//! Says what the exam's record says, in a language of the page's catalogue. The same exam gives the same bytes, but for the
//! time zone that times are told in. Reads and writes no file. Deliberately not here: anything of which only the page speaks, such as
//! deliveries.

mod curve;
mod letters;
mod sheet;
#[cfg(test)]
mod tests;
mod verdict;

use chrono::{DateTime, Local, Utc};
use image::RgbImage;

use crate::exam::record::{Exam, KeyReason, MarkKind, Order, State};
use crate::words::Language;
use sheet::{Colour, FAINT, Face, INK, SIZE, Sheet, wrapped};

/// Left and right of everything, in points.
const MARGIN: f32 = 36.0;
const WIDTH: f32 = SIZE[0] - 2.0 * MARGIN;
/// Most pictures on the sheet.
const PICTURES: usize = 3;

const fn face(size: f32, bold: bool, colour: Colour) -> Face {
    Face { size, bold, colour }
}

const TITLE: Face = face(15.0, true, INK);
const HEAD: Face = face(9.5, true, INK);
const NAME: Face = face(8.0, false, FAINT);
const VALUE: Face = face(9.0, false, INK);
const SMALL: Face = face(7.5, false, INK);
const WARNING: Colour = [1.0, 0.9, 0.6];
const PALE: Colour = [0.88, 0.88, 0.9];

/// A key frame with its map drawn over it.
pub struct Picture {
    /// Why it was kept.
    pub reason: KeyReason,
    /// When, in milliseconds since the source was opened.
    pub t_ms: u64,
    /// P(high grade) of the frame.
    pub score: f32,
    /// As [`crate::overlay::draw`] makes it.
    pub rgb: RgbImage,
}

/// Which key frames belong on the sheet, of those of an exam in the order of their numbers: the peak of contrast, the
/// highest and the lowest score, then what somebody marked and whatever else there is. By number.
pub fn choose(keys: &[(u64, KeyReason)]) -> Vec<u64> {
    use KeyReason::{Highest, Lowest, Marked, Peak, Regular};
    let last_of = |reason| keys.iter().rfind(|key| key.1 == reason);
    let wanted = [Peak, Highest, Lowest, Marked].into_iter().filter_map(last_of);
    let regular: Vec<_> = keys.iter().filter(|key| key.1 == Regular).collect();
    let middle = regular.get(regular.len() / 2).copied();
    let mut chosen: Vec<u64> = wanted.chain(middle).chain(keys).map(|key| key.0).collect();
    let mut seen = std::collections::HashSet::new();
    chosen.retain(|seq| seen.insert(*seq));
    chosen.truncate(PICTURES);
    chosen.sort_unstable();
    chosen
}

/// The sheet of `exam`, which has come as far as `state` and whose first stored frame was taken at `first_ms`.
pub fn pdf(exam: &Exam, state: State, first_ms: u64, pictures: &[Picture], language: Language) -> Vec<u8> {
    let mut page = Page {
        sheet: Sheet::new(language.words("reportLetters")),
        language,
        exam,
        state,
        first_ms,
    };
    page.head();
    page.people();
    page.verdict();
    page.enhancement();
    page.pictures(pictures);
    page.provenance();
    page.foot();
    let title = format!("{} {}", page.words("reportTitle"), exam.id);
    page.sheet.finish(&title, language.code())
}

struct Page<'a> {
    sheet: Sheet,
    language: Language,
    exam: &'a Exam,
    state: State,
    first_ms: u64,
}

impl Page<'_> {
    fn words(&self, key: &str) -> String {
        self.language.words(key)
    }

    fn head(&mut self) {
        let title = self.words("reportTitle");
        self.sheet.text([MARGIN, 44.0], WIDTH, TITLE, &title);
        self.label(52.0);
    }

    fn foot(&mut self) {
        self.label(SIZE[1] - 34.0);
    }

    /// What must be said of the model, over the whole width.
    fn label(&mut self, y: f32) {
        self.sheet.fill([MARGIN, y], [WIDTH, 16.0], WARNING);
        self.sheet
            .text([MARGIN + 6.0, y + 11.5], WIDTH - 12.0, HEAD, &self.exam.label);
    }

    /// Names and values below each other, from `y` on.
    fn rows(&mut self, [x, y]: [f32; 2], width: f32, step: f32, rows: &[(String, String)]) {
        let indent = 0.34 * width;
        for (n, (name, value)) in (0u8..).zip(rows) {
            let y = y + step * f32::from(n);
            self.sheet.text([x, y], indent - 4.0, NAME, name);
            let face = if step < 11.0 { SMALL } else { VALUE };
            self.sheet.text([x + indent, y], width - indent, face, value);
        }
    }

    /// Whose exam it is, and when it was.
    fn people(&mut self) {
        let half = (WIDTH - 16.0) / 2.0;
        let heads = [self.words("patient"), self.words("reportExam")];
        let right = MARGIN + half + 16.0;
        for (x, head) in [MARGIN, right].into_iter().zip(heads) {
            self.sheet.text([x, 86.0], half, HEAD, &head);
        }
        let patient = self.patient();
        self.rows([MARGIN, 101.0], half, 12.5, &patient);
        let exam = self.when();
        self.rows([right, 101.0], half, 12.5, &exam);
    }

    fn patient(&self) -> Vec<(String, String)> {
        let order = self.exam.order.clone().unwrap_or_default();
        let Order {
            patient_id,
            patient_name,
            birth_date,
            sex,
            accession_number,
            requested_procedure,
            referring_physician,
            ..
        } = order;
        let nobody = match &self.exam.order {
            Some(_) if patient_id.is_none() && patient_name.is_none() => "emergency",
            _ => "patientUnknown",
        };
        let name = patient_name.map_or_else(|| self.words(nobody), |name| person(&name));
        let sex = sex.map(|sex| match sex.as_str() {
            "F" => self.words("female"),
            "M" => self.words("male"),
            "O" => self.words("other"),
            _ => sex,
        });
        let rows = [
            ("userName", Some(name)),
            ("reportPatientId", patient_id),
            ("reportBirth", birth_date.map(|date| day(&date))),
            ("sex", sex),
            ("accession", accession_number),
            ("reportProcedure", requested_procedure),
            ("reportReferring", referring_physician.map(|name| person(&name))),
        ];
        rows.into_iter()
            .map(|(key, value)| (self.words(key), value.unwrap_or_else(|| "-".into())))
            .collect()
    }

    fn when(&self) -> Vec<(String, String)> {
        let exam = self.exam;
        let marks = |kind| {
            let of = exam.marks.iter().filter(move |mark| mark.kind == kind);
            let times: Vec<String> = of.map(|mark| self.clock(mark.t_ms)).collect();
            if times.is_empty() {
                "-".into()
            } else {
                times.join(", ")
            }
        };
        let lasted = exam
            .ended
            .map(|ended| minutes((ended - exam.started).num_milliseconds()));
        let opinion = match &exam.opinion {
            None => self.words("noOpinion"),
            Some(opinion) => {
                let word = self.words(if opinion.accepted {
                    "reportAccepted"
                } else {
                    "reportDisagreed"
                });
                match opinion.comment.as_str() {
                    "" => word,
                    comment => format!("{word}: {comment}"),
                }
            }
        };
        let pathology = exam.pathology.as_ref().map(|found| {
            let grade = self.words(&found.grade.to_string());
            format!("{grade} ({})", found.reported)
        });
        let pathology = pathology.unwrap_or_else(|| "-".into());
        let rows = [
            ("reportId", exam.id.clone()),
            ("reportStarted", local(exam.started)),
            (
                "reportLasted",
                lasted.unwrap_or_else(|| self.words(&format!("state-{}", self.state))),
            ),
            ("injection", marks(MarkKind::Injection)),
            ("flash", marks(MarkKind::Flash)),
            ("reportOpinion", opinion),
            ("pathology", pathology),
            (
                "notes",
                exam.notes.split_whitespace().collect::<Vec<_>>().join(" "),
            ),
        ];
        rows.into_iter()
            .map(|(key, value)| (self.words(key), value))
            .collect()
    }

    /// Minutes and seconds of a time of the frames' clock: since the exam's first frame, or before it.
    fn clock(&self, t_ms: u64) -> String {
        minutes(t_ms.cast_signed() - self.first_ms.cast_signed())
    }

    fn pictures(&mut self, pictures: &[Picture]) {
        const Y: f32 = 468.0;
        const TALLEST: f32 = 180.0;
        let head = self.words("reportPictures");
        self.sheet.text([MARGIN, Y], WIDTH, HEAD, &head);
        if pictures.is_empty() {
            let none = self.words("noPictures");
            self.sheet.text([MARGIN, Y + 14.0], WIDTH, VALUE, &none);
        }
        let each = (WIDTH - 2.0 * 10.0) / PICTURES as f32;
        for (n, picture) in (0u8..).zip(pictures.iter().take(PICTURES)) {
            let x = MARGIN + (each + 10.0) * f32::from(n);
            let [w, h] = [picture.rgb.width(), picture.rgb.height()].map(|side| side as f32);
            let scale = (each / w).min(TALLEST / h);
            self.sheet
                .picture(&picture.rgb, [x, Y + 7.0], [w * scale, h * scale]);
            let reason = self.words(match picture.reason {
                KeyReason::Regular => "regular",
                KeyReason::Highest => "highest",
                KeyReason::Lowest => "lowest",
                KeyReason::Peak => "peakPicture",
                KeyReason::Marked => "markedPicture",
            });
            let caption = format!("{}, {reason}, P {:.2}", self.clock(picture.t_ms), picture.score);
            self.sheet
                .text([x, Y + 7.0 + TALLEST + 10.0], each, NAME, &caption);
        }
    }

    /// How everything was made.
    fn provenance(&mut self) {
        const Y: f32 = 686.0;
        self.sheet.line(
            &[[MARGIN, Y - 13.0], [MARGIN + WIDTH, Y - 13.0]],
            0.7,
            PALE,
            false,
        );
        let head = self.words("reportMade");
        self.sheet.text([MARGIN, Y], WIDTH, HEAD, &head);
        let made = &self.exam.provenance;
        let model = format!(
            "{} {} ({})",
            made.model.name, made.model.version, made.model.intended_use
        );
        let band = format!("{} - {}", made.band[0], made.band[1]);
        let rows = [
            ("modelCard", model),
            ("SHA-256", made.model.sha256.clone()),
            ("reportEngine", format!("{}, {}", made.engine, made.software)),
            ("reportTemperature", format!("{}; {band}", made.temperature)),
            ("reportInput", made.preprocessing.clone()),
            ("source", made.source.clone()),
            ("reportPlaces", format!("{}; {}", made.pane, made.roi)),
        ]
        .map(|(key, value)| (self.words(key), value));
        self.rows([MARGIN, Y + 12.0], WIDTH, 10.0, &rows);
        let how = self.words("reportHow");
        let lines = wrapped(&how, WIDTH, NAME);
        for (n, line) in (0u8..).zip(lines) {
            self.sheet
                .text([MARGIN, Y + 86.0 + 9.5 * f32::from(n)], WIDTH, NAME, &line);
        }
    }
}

/// A name as DICOM writes it, as people do: its first group, `Family, Given Middle`.
fn person(name: &str) -> String {
    let alphabetic = name.split('=').find(|group| !group.is_empty()).unwrap_or(name);
    let (family, rest) = alphabetic.split_once('^').unwrap_or((alphabetic, ""));
    let rest: Vec<&str> = rest.split('^').filter(|part| !part.is_empty()).collect();
    match rest.as_slice() {
        [] => family.to_owned(),
        _ => format!("{family}, {}", rest.join(" ")),
    }
}

/// `YYYYMMDD` as `YYYY-MM-DD`.
fn day(date: &str) -> String {
    match (date.get(..4), date.get(4..6), date.get(6..8)) {
        (Some(year), Some(month), Some(day)) if date.len() == 8 => format!("{year}-{month}-{day}"),
        _ => date.to_owned(),
    }
}

fn local(time: DateTime<Utc>) -> String {
    time.with_timezone(&Local)
        .format("%Y-%m-%d %H:%M:%S %:z")
        .to_string()
}

fn minutes(ms: i64) -> String {
    let seconds = (ms.abs() + 500) / 1000;
    let sign = if ms < 0 && seconds > 0 { "-" } else { "" };
    format!("{sign}{}:{:02}", seconds / 60, seconds % 60)
}
