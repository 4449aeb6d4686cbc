//! One TOML file, and over it what was set at the bedside ([`Text`]) → a checked [`Config`]; every stage is given only its own
//! section.

mod bedside;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::audit::syslog::Server;
use crate::capture::phantom::Grade;
use crate::exam::{self, Display};
use crate::frame::Rect;
use crate::infer::{Choice, Runtime};
use crate::package::{Keys, Shelf};
use crate::panel;
use crate::process;
use crate::screen::PanePreset;
use crate::store;
use crate::uplink::settings::{Destination, Dicom};
use crate::web::Network;
pub use bedside::{Bedside, BedsideError, Change, Setting, Text};

/// Everything that `sonograde run` can be told.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where frames come from.
    pub source: Source,
    /// What scores.
    #[serde(default)]
    pub model: Model,
    /// What is on the scanner's screen.
    #[serde(default)]
    pub screen: Screen,
    /// When exams begin and end, and what they keep.
    #[serde(default)]
    pub exam: exam::Settings,
    /// Where results are kept.
    pub store: store::Settings,
    /// The bedside page.
    #[serde(default)]
    pub web: Web,
    /// The audit trail.
    #[serde(default)]
    pub audit: Audit,
    /// SHA-256 of the file, and of what was set at the bedside.
    #[serde(skip)]
    pub sha256: String,
    /// Who the cart is among DICOM programs.
    #[serde(default)]
    pub dicom: Dicom,
    /// Where finished exams go.
    #[serde(default)]
    pub uplink: Vec<Destination>,
    /// Lamps and switches, if there are any.
    pub panel: Option<panel::Settings>,
    /// Cores and priority.
    #[serde(default)]
    pub process: process::Settings,
}

/// `[source]`: `kind` is `v4l2`, `clip` or `phantom`.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Source {
    /// A V4L2 capture device.
    V4l2 {
        /// `/dev/v4l/by-id/…`, `/dev/videoN`, or the name of a link in `/dev/v4l`, of a card, or of a bus.
        device: PathBuf,
        /// Wanted width in pixels; chosen if absent.
        width: Option<u32>,
        /// Wanted height in pixels; chosen if absent.
        height: Option<u32>,
        /// Wanted pictures a second; chosen if absent.
        fps: Option<f64>,
        /// Wanted pixel format as a four-character code; chosen if absent.
        format: Option<String>,
        /// A file with the EDID that the device shows to the scanner; the device's own if absent.
        edid: Option<PathBuf>,
    },
    /// A recorded picture, folder of pictures, DICOM object or video, played once in real time.
    Clip {
        /// The recording.
        path: PathBuf,
    },
    /// A simulated exam, played once in real time.
    Phantom {
        /// Which simulated patient.
        #[serde(default = "one")]
        seed: u64,
        /// The tumour's grade.
        #[serde(default = "high")]
        grade: Grade,
        /// Length of the exam.
        #[serde(default = "ninety")]
        seconds: f64,
    },
}

impl Source {
    /// A V4L2 device of which nothing is pinned.
    pub fn device(device: PathBuf) -> Self {
        Self::V4l2 {
            device,
            width: None,
            height: None,
            fps: None,
            format: None,
            edid: None,
        }
    }
}

fn one() -> u64 {
    1
}

fn high() -> Grade {
    Grade::High
}

fn ninety() -> f64 {
    90.0
}

/// `[model]`
#[derive(Debug, Deserialize)]
#[serde(try_from = "ModelSection")]
pub enum Model {
    /// The one that ships with the program.
    Shipped(Runtime),
    /// An ONNX file that keeps the contract.
    File(PathBuf, Runtime),
    /// What `sonograde model install` installed, the shipped one until then.
    Installed(Shelf),
}

/// `[model]` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelSection {
    /// An ONNX file.
    path: Option<PathBuf>,
    /// The folder of installed models.
    folder: Option<PathBuf>,
    /// Whose packages are installed and run: minisign public keys.
    trusted_keys: Option<Vec<String>>,
    /// `auto`, `repvgg` or `tract`.
    #[serde(default)]
    engine: Choice,
    /// Threads of the `repvgg` engine; all cores but one if absent.
    threads: Option<NonZeroUsize>,
}

impl Default for Model {
    fn default() -> Self {
        Self::Shipped(Runtime::default())
    }
}

impl TryFrom<ModelSection> for Model {
    type Error = String;

