//! `[exam]`: when exams begin and end, and what they keep.

use chrono::TimeDelta;
use serde::Deserialize;

/// `[exam]` of the config.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// What begins an exam by itself.
    pub begin: Begin,
    /// An exam ends this long after its last scored frame.
    #[serde(deserialize_with = "seconds")]
    pub idle_s: u32,
    /// A key frame is kept this often.
    #[serde(deserialize_with = "seconds")]
    pub key_frame_every_s: u32,
}

fn seconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        s @ 1..=3600 => Ok(s),
        _ => Err(serde::de::Error::custom("expected 1 to 3600 seconds")),
    }
}

/// What begins an exam by itself. A person may always begin one, and ends it when they like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Begin {
    /// Contrast that arrives in the lesion, or is there when its picture comes.
    #[default]
    Contrast,
    /// The first picture that is fit to be scored.
    Picture,
    /// Nothing.
    Hand,
}

/// The same, as a session needs it.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// What begins an exam by itself.
    pub begin: Begin,
    /// An exam ends so long after its last scored frame.
    pub idle: TimeDelta,
    /// A key frame is kept this often.
    pub key_every_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            begin: Begin::Contrast,
            idle_s: 30,
            key_frame_every_s: 5,
        }
    }
}

impl From<Settings> for Rules {
    fn from(settings: Settings) -> Self {
        Self {
            begin: settings.begin,
            idle: TimeDelta::seconds(settings.idle_s.into()),
            key_every_ms: u64::from(settings.key_frame_every_s) * 1000,
        }
    }
}
