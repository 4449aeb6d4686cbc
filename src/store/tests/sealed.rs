use std::collections::BTreeMap;
use std::fs;

use super::damage::whole_store;
use super::*;
use crate::store::writer::{Policy, Writer};

fn on(store: &Path, key: Option<&Path>) -> Encryption {
    Encryption::On(KeyFile::of(store, key))
}

/// Every file below `folder`, and what is in it.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for path in files::list(folder).expect("readable") {
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).expect("a file"));
        }
    }
    found
}

/// The files that show words of an exam or a picture.
fn plain(folder: &Path) -> Vec<PathBuf> {
    let words: [&[u8]; 4] = [b"provenance", b"repvgg", b"\x89PNG", b"map_lowest"];
    let shows = |bytes: &[u8]| {
        words
            .iter()
            .any(|word| bytes.windows(word.len()).any(|at| at == *word))
    };
    let shows = contents(folder).into_iter().filter(|(_, bytes)| shows(bytes));
    shows.map(|(path, _)| path).collect()
}

fn file_all(store: &Store) {
    for id in store.unfiled() {
        store.file(&id.expect("readable"), false).expect("a working disk");
    }
    store.commit().expect("a working disk");
}

#[test]
fn nothing_of_an_exam_can_be_read_in_the_files_of_an_encrypted_store() {
    let (_plain, root, _) = whole_store(super::store());
    assert!(
        plain(&root).len() >= 7,
        "the look itself finds {:?}",
        plain(&root)
    );
    let (_dir, root, _) = whole_store(sealed_store());
    assert_eq!(plain(&root), Vec::<PathBuf>::new());
    let store = Store::open_with(&root, &on(&root, None)).expect("its key is beside it");
    assert_eq!(store.exam(ID).expect("readable"), Some(ended(ID, 60)));
    assert_eq!(
        store.frames(ID).expect("a good id").filter(Result::is_ok).count(),
        60
    );
    assert!(
        store
            .exam_file(ID, "key-9-highest.png")
            .expect("readable")
            .starts_with(b"\x89PNG")
    );
    assert_eq!(store.check(false).expect("readable").found, []);
    assert!(store.compact(|| true).expect("a working disk"));
    assert_eq!(store.exam(ID).expect("readable"), Some(ended(ID, 60)));
    drop(store);
    assert_eq!(plain(&root), Vec::<PathBuf>::new());
    fs::remove_dir_all(root.join("sled")).expect("a folder");
    let store = Store::open_with(&root, &on(&root, None)).expect("it is made anew");
    assert_eq!(store.exam(ID).expect("readable"), Some(ended(ID, 60)));
    assert_eq!(store.check(false).expect("readable").found, []);
    drop(store);
    assert_eq!(plain(&root), Vec::<PathBuf>::new());
}

#[test]
fn another_key_or_none_is_refused_in_words_and_changes_nothing() {
    let (dir, root, _) = whole_store(sealed_store());
    let other = dir.path().join("other.key");
    fs::write(&other, [9; 32]).expect("a writable folder");
    let short = dir.path().join("short.key");
    fs::write(&short, "secret").expect("a writable folder");
    let gone = dir.path().join("gone.key");
    let before = contents(dir.path());
    for (encryption, words) in [
        (on(&root, Some(&other)), "other.key does not open the store "),
        (
            on(&root, Some(&short)),
            "short.key is no key of a store: expected 32 bytes, found 6",
        ),
        (on(&root, Some(&gone)), "gone.key of the store: put it back"),
        (
            Encryption::AsItIs(KeyFile::of(&root, Some(&other))),
            "other.key does not open the store ",
        ),
        (Encryption::Off, "is encrypted, and [store] encryption is off"),
    ] {
        let error = Store::open_with(&root, &encryption)
            .err()
            .expect("it must not open");
        assert!(error.to_string().contains(words), "{error}");
    }
    assert!(rekey(&root, &KeyFile::of(&root, Some(&other)), None).is_err());
    assert!(contents(dir.path()) == before, "something was changed");
    for copy in ["key.1", "key.2"] {
        fs::remove_file(root.join(copy)).expect("a file");
    }
    let error = Store::open_with(&root, &on(&root, None))
        .err()
        .expect("it must not open");
    assert!(matches!(error, StoreError::NoKey(_)), "{error}");
    fs::remove_dir_all(root.join("sled")).expect("a folder");
    let error = Store::open_with(&root, &on(&root, None))
        .err()
        .expect("it must not open");
    assert!(matches!(error, StoreError::NoKey(_)), "{error}");
}

