//! Whether the store holds what was written: every record, every file and every hash, both ways; and its repair.
//!
//! An exam is in the database and in its folder. What one of them has lost is taken from the other; what both have lost goes
//! to `quarantine/`, never away. Runs with the store to itself.

mod files;
mod records;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::key::ExamKey;
use super::rebuild::{exam_folders, take_folder};
use super::{Store, StoreError, folder};

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where and what.
    pub what: String,
    /// What was done, or will be with `--repair`.
    pub repair: &'static str,
}

/// What a check looked at and found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Exams that were looked at.
    pub exams: u64,
    /// Records of frames that were looked at.
    pub frames: u64,
    /// Files of exams that were looked at.
    pub files: u64,
    /// What is wrong.
    pub found: Vec<Finding>,
}

const RESTORED: &str = "restored from the exam's folder";
const REFILED: &str = "written again from the database";
const QUARANTINED: &str = "moved to quarantine";

/// A check that goes on.
struct Check<'a> {
    store: &'a Store,
    repair: bool,
    findings: Findings,
    /// Exams whose folder has to be written again.
    refile: BTreeSet<String>,
}

impl Store {
    /// Looks at everything; with `repair` puts right what it finds. A second look finds nothing then.
    ///
    /// # Errors
    /// [`StoreError`] if the disk fails or the database cannot be read at all; damage is a finding.
    pub fn check(&self, repair: bool) -> Result<Findings, StoreError> {
        let mut check = Check {
            store: self,
            repair,
            findings: Findings::default(),
            refile: BTreeSet::new(),
        };
        check.folders_without_record()?;
        check.records()?;
        for exam in self.exams().filter_map(Result::ok) {
            check.findings.exams += 1;
            check.folder(&exam)?;
        }
        if repair {
            for id in &check.refile {
                self.file(id, false)?;
            }
            self.commit()?;
        }
        Ok(check.findings)
    }
}

impl Check<'_> {
    fn found(&mut self, what: impl std::fmt::Display, repair: &'static str) {
        let what = what.to_string();
        self.findings.found.push(Finding { what, repair });
    }

    /// Folders of exams that the database does not have, or not whole.
    fn folders_without_record(&mut self) -> Result<(), StoreError> {
        for path in exam_folders(&self.store.dir)? {
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            let known = ExamKey::of(name).is_ok() && matches!(self.store.exam(name), Ok(Some(_)));
            if known {
                continue;
            }
            let whole = folder::read(&path, &self.store.seal).is_ok_and(|file| file.exam.id == name);
            if whole {
                self.found(format_args!("no exam {name} in the database"), RESTORED);
                if self.repair {
                    let db = &self.store.opened()?.db;
                    match take_folder(db, &path) {
                        Err(StoreError::DamagedFile { .. }) => {} // found again with the folder's files
                        taken => taken?,
                    }
                }
            } else {
                self.found(format_args!("{} belongs to no exam", path.display()), QUARANTINED);
                if self.repair {
                    self.quarantine(&path)?;
                }
            }
        }
        Ok(())
    }

    fn quarantine(&self, path: &Path) -> Result<(), StoreError> {
        let place = self.quarantine_place(path)?;
        super::files::rename(path, &place)
    }

    /// A free place in `quarantine/` for what lies at `path` of the store.
    fn quarantine_place(&self, path: &Path) -> Result<PathBuf, StoreError> {
        let name = path
            .strip_prefix(&self.store.dir)
            .unwrap_or(path)
            .to_string_lossy();
        let folder = self.store.dir.join("quarantine");
        super::files::create_folder(&folder)?;
        let name = name.replace('/', "_");
        let place = (0..).map(|n| {
            folder.join(if n == 0 {
                name.clone()
            } else {
                format!("{name}.{n}")
            })
        });
        Ok(place
            .into_iter()
            .find(|place| !place.exists())
            .expect("there are names enough"))
    }
}
