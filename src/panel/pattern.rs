//! What the lamps show: the pipeline's state → a state of the panel → which lamps are lit how long after it began.
//!
//! Pure. Each state differs from every other in where it shines or in its rhythm, so that nobody has to tell colours apart.

use std::time::Duration;

use crate::capture::Signal;
use crate::exam::record::Grade;
use crate::pipeline::Live;

/// Longer without news from the pipeline is a fault: what it said last may be about another patient.
const SILENCE: Duration = Duration::from_secs(5);

/// What is lit or sounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lamps {
    /// The green lamp.
    pub green: bool,
    /// The amber lamp.
    pub amber: bool,
    /// The red lamp.
    pub red: bool,
    /// The buzzer.
    pub buzzer: bool,
}

/// What the panel says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No changing picture: the scanner is off, or its picture stands still.
    Idle,
    /// Pictures come; no exam has a verdict yet.
    Live,
    /// The verdict so far is low.
    Low,
    /// The verdict so far is high.
    High,
    /// The score lies in the model's band.
    Indeterminate,
    /// No picture can be graded: no device, a picture that cannot be read, a pipeline that hangs.
    Fault,
    /// Pictures are graded and results are not being stored.
    NotStoring,
}

impl State {
    /// Every state, in the order in which `sonograde panel test` shows them.
    pub const ALL: [Self; 7] = [
        Self::Idle,
        Self::Live,
        Self::Low,
        Self::High,
        Self::Indeterminate,
        Self::Fault,
        Self::NotStoring,
    ];

    /// What there is to say of `live`, which was published `age` ago. A grade is shown only while its exam runs.
    pub fn of(live: &Live, age: Duration) -> Self {
        match &live.signal {
            _ if age > SILENCE => return Self::Fault,
            Signal::Absent { .. } | Signal::Unsupported { .. } => return Self::Fault,
            _ if live.store.fault.is_some() => return Self::NotStoring,
            Signal::NoSignal { .. } | Signal::Frozen { .. } => return Self::Idle,
            Signal::Live => {}
        }
        match &live.exam {
            // Without an interval, too few frames were scored: that is no verdict yet.
            Some(exam) if !exam.ended && exam.verdict.ci95.is_some() => match exam.verdict.verdict {
                Grade::Low => Self::Low,
                Grade::High => Self::High,
                Grade::Indeterminate => Self::Indeterminate,
            },
            _ => Self::Live,
        }
    }

    /// What is lit so long after the state began.
    pub fn lamps(self, since: Duration) -> Lamps {
        let ms = since.as_millis();
        let lit = |on: u128, period: u128| ms % period < on;
        let dark = Lamps::default();
        // Three beeps.
        let buzzer = ms < 600 && lit(100, 200);
        match self {
            Self::Idle => Lamps {
                green: lit(100, 3000),
                ..dark
            },
            Self::Live => Lamps {
                green: lit(500, 1000),
                ..dark
            },
            Self::Low => Lamps { green: true, ..dark },
            Self::Indeterminate => Lamps { amber: true, ..dark },
            Self::High => Lamps { red: true, ..dark },
            Self::Fault => Lamps {
                red: lit(150, 300),
                buzzer,
                ..dark
            },
            Self::NotStoring => Lamps {
                amber: lit(300, 600),
                red: !lit(300, 600),
                buzzer,
                ..dark
            },
        }
    }

    /// The state in a word or two.
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Live => "live",
            Self::Low => "low",
            Self::High => "high",
            Self::Indeterminate => "indeterminate",
            Self::Fault => "fault",
            Self::NotStoring => "not storing",
        }
    }
}