    fn try_from(section: ModelSection) -> Result<Self, String> {
        let runtime = Runtime {
            engine: section.engine,
            threads: section.threads,
            ..Runtime::default()
        };
        match (section.path, section.folder, section.trusted_keys) {
            (None, None, None) => Ok(Self::Shipped(runtime)),
            (Some(path), None, None) => Ok(Self::File(path, runtime)),
            (None, Some(folder), Some(keys)) => match Keys::from_lines(&keys) {
                Ok(keys) => Ok(Self::Installed(Shelf::new(folder, keys, runtime))),
                Err(error) => Err(format!("trusted_keys: {error}")),
            },
            (Some(_), Some(_), _) => {
                Err("expected path (a plain ONNX file) or folder (installed models), not both".into())
            }
            (None, Some(_), None) => Err(
                "folder needs trusted_keys = [\"RW...\"]: whose models may run (minisign public keys)".into(),
            ),
            (_, None, Some(_)) => Err("trusted_keys needs folder, where installed models are".into()),
        }
    }
}

/// `[screen]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Screen {
    /// `auto`, `full`, `contrast-left`, `contrast-right`, `stacked` or `x,y,w,h` in pixels.
    #[serde(default = "auto")]
    pub pane: PanePreset,
    /// The lesion as `x,y,w,h` in pixels of the screen, inside the pane; the whole pane if absent.
    #[serde(default, deserialize_with = "rectangle")]
    pub roi: Option<Rect>,
    /// Decibels from the darkest to the brightest colour of the contrast image; 60 if absent.
    #[serde(default, deserialize_with = "decibels")]
    pub range_db: Option<f32>,
    /// Where the scanner shows those colours, as `x,y,w,h`, the brightest on top; they are taken for greys if absent.
    #[serde(default, deserialize_with = "rectangle")]
    pub colour_bar: Option<Rect>,
}

impl Screen {
    /// How the scanner shows echo power.
    pub fn display(&self) -> Display {
        Display {
            range_db: self.range_db.unwrap_or(Display::default().range_db),
            colour_bar: self.colour_bar,
        }
    }
}

fn auto() -> PanePreset {
    PanePreset::Auto
}

impl Default for Screen {
    fn default() -> Self {
        Self {
            pane: auto(),
            roi: None,
            range_db: None,
            colour_bar: None,
        }
    }
}

fn rectangle<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Rect>, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(serde::de::Error::custom)
}

fn decibels<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<f32>, D::Error> {
    match f32::deserialize(deserializer)? {
        db if (20.0..=120.0).contains(&db) => Ok(Some(db)),
        _ => Err(serde::de::Error::custom("expected 20 to 120 decibels")),
    }
}

/// `[web]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Web {
    /// Address and port of the bedside page, for this machine alone.
    pub listen: String,
    /// The page for other machines, if they are to see it.
    pub network: Option<Network>,
}

impl Default for Web {
    fn default() -> Self {
        Self {
            listen: DEFAULT_LISTEN.into(),
            network: None,
        }
    }
}

/// `[audit]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    /// Where the trail is sent, if anywhere: `tcp://host:port` or `udp://host:port`.
    pub syslog: Option<Server>,
}

/// Where the bedside page is, unless told otherwise.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:8390";

/// Why a config cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the config {}; check the path and its permissions", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: std::io::Error,
    },
    /// The file says something that is not understood.
    #[error("{}:{line}: {reason}", .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Line of the mistake, from 1.
        line: usize,
        /// What is wrong and what was expected.
        reason: String,
    },
}

/// The config with every default, and words for each key.
pub const DEFAULT: &str = include_str!("../systemd/sonograde.toml");

impl Config {
    /// Reads and checks a file, and what was set at the bedside over it.
    ///
    /// # Errors
    /// [`ConfigError`] with file, line and what was expected.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Text::read(path)?.parse()
    }

    /// Checks the text of the file `path` alone.
    fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let parsed = toml::from_str(text).map(|config: Self| Self {
            sha256: crate::hex(&Sha256::digest(text)),
            ..config
        });
        parsed.map_err(|error| ConfigError::invalid(path, text, &error))
    }
}

impl ConfigError {
    fn invalid(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        let start = error.span().map_or(0, |span| span.start);
        Self::Invalid {
            path: path.into(),
            line: 1 + text.bytes().take(start).filter(|b| *b == b'\n').count(),
            reason: error.message().replace('\n', ", "),
        }
    }
}

#[cfg(test)]
mod tests;