#[test]
fn a_plain_store_is_encrypted_when_it_is_opened_and_its_files_between_exams() {
    let (_dir, root, _) = whole_store(super::store());
    let store = Arc::new(Store::open_with(&root, &on(&root, None)).expect("it is encrypted"));
    assert_eq!(store.exam(ID).expect("readable"), Some(ended(ID, 60)));
    assert_eq!(
        store.check(false).expect("readable").found,
        [],
        "its files are noted"
    );
    let exam_files = plain(&root);
    assert!(
        exam_files.iter().all(|path| path.starts_with(root.join("exams"))),
        "{exam_files:?}"
    );
    let writer = Writer::start(Arc::clone(&store), Policy::default()).expect("a thread");
    let patience = Instant::now() + Duration::from_secs(20);
    while store.unfiled().next().is_some() && Instant::now() < patience {
        thread::sleep(Duration::from_millis(5));
    }
    writer.finish().expect("a working disk");
    assert_eq!(plain(&root), Vec::<PathBuf>::new());
    assert_eq!(store.check(false).expect("readable").found, []);

    let png = root.join("exams/2026/01/31").join(ID).join("key-9-highest.png");
    let bytes = store.exam_file(ID, "key-9-highest.png").expect("readable");
    fs::write(&png, bytes).expect("a writable folder");
    let found = store.check(true).expect("readable").found;
    assert!(
        found.len() == 1 && found[0].what.ends_with("is not encrypted"),
        "{found:?}"
    );
    assert_eq!(store.check(false).expect("readable").found, []);
    assert_eq!(plain(&root), Vec::<PathBuf>::new());
}

#[test]
fn after_rekey_the_new_key_opens_and_the_old_one_does_not() {
    let (dir, root, _) = whole_store(sealed_store());
    let beside = KeyFile::of(&root, None);
    let old = dir.path().join("old.key");
    fs::copy(beside.path(), &old).expect("a file");
    assert_eq!(
        rekey(&root, &beside, None).expect("its key is beside it"),
        beside.path()
    );
    assert!(Store::open_with(&root, &on(&root, Some(&old))).is_err());
    let store = Store::open_with(&root, &on(&root, None)).expect("the new key");
    assert_eq!(
        (store.exam(ID).expect("readable"), store.notice()),
        (Some(ended(ID, 60)), None)
    );
    assert!(matches!(
        rekey(&root, &beside, None),
        Err(StoreError::InUse { .. })
    ));
    drop(store);

    let elsewhere = dir.path().join("elsewhere.key");
    rekey(&root, &beside, Some(&elsewhere)).expect("a writable folder");
    assert!(Store::open_with(&root, &on(&root, None)).is_err());
    let named = KeyFile::of(&root, Some(&elsewhere));
    assert!(Store::open_with(&root, &Encryption::On(named.clone())).is_ok());
    assert!(matches!(
        rekey(&root, &named, None),
        Err(StoreError::KeyNotOurs(_))
    ));
}

/// A rekey that was cut between its two copies: whichever key is in its place, one of them opens and the other is put right.
#[test]
fn a_rekey_that_was_interrupted_leaves_a_store_that_opens() {
    let (dir, root, _) = whole_store(sealed_store());
    let key = KeyFile::of(&root, None);
    let (old_copy, old_key) = (
        fs::read(root.join("key.2")).expect("a file"),
        fs::read(key.path()).expect("a file"),
    );
    rekey(&root, &key, None).expect("a writable folder");
    let new_key = fs::read(key.path()).expect("a file");
    for in_place in [&old_key, &new_key] {
        fs::write(root.join("key.2"), &old_copy).expect("a writable folder");
        let first = fs::read(root.join("key.1")).expect("a file");
        fs::write(key.path(), in_place).expect("a writable folder");
        for notice in [true, false] {
            let store = Store::open_with(&root, &on(&root, None)).expect("one of the copies opens");
            assert_eq!(store.notice().is_some(), notice);
            assert_eq!(store.exam(ID).expect("readable"), Some(ended(ID, 60)));
        }
        fs::write(root.join("key.1"), first).expect("a writable folder");
    }
    drop(dir);
}

#[test]
fn a_wiped_store_is_gone_with_its_keys_and_one_half_wiped_does_not_open() {
    let (dir, root, _) = whole_store(sealed_store());
    fs::write(root.join("notes.txt"), "x").expect("a writable folder");
    fs::create_dir(root.join("audit")).expect("a writable folder");
    let copies = fs::read(root.join("key.1")).expect("a file");
    fs::write(root.join("wiped"), "encrypted").expect("a writable folder");
    let error = Store::open_with(&root, &on(&root, None))
        .err()
        .expect("it must not open");
    assert!(matches!(error, StoreError::Wiped(_)), "{error}");
    let wiped = wipe(&root).expect("a writable folder");
    assert_eq!(
        (wiped.encrypted, wiped.left),
        (true, vec![root.join("notes.txt")])
    );
    let left = contents(dir.path());
    assert_eq!(left.keys().collect::<Vec<_>>(), [&root.join("notes.txt")]);
    assert!(!copies.is_empty());
    assert!(!root.join("exams").exists() && !root.join("audit").exists());
    let store = Store::open_with(&root, &on(&root, None)).expect("a new store with a new key");
    assert_eq!(store.exams().count(), 0);

    let (_dir, root, _) = whole_store(super::store());
    // It once was left there, with the names of patients.
    fs::write(root.join("worklist"), "x").expect("a writable folder");
    assert!(!wipe(&root).expect("a writable folder").encrypted);
    assert_eq!(contents(&root).len(), 0);
    file_all(&Store::open(&root).expect("a new store"));
}
