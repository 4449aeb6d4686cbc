//! What is known of an exam and of each of its frames: the words that store, page, JSON lines and export share.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Enhancement;
pub use super::order::{Mark, MarkKind, ObjectUids, Opinion, Order, Uids};
pub use super::pathology::Pathology;
use crate::frame::{Frame, Rect};

/// A class activation map for the class `high`, before up-sampling (Zhou et al. 2016, 10.1109/CVPR.2016.319).
///
/// Its mean plus the classifier's bias is the logit of `high`.
#[derive(Clone, Debug, PartialEq)]
pub struct ActivationMap {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `height` × `width` values in logits, row by row.
    pub values: Vec<f32>,
}

impl ActivationMap {
    /// The rows, top to bottom.
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks(self.width.max(1))
    }
}

/// Why a frame is not scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quality {
    /// The lesion's pixels are those of the last new picture, but for the grabber's noise: the scanner repeats its picture.
    Duplicate,
    /// There is no contrast image: B-mode alone, Doppler, or a menu.
    NotContrast,
    /// Almost nothing is lit: before the contrast arrives, or the scanner's screen is dark.
    TooDark,
    /// Much of the lesion is at full scale: the gain is too high to see structure.
    Clipped,
    /// The probe or the patient moves too fast.
    Motion,
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Duplicate => "duplicate",
            Self::NotContrast => "not-contrast",
            Self::TooDark => "too-dark",
            Self::Clipped => "clipped",
            Self::Motion => "motion",
        })
    }
}

/// What the network said of one frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// P(high grade), 0..1, after the model's temperature.
    pub score: f32,
    /// Where the network looked.
    pub map: ActivationMap,
    /// How good the picture is; absent where nobody measured it, as in records of before.
    pub fitness: Option<Fitness>,
}

/// How good a scored picture is: what its score weighs in the verdict, now and whenever that is worked out again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fitness {
    /// Mean luma of the lesion, 0 to 255: how much contrast the display shows there.
    pub brightness: u8,
    /// 255 where nothing is clipped and nothing moves; the more of it does, the less.
    pub clarity: u8,
}

/// One frame after grading: a score, or the reason why there is none.
#[derive(Clone, Debug, PartialEq)]
pub struct Graded {
    /// The source's frame number.
    pub seq: u64,
    /// Milliseconds since the source was opened.
    pub t_ms: u64,
    /// The lesion ROI in this frame: the one that was drawn, moved as far as the tissue has.
    pub roi: Rect,
    /// Score and map, or why not.
    pub outcome: Result<Scored, Quality>,
}

impl Graded {
    /// A frame on which no contrast image was found.
    pub fn unseen(frame: &Frame) -> Self {
        Self {
            seq: frame.seq,
            t_ms: u64::try_from(frame.t.as_millis()).unwrap_or(u64::MAX),
            roi: frame.format.area(),
            outcome: Err(Quality::NotContrast),
        }
    }
}

/// How everything in an exam was made. Kept with every exam; a change of any of it begins a new exam.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// The model that scored.
    pub model: ModelIdentity,
    /// What ran it: `tract 0.23.9`.
    pub engine: String,
    /// This program's version.
    pub software: String,
    /// The model's softmax temperature.
    pub temperature: f32,
    /// Scores from the first to the second are indeterminate.
    pub band: [f32; 2],
    /// How pixels became the model's input.
    pub preprocessing: String,
    /// Where the frames came from, for people.
    pub source: String,
    /// The contrast pane in pixels of the screen.
    pub pane: Rect,
    /// The lesion ROI as it was drawn, in pixels of the screen, inside the pane.
    pub roi: Rect,
}

impl Provenance {
    /// The lesion ROI in pixels of a picture of the pane that is `width` × `height`.
    pub fn roi_in(&self, (width, height): (u32, u32)) -> Rect {
        let (pane, roi) = (&self.pane, &self.roi);
        let scale = |length: u32, picture: u32, pane: u32| {
            let length = u64::from(length) * u64::from(picture) / u64::from(pane.max(1));
            u32::try_from(length).unwrap_or(u32::MAX)
        };
        Rect {
            x: scale(roi.x.saturating_sub(pane.x), width, pane.w),
            y: scale(roi.y.saturating_sub(pane.y), height, pane.h),
            w: scale(roi.w, width, pane.w),
            h: scale(roi.h, height, pane.h),
        }
    }
}

/// Which model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelIdentity {
    /// Name from its metadata.
    pub name: String,
    /// Version from its metadata.
    pub version: String,
    /// SHA-256 of its file, lower-case hexadecimal.
    pub sha256: String,
    /// `demonstration` or what its makers answer for.
    pub intended_use: String,
}

