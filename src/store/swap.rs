//! Another sled in the place of the one that is there, in steps that a power cut may come between.
//!
//! `sled.part` is being made; `sled.new` is whole and durable, and takes the place of `sled` at the next start if it has not
//! done so before; `sled.old` is what it replaced.

use std::fs::File;
use std::path::Path;

use sled::IVec;

use super::StoreError;
use super::crash::point;
use super::database::Database;
use super::files::{self, fault};
use super::seal::Seal;

/// Makes `sled.new` in the store `store` with what `fill` puts into it, encrypted by `seal`; nothing where `fill` gives none.
pub(super) fn make<T>(
    store: &Path,
    seal: &Seal,
    fill: impl FnOnce(&Database) -> Result<Option<T>, StoreError>,
) -> Result<Option<T>, StoreError> {
    let part = store.join("sled.part");
    files::remove_folder(&part)?;
    files::create_folder(&part)?;
    let filled = fill_in(&part, seal, fill);
    if let Ok(Some(_)) = &filled {
        point("swap-filled");
        files::rename(&part, &store.join("sled.new"))?;
        point("swap-made");
    } else {
        // What is half there takes space that a full disk does not have.
        files::remove_folder(&part)?;
    }
    filled
}

fn fill_in<T>(
    part: &Path,
    seal: &Seal,
    fill: impl FnOnce(&Database) -> Result<Option<T>, StoreError>,
) -> Result<Option<T>, StoreError> {
    let mut db = Database::open(part, seal)?;
    db.encrypt(seal)?;
    let filled = fill(&db)?;
    db.sync()?;
    drop(db);
    // sled has written once more when it closed.
    for path in files::list(part)? {
        let synced = File::open(&path).and_then(|file| file.sync_all());
        synced.map_err(fault("sync", &path))?;
    }
    Ok(filled)
}

/// Puts `sled.new` in the place of `sled`, which nobody has open; that one is kept as `aside`, or removed.
pub(super) fn place(store: &Path, aside: Option<&str>) -> Result<(), StoreError> {
    let (sled, new) = (store.join("sled"), store.join("sled.new"));
    if sled.exists() {
        let old = store.join(aside.unwrap_or("sled.old"));
        if aside.is_none() {
            files::remove_folder(&old)?;
        }
        files::rename(&sled, &old)?;
    }
    point("swap-aside");
    files::rename(&new, &sled)?;
    point("swap-placed");
    files::remove_folder(&store.join("sled.old"))
}

/// Finishes what a power cut interrupted.
pub(super) fn finish(store: &Path) -> Result<(), StoreError> {
    files::remove_folder(&store.join("sled.part"))?;
    if store.join("sled.new").exists() {
        place(store, None)
    } else if !store.join("sled").exists() && store.join("sled.old").exists() {
        files::rename(&store.join("sled.old"), &store.join("sled"))
    } else {
        files::remove_folder(&store.join("sled.old"))
    }
}

/// Copies every record of `from` into `to`, encrypted if that one is and this one is not, else as it is; `goes_on` is asked now and then and may end it. Gives the number of
/// damaged records, which are copied too, or none where it was ended.
pub(super) fn copy(
    from: &Database,
    to: &Database,
    mut goes_on: impl FnMut() -> bool,
) -> Result<Option<u64>, StoreError> {
    let meta = (&Seal::off(), &Seal::off());
    let records = (&from.seal, &to.seal);
    let pairs = [
        ("meta", meta, &from.meta, &to.meta),
        ("exams", records, &from.exams, &to.exams),
        ("outbox", records, &from.outbox, &to.outbox),
        ("todo", records, &from.todo, &to.todo),
        ("frames", records, &from.frames, &to.frames),
    ];
    let (mut damaged, mut copied) = (0, 0_u64);
    for (tree, (old, new), from_tree, to_tree) in pairs {
        let mut rows = from_tree.iter();
        while let Some((key, bytes)) = from.call("read records", || rows.next().transpose())? {
            let record = match old.open(tree, &key, &bytes) {
                Ok(body) if new.is_on() && !old.is_on() => IVec::from(new.record(tree, &key, &body)),
                Ok(_) => bytes,
                Err(_) => {
                    damaged += 1;
                    bytes
                }
            };
            to.call("copy a record", || to_tree.insert(key, record))?;
            copied += 1;
            if copied.is_multiple_of(1024) && !goes_on() {
                return Ok(None);
            }
        }
    }
    Ok(Some(damaged))
}
