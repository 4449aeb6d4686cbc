//! `[store]` of the config.

use std::path::PathBuf;

use serde::Deserialize;

use super::{Encryption, Keep, KeyFile};

/// `[store]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// A folder of the daemon's own; made if missing.
    pub path: PathBuf,
    /// Whether what is stored is encrypted.
    #[serde(default)]
    encryption: Switch,
    /// A file with the 32 bytes of the key; systemd's credential `store.key`, or `PATH.key`, if absent.
    key: Option<PathBuf>,
    /// Exams that are older are removed, if they were delivered or nothing is; none for its age if absent.
    keep_days: Option<u32>,
    /// While less than this is free on the disk, exams that were delivered are removed, the oldest first.
    #[serde(default = "free_mb")]
    free_mb: u64,
    /// While less than this is free, no more pictures are kept; scores still are.
    #[serde(default = "reserve_mb")]
    reserve_mb: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Switch {
    #[default]
    On,
    Off,
}

fn free_mb() -> u64 {
    Keep::default().free_mb
}

fn reserve_mb() -> u64 {
    Keep::default().reserve_mb
}

impl Settings {
    /// How long and how much is kept.
    pub fn keep(&self) -> Keep {
        Keep {
            keep_days: self.keep_days,
            free_mb: self.free_mb,
            reserve_mb: self.reserve_mb,
        }
    }

    /// Whether the store is encrypted, and where its key is.
    pub fn encryption(&self) -> Encryption {
        match self.encryption {
            Switch::On => Encryption::On(KeyFile::of(&self.path, self.key.as_deref())),
            Switch::Off => Encryption::Off,
        }
    }
}