impl ModelIdentity {
    /// The label that every picture, page and record made with this model carries.
    pub fn label(&self) -> &'static str {
        if self.intended_use == "demonstration" {
            "DEMONSTRATION MODEL. Research use only. Not for diagnosis."
        } else {
            "Research use only. Not for diagnosis."
        }
    }
}

/// What an exam concludes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// Fuhrman or WHO/ISUP I-II.
    Low,
    /// Fuhrman or WHO/ISUP III-IV.
    High,
    /// The score lies in the model's band, or too few frames count.
    Indeterminate,
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Low => "low",
            Self::High => "high",
            Self::Indeterminate => "indeterminate",
        })
    }
}

/// An exam's verdict so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The conclusion.
    pub verdict: Grade,
    /// P(high grade) over the exam; absent while no frame counts.
    pub score: Option<f32>,
    /// 95 % interval of `score`; absent while too few frames count.
    pub ci95: Option<[f32; 2]>,
    /// Frames that have a score.
    pub frames_scored: u64,
    /// Frames that were looked at.
    pub frames_seen: u64,
    /// Scored frames that show contrast, which alone the verdict is of; absent in verdicts of before, which are of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames_counted: Option<u64>,
}

impl Verdict {
    /// Frames that the verdict is of.
    pub fn frames(&self) -> u64 {
        self.frames_counted.unwrap_or(self.frames_scored)
    }
}

impl fmt::Display for Verdict {
    /// `high 0.731 [0.655, 0.790] from 412 frames`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.verdict)?;
        if let Some(score) = self.score {
            write!(f, " {score:.3}")?;
        }
        if let Some([low, high]) = self.ci95 {
            write!(f, " [{low:.3}, {high:.3}]")?;
        }
        write!(f, " from {} frames", self.frames())
    }
}

/// One exam as it is stored: written when it begins, and again when it ends or somebody adds to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exam {
    /// `YYYYMMDDTHHMMSS.mmmZ-xxxx`: sorts by time.
    pub id: String,
    /// First scored frame.
    pub started: DateTime<Utc>,
    /// Last frame; absent while the exam runs, and after a power cut until the program starts again.
    pub ended: Option<DateTime<Utc>>,
    /// How its records were made.
    pub provenance: Provenance,
    /// The label of the model, repeated for whoever reads this record alone.
    pub label: String,
    /// The verdict at the end; absent while the exam runs.
    pub verdict: Option<Verdict>,
    /// Whose exam it is; absent in an emergency, or while nobody has said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Order>,
    /// What the sonographer marked, in the order of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<Mark>,
    /// What the sonographer wrote.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub notes: String,
    /// What the physician says of the verdict; absent until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opinion: Option<Opinion>,
    /// What pathology found; absent until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pathology: Option<Pathology>,
    /// What the time-intensity curves say; absent until the exam has ended, and where a restart in its middle lost them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enhancement: Option<Enhancement>,
    /// Never deleted to make room.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pinned: bool,
    /// Identifiers of the exam's DICOM objects; absent until the exam has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uids: Option<Uids>,
}

/// How far an exam has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Frames are added to it.
    Running,
    /// Nobody ended it: the cart lost power, or the program was killed.
    Interrupted,
    /// It is over.
    Ended,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Ended => "ended",
        })
    }
}

impl Exam {
    /// How far it has come, where nothing adds to it.
    pub fn state(&self) -> State {
        match self.ended {
            Some(_) => State::Ended,
            None => State::Interrupted,
        }
    }

    /// An exam that begins: nothing is known of it yet but how its records are made.
    pub fn begun(id: String, started: DateTime<Utc>, provenance: Provenance) -> Self {
        Self {
            id,
            started,
            ended: None,
            label: provenance.model.label().into(),
            provenance,
            verdict: None,
            order: None,
            marks: Vec::new(),
            notes: String::new(),
            opinion: None,
            pathology: None,
            enhancement: None,
            pinned: false,
            uids: None,
        }
    }
}

/// Why a frame is kept as a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyReason {
    /// One every few seconds.
    Regular,
    /// The highest score of the exam.
    Highest,
    /// The lowest score of the exam.
    Lowest,
    /// The most contrast in the lesion so far.
    Peak,
    /// Somebody marked it.
    Marked,
}

/// A frame kept as a picture: the contrast pane alone, nothing outside it.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyFrame {
    /// The frame's number.
    pub seq: u64,
    /// Why it is kept.
    pub reason: KeyReason,
    /// Width of the pane in pixels.
    pub width: u32,
    /// Height of the pane in pixels.
    pub height: u32,
    /// `height` × `width` × 3 bytes, red first.
    pub rgb: Vec<u8>,
}
