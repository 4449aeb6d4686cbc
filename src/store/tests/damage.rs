use std::fs;
use std::slice;

use super::*;

/// sled 0.34 writes `snap.<n>.generating`, renames it, and on opening takes the file that sorts last.
#[test]
fn a_snapshot_that_sled_had_half_written_when_it_was_killed_does_not_keep_the_store_shut() {
    let (dir, store) = store();
    store.begin(&exam(ID)).expect("a new exam");
    store.commit().expect("a working disk");
    drop(store);
    let dir = dir.path().join("store");
    fs::write(dir.join("sled/snap.FFFFFFFFFFFFFFFF.generating"), "half").expect("a file");
    let store = Store::open(&dir).expect("the snapshot before it is whole");
    assert_eq!(store.exam(ID).expect("readable"), Some(exam(ID)));
}

/// sled 0.34 takes a damaged place in its log for the log's end: alone, it opens and is silent about what is gone.
#[test]
fn a_flipped_byte_anywhere_in_sleds_files_is_noticed_and_the_folders_give_back_what_was_there() {
    for restarts in [0, 2] {
        let (dir, store) = store();
        store.begin(&exam(ID)).expect("a new exam");
        (0..500).for_each(|seq| store.append(ID, &graded(seq)).expect("a good frame"));
        store.commit().expect("a working disk");
        store.file(ID, false).expect("a working disk");
        drop(store);
        let dir = dir.path().join("store");
        (0..restarts).for_each(|_| drop(Store::open(&dir).expect("it is whole")));
        let files = sled_files(&dir);
        let mut noticed = 0;
        for (name, bytes) in &files {
            for at in (0..bytes.len()).step_by(bytes.len() / 24 + 1) {
                let copy = tempfile::tempdir().expect("a temporary folder");
                copy_folder(&dir, copy.path());
                let mut bytes = bytes.clone();
                bytes[at] ^= 0x10;
                fs::write(copy.path().join("sled").join(name), bytes).expect("a writable folder");
                let store = Store::open(copy.path()).expect("it is made anew");
                noticed += usize::from(store.notice().is_some());
                let frames = read_all(&store).unwrap_or_else(|error| panic!("{name:?} byte {at}: {error}"));
                assert_eq!(frames, 500, "{name:?} byte {at}, {restarts} restarts");
            }
        }
        assert!(noticed > 10, "{noticed} noticed after {restarts} restarts");
    }
}

pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a writable folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            fs::copy(&path, target).expect("a writable folder");
        }
    }
}

fn sled_files(dir: &Path) -> Vec<(std::ffi::OsString, Vec<u8>)> {
    let entries = fs::read_dir(dir.join("sled")).expect("the folder");
    let paths = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file());
    paths
        .map(|p| {
            (
                p.file_name().expect("a name").to_owned(),
                fs::read(&p).expect("a file"),
            )
        })
        .collect()
}

fn read_all(store: &Store) -> Result<usize, StoreError> {
    assert_eq!(store.exam(ID)?, Some(exam(ID)));
    store
        .frames(ID)?
        .try_fold(0, |count, frame| frame.map(|_| count + 1))
}

