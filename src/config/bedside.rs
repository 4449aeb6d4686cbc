//! A config's text, and over it what was set at the bedside: a few keys, in a file of their own.
//!
//! That file lies in the store's folder, because /etc is shut to the daemon and is the hospital's. It is checked with the config
//! it lies over, by the same code; the page writes it ([`Bedside`]), a person may remove it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::sync::Notify;
use toml::{Table, Value};

use super::{Config, ConfigError};
use crate::screen::PanePreset;

/// The file, in the store's folder.
const FILE: &str = "bedside.toml";
/// What it begins with.
const HEAD: &str =
    "# Set on the device page, over the config. Without a line, or this file, the config's own holds.\n";

/// A key that may be set at the bedside: section, name, and what a config says of it.
type Key = (&'static str, &'static str, fn(&Config) -> serde_json::Value);

const KEYS: [Key; 4] = [
    ("screen", "pane", |config| config.screen.pane.to_string().into()),
    ("screen", "range_db", |config| {
        json!(config.screen.display().range_db)
    }),
    ("exam", "idle_s", |config| config.exam.idle_s.into()),
    ("exam", "key_frame_every_s", |config| {
        config.exam.key_frame_every_s.into()
    }),
];

/// `section.name` as its parts, if it is one of [`KEYS`].
fn known(key: &str) -> Result<(&str, &str), String> {
    let parts = key.split_once('.');
    let found = parts.filter(|parts| KEYS.iter().any(|(section, name, _)| *parts == (*section, *name)));
    found.ok_or_else(|| {
        let keys = KEYS.map(|(section, name, _)| format!("{section}.{name}"));
        format!(
            "{key}: not to be set at the bedside; expected one of {}",
            keys.join(", ")
        )
    })
}

/// The text of a config, and what was set at the bedside over it.
#[derive(Clone, Debug)]
pub struct Text {
    path: PathBuf,
    config: String,
    /// Where that is kept; absent for a config that names no store.
    place: Option<PathBuf>,
    /// What was set, as it is written there; empty where nothing was.
    set: String,
}

impl Text {
    /// Reads the config `path`, and what was set over it.
    ///
    /// # Errors
    /// [`ConfigError::Read`].
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let read = |path: &Path| {
            fs::read_to_string(path).map_err(|source| ConfigError::Read {
                path: path.into(),
                source,
            })
        };
        let config = read(path)?;
        let store = config.parse::<Table>().ok();
        let store = store.and_then(|table| Some(PathBuf::from(table.get("store")?.get("path")?.as_str()?)));
        let place = store.map(|store| store.join(FILE));
        let set = match place.as_deref().map(read) {
            Some(Err(ConfigError::Read { path, source })) => match source.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => String::new(),
                // Whoever may not look into the store is no daemon, and can do without.
                io::ErrorKind::PermissionDenied => {
                    tracing::warn!(
                        "what was set at the bedside is left out: {}: {source}",
                        path.display()
                    );
                    String::new()
                }
                _ => return Err(ConfigError::Read { path, source }),
            },
            set => set.transpose()?.unwrap_or_default(),
        };
        Ok(Self {
            path: path.into(),
            config,
            place,
            set,
        })
    }

    /// Checks all of it.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`].
    pub fn parse(&self) -> Result<Config, ConfigError> {
        let config = self.config_alone()?;
        if self.set.is_empty() {
            return Ok(config);
        }
        let all = self.table()?;
        Ok(Config {
            sha256: crate::hex(&Sha256::digest(format!("{}{}", self.config, self.set))),
            ..all.try_into().map_err(|error| self.blame(&error))?
        })
    }

    fn config_alone(&self) -> Result<Config, ConfigError> {
        Config::parse(&self.path, &self.config)
    }

    /// Every key that is said, in the config or at the bedside.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`].
    pub fn table(&self) -> Result<Table, ConfigError> {
        let parse = |path: &Path, text: &str| {
            let table = text.parse::<Table>();
            table.map_err(|error| ConfigError::invalid(path, text, &error))
        };
        let mut all = parse(&self.path, &self.config)?;
        let Some(place) = &self.place else {
            return Ok(all);
        };
        for (section, keys) in parse(place, &self.set)? {
            let Value::Table(keys) = keys else {
                return Err(self.wrong(&section, format!("{section}: expected a section and a key")));
            };
            for (name, value) in keys {
                let key = format!("{section}.{name}");
                known(&key).map_err(|words| self.wrong(&key, words))?;
                put(&mut all, &section, &name, value);
            }
        }
        Ok(all)
    }

    /// The key of what was set that the config does not take.
    fn blame(&self, error: &toml::de::Error) -> ConfigError {
        let set = self.set.parse::<Table>().unwrap_or_default();
        for (section, name, _) in KEYS {
            let Some(value) = set.get(section).and_then(|keys| keys.get(name)) else {
                continue;
            };
            let mut alone = self.config.parse::<Table>().unwrap_or_default();
            put(&mut alone, section, name, value.clone());
            if let Err(error) = alone.try_into::<Config>() {
                let key = format!("{section}.{name}");
                return self.wrong(&key, format!("{key}: {}", error.message()));
            }
        }
        self.wrong("", error.message().into())
    }

    fn wrong(&self, key: &str, reason: String) -> ConfigError {
        ConfigError::Invalid {
            path: self.place.clone().unwrap_or_default(),
            line: 1 + self
                .set
                .lines()
                .position(|line| line.starts_with(key))
                .unwrap_or(0),
            reason: reason.replace('\n', ", "),
        }
    }
}

