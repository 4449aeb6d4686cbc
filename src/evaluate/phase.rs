//! Contrast phases of the kidney, by the time since injection.
//!
//! EFSUMB's guidelines (Sidhu et al. 2018, 10.1055/a-0586-1107) describe an early cortical phase, followed by the
//! enhancement of the whole parenchyma without a phase of excretion. The border here is a fixed 30 s.

use std::fmt;

use serde::Serialize;

/// When the cortical phase ends, in milliseconds since injection.
const LATE_MS: i64 = 30_000;

/// When a picture was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Before the injection.
    BeforeInjection,
    /// Less than 30 s after it.
    Cortical,
    /// Later.
    Late,
    /// Its time is not known.
    Unknown,
}

impl Phase {
    /// All of them, in the order of time.
    pub const ALL: [Self; 4] = [Self::BeforeInjection, Self::Cortical, Self::Late, Self::Unknown];

    /// Of a picture taken `t_ms` milliseconds after the injection.
    pub fn of(t_ms: Option<i64>) -> Self {
        match t_ms {
            None => Self::Unknown,
            Some(..0) => Self::BeforeInjection,
            Some(0..LATE_MS) => Self::Cortical,
            Some(_) => Self::Late,
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BeforeInjection => "before injection",
            Self::Cortical => "cortical, 0 to 30 s",
            Self::Late => "late, from 30 s",
            Self::Unknown => "time unknown",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_belong_to_what_begins_there() {
        let times = [
            None,
            Some(-1),
            Some(0),
            Some(29_999),
            Some(30_000),
            Some(i64::MAX),
        ];
        let wanted = [
            Phase::Unknown,
            Phase::BeforeInjection,
            Phase::Cortical,
            Phase::Cortical,
            Phase::Late,
            Phase::Late,
        ];
        assert_eq!(times.map(Phase::of), wanted);
    }
}
