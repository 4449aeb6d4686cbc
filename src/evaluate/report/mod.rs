//! The figures as one HTML file that needs nothing else: to be read, printed and filed.
//!
//! Reads the pictures of the worst cases once more and writes `report.html`; runs on the caller's thread. It computes no figure.

mod html;
mod page;
mod plot;
mod plots;
mod tables;
mod worst;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::judge::Judged;
use super::labels::Labels;
use super::summary::{self, Summary};
use page::Page;
use worst::Worst;

/// A folder that a report will be written to.
pub struct Report {
    folder: PathBuf,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The folder or the file cannot be written.
    #[error("cannot write {}; choose a folder with space that can be written", .path.display())]
    Write {
        /// Folder or file.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// A picture that was scored cannot be shown.
    #[error("cannot show {}: {reason}; was it changed meanwhile?", .path.display())]
    Picture {
        /// The picture.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
}

impl Report {
    /// Makes the folder, so that one that cannot be written is known before anything is scored.
    ///
    /// # Errors
    /// [`ReportError::Write`].
    pub fn create(folder: &Path) -> Result<Self, ReportError> {
        fs::create_dir_all(folder).map_err(|source| ReportError::Write {
            path: folder.into(),
            source,
        })?;
        Ok(Self {
            folder: folder.into(),
        })
    }

    /// Writes `report.html`, replacing an older one.
    ///
    /// # Errors
    /// [`ReportError`].
    pub fn write(&self, summary: &Summary, labels: &Labels, judged: &[Judged]) -> Result<(), ReportError> {
        let page = Page {
            summary,
            pictures: &summary::pictures(labels, judged),
            exams: &summary::exams(labels, judged),
            false_high: &Worst::find(labels, judged, false, summary.label)?,
            false_low: &Worst::find(labels, judged, true, summary.label)?,
        };
        let path = self.folder.join("report.html");
        fs::write(&path, page.to_string()).map_err(|source| ReportError::Write { path, source })
    }
}
