//! The records of the database.

use std::collections::HashMap;

use sled::Tree;

use super::{Check, QUARANTINED, RESTORED};
use crate::store::codec::Packed;
use crate::store::key::{self, ExamKey};
use crate::store::read::{read_delivery, unpack};
use crate::store::schema::TO_FILE;
use crate::store::{Address, Delivery, Opened, StoreError, files, folder, rebuild, seal_delivery};

impl Check<'_> {
    /// Every record of every tree: whole, and of an exam that is there.
    pub(super) fn records(&mut self) -> Result<(), StoreError> {
        for row in self.store.scan(|opened| opened.db.exams.iter()) {
            let (at, bytes) = row?;
            if let Err(error) = crate::store::read::read_exam(&self.store.seal, &at, &bytes) {
                // Its folder had no whole record either, or it would have been restored before this.
                self.give_up("exams", &at, &bytes, &error, |opened| &opened.db.exams)?;
            }
        }
        self.frames()?;
        for row in self.store.scan(|opened| opened.db.outbox.iter()) {
            let (at, bytes) = row?;
            let known = self.belongs(&at)?;
            match read_delivery(&self.store.seal, &at, &bytes) {
                Ok(_) if known.is_some() => {}
                Ok(delivery) => {
                    let error = StoreError::NoExam {
                        what: format!("a delivery to {}", delivery.address.destination),
                    };
                    self.give_up("outbox", &at, &bytes, &error, |opened| &opened.db.outbox)?;
                }
                Err(error) => self.delivery(&at, &bytes, known, &error)?,
            }
        }
        for row in self.store.scan(|opened| opened.db.todo.iter()) {
            let (at, bytes) = row?;
            if let Err(expected) = self.store.seal.open("todo", &at, &bytes) {
                self.found(crate::store::corrupt("todo", &at)(expected), "noted again");
                if self.repair {
                    let db = &self.store.opened()?.db;
                    db.call("note an exam", || {
                        db.todo.insert(&at, db.seal.record("todo", &at, TO_FILE))
                    })?;
                }
            }
        }
        Ok(())
    }

    fn frames(&mut self) -> Result<(), StoreError> {
        // The last exam's, as frames come exam by exam.
        let mut of: Option<([u8; 10], bool)> = None;
        let mut folder: Option<(String, HashMap<u64, Packed>)> = None;
        for row in self.store.scan(|opened| opened.db.frames.iter()) {
            let (at, bytes) = row?;
            self.findings.frames += 1;
            let head = at.first_chunk().copied().unwrap_or_default();
            let known = match of {
                Some((last, known)) if last == head => known,
                _ => self.belongs(&at)?.is_some(),
            };
            of = Some((head, known));
            match unpack(&self.store.seal, &at, &bytes) {
                Ok(_) if known => {}
                Ok((seq, _)) => {
                    let what = format!("frame {seq} ({})", key::words(&at));
                    let error = StoreError::NoExam { what };
                    self.give_up("frames", &at, &bytes, &error, |opened| &opened.db.frames)?;
                }
                Err(error) => {
                    let exam = ExamKey::before(&at).and_then(|key| Some((key, key.id()?, key::seq_of(&at)?)));
                    let Some((key, id, seq)) = exam else {
                        self.give_up("frames", &at, &bytes, &error, |opened| &opened.db.frames)?;
                        continue;
                    };
                    if folder.as_ref().is_none_or(|(of, _)| *of != id) {
                        let frames = folder::read_frames(&self.store.exam_folder(&id), &self.store.seal)
                            .unwrap_or_default();
                        folder = Some((id.clone(), frames.into_iter().collect()));
                    }
                    match folder.as_ref().and_then(|(_, frames)| frames.get(&seq)) {
                        Some(packed) => {
                            self.found(&error, RESTORED);
                            if self.repair {
                                rebuild::put_frame(&self.store.opened()?.db, &key, seq, packed)?;
                            }
                        }
                        None => {
                            self.give_up("frames", &at, &bytes, &error, |opened| &opened.db.frames)?;
                            self.refile.insert(id);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// A damaged delivery: as the folder has it, or to be tried again, as its key says what goes where.
    fn delivery(
        &mut self,
        at: &[u8],
        bytes: &[u8],
        exam: Option<(ExamKey, String)>,
        error: &StoreError,
    ) -> Result<(), StoreError> {
        let address = at.get(10..).and_then(|rest| {
            let (object, destination) = str::from_utf8(rest).ok()?.split_once('\0')?;
            Some(Address {
                object: object.to_owned(),
                destination: destination.to_owned(),
            })
        });
        let (Some(address), Some((key, id))) = (address, exam) else {
            return self.give_up("outbox", at, bytes, error, |opened| &opened.db.outbox);
        };
        let filed = folder::read(&self.store.exam_folder(&id), &self.store.seal).ok();
        let filed = filed.and_then(|file| file.deliveries.into_iter().find(|d| d.address == address));
        self.found(
            error,
            if filed.is_some() {
                RESTORED
            } else {
                "to be delivered again"
            },
        );
        if self.repair {
            let delivery = filed.unwrap_or_else(|| Delivery::pending(&id, &address));
            let (at, entry) = seal_delivery(&self.store.seal, &key, &delivery);
            let db = &self.store.opened()?.db;
            db.call("store a delivery", || db.outbox.insert(at, entry))?;
        }
        Ok(())
    }

    /// The exam of a record's key, if the database has it.
    fn belongs(&self, at: &[u8]) -> Result<Option<(ExamKey, String)>, StoreError> {
        let Some((key, id)) = ExamKey::before(at).and_then(|key| Some((key, key.id()?))) else {
            return Ok(None);
        };
        let db = &self.store.opened()?.db;
        let known = db.call("look for an exam", || db.exams.contains_key(key.bytes()))?;
        Ok(known.then_some((key, id)))
    }

    /// Puts a record that nothing can restore into a file of its own.
    fn give_up(
        &mut self,
        tree: &'static str,
        at: &[u8],
        bytes: &[u8],
        error: &StoreError,
        of: impl FnOnce(&Opened) -> &Tree,
    ) -> Result<(), StoreError> {
        self.found(error, QUARANTINED);
        if self.repair {
            // A name is at most 255 bytes long, a key need not be good.
            let key = &at[..at.len().min(64)];
            let name = self.store.dir.join(format!("{tree}-{}", crate::hex(key)));
            files::write_whole(&self.quarantine_place(&name)?, bytes)?;
            let opened = self.store.opened()?;
            opened.db.call("remove a record", || of(&opened).remove(at))?;
        }
        Ok(())
    }
}
