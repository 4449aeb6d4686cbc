//! The layout of folder, trees and keys, and how a store of an earlier one is brought up to it. Records carry a version of
//! their own.
//!
//! | schema | since | |
//! |---|---|---|
//! | 1 | 0.1.0 | trees `exams`, `frames`, `meta`; folders hold pictures alone |
//! | 2 | | trees `outbox` and `todo`; folders hold everything |
//! | 3 | | records and files may be encrypted (`seal.rs`); a plain store is as in 2 |
//! | 4 | | a frame's record, and its line in `frames.csv`, may say how good its picture is; one without is as in 3 |

use std::path::Path;

use super::commits::COMMITS_KEY;
use super::database::Database;
use super::{StoreError, corrupt};

/// The newest schema.
pub const SCHEMA: u64 = 4;
/// The key of the schema's number in the tree `meta`.
pub(super) const SCHEMA_KEY: &[u8] = b"schema";
/// In `todo`: the exam's folder is behind its record.
pub(super) const TO_FILE: &[u8] = b"file";
/// In `todo`: the exam is to be removed, and may be half gone.
pub(super) const TO_REMOVE: &[u8] = b"remove";

/// Brings the database of the store in `store` up to the newest schema. Interrupted anywhere, it is done again.
pub(super) fn bring_up(store: &Path, db: &Database) -> Result<(), StoreError> {
    match db.number(SCHEMA_KEY)? {
        Some(SCHEMA) => return Ok(()),
        Some(found) if found > SCHEMA => {
            return Err(StoreError::Newer {
                dir: store.to_owned(),
                found,
                known: SCHEMA,
            });
        }
        None if db.number(COMMITS_KEY)?.is_some() => {
            let expected = String::from("the number of its schema, found none");
            return Err(corrupt("meta", SCHEMA_KEY)(expected));
        }
        Some(1) => file_everything(db)?,
        Some(_) => {}
        None => {}
    }
    db.set_number(SCHEMA_KEY, SCHEMA)
}

/// Every exam gets its files: from schema 1, and when a store is to be encrypted from now on.
pub(super) fn file_everything(db: &Database) -> Result<(), StoreError> {
    for key in db.exams.iter().keys() {
        let key = db.call("read records", || key)?;
        let note = db.seal.record("todo", &key, TO_FILE);
        // One that is to be removed is not to be filed.
        db.call("note an exam", || {
            db.todo.compare_and_swap(&key, None::<&[u8]>, Some(note))
        })?
        .ok();
    }
    Ok(())
}