#[test]
fn a_database_that_is_gone_is_made_anew_from_the_folders_to_the_bit() {
    let (dir, store) = store();
    let address = Address {
        object: "report".into(),
        destination: "pacs".into(),
    };
    let other = "20260131T101500.000Z-0b1c";
    for id in [ID, other] {
        store.begin(&exam(id)).expect("a new exam");
        (0..50).for_each(|seq| store.append(id, &graded(seq)).expect("a good frame"));
        store
            .end(&ended(id, 50), slice::from_ref(&address))
            .expect("a good exam");
        store.commit().expect("a working disk");
    }
    let mut done = Delivery::pending(ID, &address);
    done.state = DeliveryState::Committed;
    store.update(&done).expect("it is in the outbox");
    store.commit().expect("a working disk");
    for id in [ID, other] {
        store.file(id, false).expect("a working disk");
    }
    let records = |store: &Store| {
        let opened = store.opened().expect("it is open");
        let trees = [
            &opened.db.exams,
            &opened.db.frames,
            &opened.db.outbox,
            &opened.db.todo,
        ];
        trees.map(|tree| tree.iter().map(|row| row.expect("readable")).collect::<Vec<_>>())
    };
    let before = records(&store);
    drop(store);
    let dir = dir.path().join("store");
    fs::remove_dir_all(dir.join("sled")).expect("a folder");
    let store = Store::open(&dir).expect("it is made anew");
    assert!(
        store.notice().is_some_and(|n| n.contains("folders of 2 exams")),
        "{:?}",
        store.notice()
    );
    assert!(records(&store) == before);
    assert_eq!(store.check(false).expect("readable").found, []);
    drop(store);
    assert_eq!(Store::open(&dir).expect("it is whole").notice(), None);
}

#[test]
fn a_compacted_store_holds_the_same_and_takes_less() {
    let (dir, store) = store();
    store.begin(&exam(ID)).expect("a new exam");
    (0..500).for_each(|seq| store.append(ID, &graded(seq)).expect("a good frame"));
    let gone = "20260131T101500.000Z-0b1c";
    store.begin(&exam(gone)).expect("a new exam");
    (0..30_000).for_each(|seq| store.append(gone, &graded(seq)).expect("a good frame"));
    store.commit().expect("a working disk");
    store.remove(gone).expect("a working disk");
    let grown = store.database_bytes().expect("readable");
    assert!(store.compact(|| true).expect("a working disk"));
    let compact = store.database_bytes().expect("readable");
    assert!(compact < grown, "{compact} after {grown} bytes");
    assert_eq!(read_all(&store).expect("whole"), 500);
    drop(store);
    let store = Store::open(&dir.path().join("store")).expect("it is whole");
    assert_eq!((read_all(&store).expect("whole"), store.notice()), (500, None));
}

/// A store with an exam that was delivered and one that ended, and every file of it.
pub(super) fn whole_store((dir, store): (TempDir, Arc<Store>)) -> (TempDir, PathBuf, Vec<PathBuf>) {
    let address = Address {
        object: "report".into(),
        destination: "pacs".into(),
    };
    for id in [ID, OTHER] {
        store.begin(&exam(id)).expect("a new exam");
        (0..60).for_each(|seq| store.append(id, &graded(seq)).expect("a good frame"));
        store.keep(id, &key_frame(9)).expect("a good key frame");
        store
            .end(&ended(id, 60), slice::from_ref(&address))
            .expect("a good exam");
        store.commit().expect("a working disk");
        store.file(id, false).expect("a working disk");
    }
    store.commit().expect("a working disk");
    drop(store);
    let root = dir.path().join("store");
    let (mut files, mut folders) = (Vec::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for path in super::super::files::list(&folder).expect("readable") {
            if path.is_dir() {
                folders.push(path)
            } else {
                files.push(path)
            }
        }
    }
    (dir, root, files)
}

const OTHER: &str = "20260131T101500.000Z-0b1c";

/// Bit flips and truncations in every file: found, put right, and a second look finds nothing; no exam and no score is lost.
#[test]
fn damage_anywhere_is_found_and_put_right() {
    for store in [store(), sealed_store()] {
        damage_everywhere(store);
    }
}