fn put(table: &mut Table, section: &str, name: &str, value: Value) {
    let keys = table.entry(section).or_insert_with(|| Table::new().into());
    if let Value::Table(keys) = keys {
        keys.insert(name.into(), value);
    }
}

/// A key that may be set at the bedside, and what it is.
#[derive(Debug, PartialEq, Serialize)]
pub struct Setting {
    /// `section.name`.
    pub key: String,
    /// What holds, or will once no exam runs.
    pub value: serde_json::Value,
    /// What the config says.
    pub config: serde_json::Value,
    /// The words that it may be; empty for a number.
    pub choices: Vec<&'static str>,
}

/// What was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// SHA-256 of everything that was said before.
    pub before: String,
    /// And now.
    pub now: String,
    /// What is set now, in words.
    pub set: String,
}

/// Why something cannot be set.
#[derive(Debug, thiserror::Error)]
pub enum BedsideError {
    /// The config would not take it.
    #[error("{0}")]
    Refused(String),
    /// The config itself, or what was set before, cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It cannot be kept.
    #[error("cannot write {}; check that the disk is there and has space", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
}

/// What a running daemon's people may set.
#[derive(Clone, Debug)]
pub struct Bedside {
    path: Arc<Path>,
    changed: Arc<Notify>,
    waits: Arc<AtomicBool>,
    turn: Arc<Mutex<()>>,
}

impl Bedside {
    /// Over the config `path`.
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.into(),
            changed: Arc::default(),
            waits: Arc::default(),
            turn: Arc::default(),
        }
    }

    /// The config's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every key that may be set.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn settings(&self) -> Result<Vec<Setting>, ConfigError> {
        let text = Text::read(&self.path)?;
        let (config, all) = (text.config_alone()?, text.parse()?);
        let setting = |(section, name, of): &Key| Setting {
            key: format!("{section}.{name}"),
            value: of(&all),
            config: of(&config),
            choices: match *name {
                "pane" => PanePreset::names().collect(),
                _ => Vec::new(),
            },
        };
        Ok(KEYS.iter().map(setting).collect())
    }

    /// Sets each key to its value, or to what the config says without one. All of it or, with an error, nothing; no change
    /// is `None`. What was changed holds once no exam runs.
    ///
    /// # Errors
    /// [`BedsideError`].
    pub fn set(&self, wanted: BTreeMap<String, Option<Value>>) -> Result<Option<Change>, BedsideError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let text = Text::read(&self.path)?;
        let before = text.parse()?.sha256;
        let mut set = text.set.parse::<Table>().unwrap_or_default();
        for (key, value) in wanted {
            let (section, name) = known(&key).map_err(BedsideError::Refused)?;
            match value {
                Some(value) => put(&mut set, section, name, value),
                None => drop(
                    set.get_mut(section)
                        .and_then(|keys| keys.as_table_mut()?.remove(name)),
                ),
            }
        }
        let lines = lines(&set);
        let text = Text {
            set: if lines.is_empty() {
                lines.clone()
            } else {
                format!("{HEAD}{lines}")
            },
            ..text
        };
        let now = match text.parse() {
            Ok(config) => config.sha256,
            Err(ConfigError::Invalid { reason, .. }) => return Err(BedsideError::Refused(reason)),
            Err(error) => return Err(error.into()),
        };
        if now == before {
            return Ok(None);
        }
        let place = text.place.unwrap_or_default();
        write(&place, &text.set).map_err(|source| BedsideError::Write { path: place, source })?;
        self.waits.store(true, Ordering::Relaxed);
        self.changed.notify_one();
        let set = lines.trim_end().replace('\n', ", ");
        Ok(Some(Change { before, now, set }))
    }

    /// Completes when something was changed.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Whether something was changed that does not hold yet.
    pub fn waits(&self) -> bool {
        self.waits.load(Ordering::Relaxed)
    }
}

/// One line for each key.
fn lines(set: &Table) -> String {
    let value = |section: &str, name: &str| set.get(section)?.get(name).cloned();
    let line = |(section, name, _): &Key| Some(format!("{section}.{name} = {}\n", value(section, name)?));
    KEYS.iter().filter_map(line).collect()
}

/// Replaces the file, whole and durable; an empty one is removed.
fn write(place: &Path, text: &str) -> io::Result<()> {
    let folder = place.parent().unwrap_or(Path::new("."));
    if text.is_empty() {
        fs::remove_file(place)?;
    } else {
        let mut part = tempfile::NamedTempFile::new_in(folder)?;
        part.write_all(text.as_bytes())?;
        part.as_file().sync_all()?;
        part.persist(place)?;
    }
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests;
