//! How much room there is, and how long it lasts.

use std::fs;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::key::ExamKey;
use super::{Store, StoreError, files};

/// Room on the store's disk.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Space {
    /// Bytes that may still be written.
    pub free_bytes: u64,
    /// How long they last at today's rate; absent before today's first exam.
    pub hours_left: Option<f32>,
}

impl Store {
    /// Bytes that may still be written.
    pub fn free_bytes(&self) -> Result<u64, StoreError> {
        let disk = rustix::fs::statvfs(&self.dir).map_err(std::io::Error::from);
        let disk = disk.map_err(files::fault("ask how full the disk is of", &self.dir))?;
        Ok(disk.f_bavail * disk.f_frsize)
    }

    /// The room there is at `now`, and how long it lasts if the rest of the day is as what has passed of it since its first
    /// exam. What sled takes for an exam is less than its pictures by far and is left out.
    pub fn space(&self, now: DateTime<Utc>) -> Result<Space, StoreError> {
        let free_bytes = self.free_bytes()?;
        let today = self.dir.join("exams").join(now.format("%Y/%m/%d").to_string());
        let exams = files::list(&today)?;
        let first = exams
            .first()
            .and_then(|path| ExamKey::of(path.file_name()?.to_str()?).ok()?.started());
        let hours_left = first.map(|first| {
            let hours = ((now - first).as_seconds_f32() / 3600.0).max(0.25);
            free_bytes as f32 / (bytes_of(&today).max(1) as f32 / hours)
        });
        Ok(Space {
            free_bytes,
            hours_left,
        })
    }
}

/// Bytes of the files in `folder`, as far as it can be read.
fn bytes_of(folder: &Path) -> u64 {
    let paths = files::list(folder).unwrap_or_default();
    let bytes = paths.iter().map(|path| match fs::metadata(path) {
        Ok(data) if data.is_dir() => bytes_of(path),
        data => data.map_or(0, |data| data.len()),
    });
    bytes.sum()
}
