//! The folder of one exam against its record.

use std::collections::HashMap;
use std::path::Path;

use super::{Check, QUARANTINED, REFILED, RESTORED};
use crate::exam::record::Exam;
use crate::store::folder::{self, ExamFile};
use crate::store::key::ExamKey;
use crate::store::seal::Seal;
use crate::store::{StoreError, files, rebuild};

impl Check<'_> {
    /// The exam's folder: each file that it names is there and whole, each that is there is named, and it says what the
    /// database says.
    pub(super) fn folder(&mut self, exam: &Exam) -> Result<(), StoreError> {
        let key = ExamKey::of(&exam.id)?;
        let path = self.store.exam_folder(&exam.id);
        let db = &self.store.opened()?.db;
        let behind = db.call("look for a note", || db.todo.contains_key(key.bytes()))?;
        let file = match folder::read(&path, &self.store.seal) {
            Ok(file) => Some(file),
            Err(error) if error.is_missing_file() && behind => None,
            Err(error) => {
                self.found(crate::one_line(&error), REFILED);
                self.put_aside(&path.join(folder::EXAM), &exam.id)?;
                None
            }
        };
        if let Some(file) = &file {
            if file.exam != *exam && !behind {
                self.found(
                    format_args!("{} differs from the database", path.join(folder::EXAM).display()),
                    REFILED,
                );
                self.refile.insert(exam.id.clone());
            }
            self.named(&path, file, exam)?;
            let names = file.files.iter().map(|entry| entry.name.as_str());
            for name in names.chain([folder::EXAM]).filter(|_| !behind) {
                if self.store.seal.lacks(&path.join(name)) {
                    self.found(
                        format_args!("{} is not encrypted", path.join(name).display()),
                        REFILED,
                    );
                    self.refile.insert(exam.id.clone());
                }
            }
        }
        self.unnamed(&path, file.as_ref(), exam)?;
        if behind {
            self.refile.insert(exam.id.clone());
        }
        Ok(())
    }

    /// The files that `exam.json` names.
    fn named(&mut self, path: &Path, file: &ExamFile, exam: &Exam) -> Result<(), StoreError> {
        for entry in &file.files {
            self.findings.files += 1;
            let frames = entry.name == folder::FRAMES;
            match entry.check(path, &self.store.seal) {
                Ok(()) if frames => self.compare(path, exam)?,
                Ok(()) => {}
                Err(error) => {
                    self.found(
                        crate::one_line(&error),
                        if frames { REFILED } else { QUARANTINED },
                    );
                    self.put_aside(&path.join(&entry.name), &exam.id)?;
                }
            }
        }
        Ok(())
    }

    /// The frames of `frames.csv`, which is whole, against the database's.
    fn compare(&mut self, path: &Path, exam: &Exam) -> Result<(), StoreError> {
        let key = ExamKey::of(&exam.id)?;
        let mut stored: HashMap<_, _> = self.store.packed(&key)?.into_iter().collect();
        let (mut lost, mut differ) = (0, 0);
        for (seq, packed) in folder::read_frames(path, &self.store.seal)? {
            match stored.remove(&seq) {
                Some(same) if same == packed => {}
                Some(_) => differ += 1,
                None => {
                    lost += 1;
                    if self.repair {
                        rebuild::put_frame(&self.store.opened()?.db, &key, seq, &packed)?;
                    }
                }
            }
        }
        let name = path.join(folder::FRAMES);
        if lost > 0 {
            // In a look without repair, a damaged record counts as lost too.
            self.found(
                format_args!("{lost} frames of {} are not in the database", name.display()),
                RESTORED,
            );
        }
        if differ > 0 || !stored.is_empty() {
            let more = stored.len();
            self.found(
                format_args!(
                    "{} differs in {differ} frames, {more} are missing in it",
                    name.display()
                ),
                REFILED,
            );
            self.refile.insert(exam.id.clone());
        }
        Ok(())
    }

    /// The files that `exam.json` does not name.
    fn unnamed(&mut self, path: &Path, file: Option<&ExamFile>, exam: &Exam) -> Result<(), StoreError> {
        let pictures = files::key_frames(path)?;
        for found in files::list(path)? {
            let name = found
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            let named = file.is_some_and(|file| file.files.iter().any(|entry| entry.name == name));
            if named || name == folder::EXAM || name == folder::FRAMES {
                continue;
            }
            self.findings.files += 1;
            if found.extension().is_some_and(|extension| extension == "part") {
                // A cut while it was written: nobody was told that it is there.
                if self.repair {
                    std::fs::remove_file(&found).map_err(files::fault("remove", &found))?;
                }
            } else if pictures.iter().any(|key| key.path == found) && is_whole(&found, &self.store.seal) {
                // A cut before it was named.
                self.refile.insert(exam.id.clone());
            } else {
                self.found(
                    format_args!("{} is damaged or foreign", found.display()),
                    QUARANTINED,
                );
                self.put_aside(&found, &exam.id)?;
            }
        }
        Ok(())
    }

    fn put_aside(&mut self, path: &Path, exam: &str) -> Result<(), StoreError> {
        self.refile.insert(exam.to_owned());
        if self.repair && path.exists() {
            self.quarantine(path)?;
        }
        Ok(())
    }
}

/// Whether a picture can be read: PNG has a checksum for each of its parts.
fn is_whole(picture: &Path, seal: &Seal) -> bool {
    seal.read_file(picture)
        .is_ok_and(|bytes| image::load_from_memory(&bytes).is_ok())
}
