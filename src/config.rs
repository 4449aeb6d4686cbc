//! One TOML file → a checked [`Config`]; every stage is given only its own section.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::audit::syslog::Server;
use crate::capture::phantom::Grade;
use crate::frame::Rect;
use crate::infer::{Choice, Runtime};
use crate::package::{Keys, Shelf};
use crate::panel;
use crate::screen::PanePreset;

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
    /// When exams end and what they keep.
    #[serde(default)]
    pub exam: Exam,
    /// Where results are kept.
    pub store: Store,
    /// The bedside page.
    #[serde(default)]
    pub web: Web,
    /// The audit trail.
    #[serde(default)]
    pub audit: Audit,
    /// SHA-256 of the file.
    #[serde(skip)]
    pub sha256: String,
    /// Lamps and switches, if there are any.
    pub panel: Option<panel::Settings>,
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
}

fn auto() -> PanePreset {
    PanePreset::Auto
}

impl Default for Screen {
    fn default() -> Self {
        Self {
            pane: auto(),
            roi: None,
        }
    }
}

fn rectangle<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Rect>, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(serde::de::Error::custom)
}

/// `[exam]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Exam {
    /// An exam ends this long after its last scored frame.
    pub idle_s: u32,
    /// A key frame is kept this often.
    pub key_frame_every_s: u32,
}

impl Default for Exam {
    fn default() -> Self {
        Self {
            idle_s: 30,
            key_frame_every_s: 5,
        }
    }
}

/// `[store]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// A folder of the daemon's own; made if missing.
    pub path: PathBuf,
}

/// `[web]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Web {
    /// Address and port of the bedside page.
    pub listen: String,
}

impl Default for Web {
    fn default() -> Self {
        Self {
            listen: DEFAULT_LISTEN.into(),
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

/// The text of a config file.
///
/// # Errors
/// [`ConfigError::Read`].
pub fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
        path: path.into(),
        source,
    })
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`ConfigError`] with file, line and what was expected.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::parse(path, &read(path)?)
    }

    /// Checks the text of the file `path`.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let parsed = toml::from_str(text).map(|config: Self| Self {
            sha256: crate::hex(&Sha256::digest(text)),
            ..config
        });
        parsed.map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            ConfigError::Invalid {
                path: path.into(),
                line: 1 + text.bytes().take(start).filter(|b| *b == b'\n').count(),
                reason: error.message().replace('\n', ", "),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("sonograde.toml");
        std::fs::write(&path, text).expect("the folder takes a file");
        Config::load(&path).map_err(|e| e.to_string().replace(&format!("{}", folder.path().display()), ""))
    }

    const LEAST: &str = "[source]\nkind = \"v4l2\"\ndevice = \"/dev/video0\"\n[store]\npath = \"/tmp/x\"\n";

    #[test]
    fn the_least_config_has_good_defaults() {
        let config = load(LEAST).expect("a good config");
        assert!(matches!(config.source, Source::V4l2 { width: None, .. }));
        assert_eq!(
            (config.exam.idle_s, config.web.listen.as_str()),
            (30, DEFAULT_LISTEN)
        );
    }

    #[test]
    fn the_engine_and_its_threads_can_be_chosen() {
        let model = |text: &str| load(&format!("{LEAST}[model]\n{text}\n")).map(|config| config.model);
        let runtime = |text: &str| match model(text) {
            Ok(Model::Shipped(runtime)) => (runtime.engine, runtime.threads.map(NonZeroUsize::get)),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            runtime("engine = \"tract\"\nthreads = 2"),
            (Choice::Tract, Some(2))
        );
        assert_eq!(runtime(""), (Choice::Auto, None));
        assert!(model("engine = \"onnx\"").is_err_and(|e| e.contains("`auto`, `repvgg`, `tract`")));
        assert!(model("threads = 0").is_err());
    }

    #[test]
    fn a_typo_is_named_with_its_line() {
        let error = |text: &str| load(text).map(|_| ()).expect_err("a typo");
        assert_eq!(
            error(&format!("{LEAST}[screen]\npanel = \"full\"\n")),
            "/sonograde.toml:7: unknown field `panel`, expected `pane` or `roi`"
        );
        assert!(error(&LEAST.replace("device", "devise")).contains("devise"));
        assert!(error(&LEAST.replace("v4l2", "v4l")).contains("expected one of `v4l2`, `clip`, `phantom`"));
        assert!(
            error(&format!("{LEAST}[screen]\nroi = \"1,2,3\"\n"))
                .contains(":7: expected a rectangle x,y,w,h")
        );
        assert!(error("[source\n").starts_with("/sonograde.toml:1: "));
    }

    #[test]
    fn a_model_is_shipped_a_file_or_installed() {
        const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
        let model = |section: &str| load(&format!("{LEAST}[model]\n{section}\n")).map(|config| config.model);
        assert!(matches!(load(LEAST).map(|c| c.model), Ok(Model::Shipped(_))));
        assert!(
            matches!(model("path = \"a.onnx\""), Ok(Model::File(path, _)) if path == Path::new("a.onnx"))
        );
        let installed =
            model(&format!("folder = \"/m\"\ntrusted_keys = [\"{KEY}\"]")).expect("a good section");
        assert!(matches!(installed, Model::Installed(shelf) if shelf.folder() == Path::new("/m")));
        for (section, words) in [
            ("path = \"a\"\nfolder = \"/m\"", "not both"),
            ("folder = \"/m\"", "folder needs trusted_keys"),
            (
                "folder = \"/m\"\ntrusted_keys = []",
                "trusted_keys: no key is trusted here",
            ),
            (
                "folder = \"/m\"\ntrusted_keys = [\"x\"]",
                "\"x\" is not a minisign public key",
            ),
            ("trusted_keys = []", "trusted_keys needs folder"),
        ] {
            let error = model(section).map(|_| ()).expect_err(words);
            assert!(
                error.starts_with("/sonograde.toml:6: ") && error.contains(words),
                "{error}"
            );
        }
    }
}