fn damage_everywhere(store: (TempDir, Arc<Store>)) {
    let key = store.0.path().join("store.key");
    let (_dir, root, files) = whole_store(store);
    assert!(files.len() >= 10, "{files:?}");
    for file in &files {
        let bytes = fs::read(file).expect("a file");
        let name = file.strip_prefix(&root).expect("inside");
        let mut found = 0;
        let places = (0..bytes.len()).step_by(bytes.len() / 8 + 1);
        let flips = places
            .map(|at| (at, false))
            .chain([(0, true), (bytes.len() / 2, true)]);
        for (at, cut) in flips {
            let mut damaged = bytes.clone();
            if cut {
                damaged.truncate(at);
            } else {
                damaged[at] ^= 0x10;
            }
            if damaged == bytes {
                continue; // the file is empty
            }
            let copy = tempfile::tempdir().expect("a temporary folder");
            copy_folder(&root, copy.path());
            fs::write(copy.path().join(name), damaged).expect("a writable folder");
            let key = KeyFile::of(copy.path(), Some(&key));
            let store = Store::open_with(copy.path(), &Encryption::AsItIs(key)).expect("it opens");
            let first = store.check(true).expect("it can be read").found;
            let noticed = store.notice().is_some() || !first.is_empty();
            found += usize::from(noticed);
            let of_exam = name.starts_with("exams");
            assert!(noticed || !of_exam, "{name:?} byte {at}, cut {cut}");
            assert_eq!(
                store.check(false).expect("it can be read").found,
                [],
                "{name:?} byte {at}"
            );
            for id in [ID, OTHER] {
                assert_eq!(
                    store.exam(id).expect("whole"),
                    Some(ended(id, 60)),
                    "{name:?} byte {at}"
                );
                let frames: Vec<_> = store
                    .frames(id)
                    .expect("a good id")
                    .map(|frame| frame.expect("whole"))
                    .collect();
                assert_eq!(frames.len(), 60, "{name:?} byte {at}");
                assert_eq!(store.deliveries_of(id).expect("whole").len(), 1);
            }
        }
        // Where nothing lies in a file of the database, nothing can be damaged.
        assert!(
            found > 0 || bytes.is_empty() || name.starts_with("sled"),
            "{name:?}"
        );
    }
}

#[test]
fn damaged_records_are_restored_from_the_folder() {
    let (_dir, root, _) = whole_store(store());
    let store = Store::open(&root).expect("it is whole");
    let db = &store.opened().expect("it is open").db;
    let key = ExamKey::of(ID).expect("a good id");
    for tree in [&db.exams, &db.frames, &db.outbox] {
        for row in tree.scan_prefix(key.bytes()) {
            let (at, bytes) = row.expect("readable");
            let mut bytes = bytes.to_vec();
            bytes[7] ^= 1;
            tree.insert(at, bytes).expect("sled is open");
        }
    }
    let found = store.check(true).expect("readable").found;
    assert!(
        !found.is_empty() && found.iter().all(|f| f.repair.contains("restored")),
        "{found:?}"
    );
    assert_eq!(store.check(false).expect("readable").found, []);
    assert_eq!(store.exam(ID).expect("whole"), Some(ended(ID, 60)));
    assert_eq!(
        store.frames(ID).expect("a good id").filter(Result::is_ok).count(),
        60
    );
}

#[test]
fn a_folder_that_nobody_knows_goes_to_quarantine_and_one_that_is_whole_comes_back() {
    let (_dir, root, _) = whole_store(store());
    let day = root.join("exams/2026/01/31");
    fs::create_dir(day.join("20260131T120000.000Z-0000")).expect("a writable folder");
    fs::write(day.join("20260131T120000.000Z-0000/key-1-regular.png"), "x").expect("a writable folder");
    let store = Store::open(&root).expect("it is whole");
    let key = ExamKey::of(ID).expect("a good id");
    let db = &store.opened().expect("it is open").db;
    db.exams.remove(key.bytes()).expect("sled is open");
    let repairs: Vec<_> = store
        .check(true)
        .expect("readable")
        .found
        .iter()
        .map(|f| f.repair)
        .collect();
    assert_eq!(
        repairs,
        ["restored from the exam's folder", "moved to quarantine"]
    );
    assert_eq!(store.check(false).expect("readable").found, []);
    assert_eq!(store.exam(ID).expect("whole"), Some(ended(ID, 60)));
    assert_eq!(
        fs::read_dir(root.join("quarantine")).expect("a folder").count(),
        1
    );
}
