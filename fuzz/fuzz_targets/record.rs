//! Records of any bytes in every tree, half of them in a good envelope: they are read or refused in words, and once repaired the
//! store is without a finding.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sonograde::store::Store;

const EXAM: &str = "20260131T094500.123Z-7f3a";

/// The key of [`EXAM`].
const KEY: [u8; 10] = [1, 0x9c, 0x13, 0x71, 0x05, 0xdb, b'7', b'f', b'3', b'a'];

/// The next record: how it is stored, its key and its body, each with its length before it.
fn next(input: &mut &[u8]) -> Option<(u8, Vec<u8>, Vec<u8>)> {
    let (&[how, key, low, high], rest) = input.split_first_chunk()?;
    let (key, rest) = rest.split_at_checked(key.into())?;
    let (body, rest) = rest.split_at_checked(u16::from_le_bytes([low, high]).into())?;
    *input = rest;
    Some((how, key.to_vec(), body.to_vec()))
}

fuzz_target!(|input: &[u8]| {
    let mut input = input;
    let dir = tempfile::tempdir().expect("a temporary folder");
    drop(Store::open(dir.path()).expect("a new store"));
    let config = sled::Config::new()
        .path(dir.path().join("sled"))
        .flush_every_ms(None);
    // The store's own sled lets go of its lock a moment after it was dropped.
    let mut open = std::iter::repeat_with(|| config.open()).take(10_000).flatten();
    let db = open.next().expect("it was closed");
    while let Some((how, key, mut value)) = next(&mut input) {
        let tree = ["exams", "frames", "outbox", "todo"][usize::from(how % 4)];
        let key = if how & 4 == 0 {
            [&KEY, key.as_slice()].concat()
        } else {
            key
        };
        if how & 8 == 0 {
            value.insert(0, 1);
            let mut sum = crc32fast::Hasher::new();
            sum.update(&key);
            sum.update(&value);
            value.extend(sum.finalize().to_le_bytes());
        }
        db.open_tree(tree)
            .expect("a tree")
            .insert(key, value)
            .expect("it is open");
    }
    db.flush().expect("a working disk");
    drop(db);

    let store = Store::open(dir.path()).expect("sled itself is whole");
    let frames = store
        .frames(EXAM)
        .expect("a good id")
        .filter(Result::is_ok)
        .count();
    assert!(frames as u64 <= store.frame_count(EXAM).expect("readable"));
    let _ = (
        store.exams().count(),
        store.outbox().count(),
        store.unfiled().count(),
    );
    store.check(true).expect("readable");
    assert_eq!(store.check(false).expect("readable").found, []);
});
