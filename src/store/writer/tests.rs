use std::time::Instant;

use super::*;
use crate::store::tests::{ended, exam, graded, key_frame, store};

const ID: &str = "20260131T094500.123Z-7f3a";

fn wait_for(writer: &Writer, what: impl Fn(&Status) -> bool) -> Status {
    let start = Instant::now();
    loop {
        let status = writer.status();
        if what(&status) || start.elapsed() > Duration::from_secs(20) {
            return status;
        }
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn frames_are_saved_within_a_group_while_the_exam_runs() {
    let (_dir, store) = store();
    let writer = Writer::start(Arc::clone(&store), Policy::default()).expect("a thread");
    writer
        .send(Entry::Begin(Box::new(exam(ID))))
        .expect("the thread runs");
    for seq in 0..5 {
        writer
            .send(Entry::Frame(Arc::new(graded(seq))))
            .expect("the thread runs");
    }
    let status = wait_for(&writer, |status| status.saved == 5);
    let saved = Status {
        saved: 5,
        last_saved_seq: Some(4),
        ..Status::default()
    };
    let without_space = |status| Status {
        space: None,
        ..status
    };
    assert_eq!(without_space(status), saved);
    writer.send(Entry::Key(key_frame(3))).expect("the thread runs");
    writer
        .send(Entry::End(Box::new(exam(ID))))
        .expect("the thread runs");
    assert_eq!(without_space(writer.finish().expect("all is stored")), saved);
    assert_eq!(store.frame_count(ID).expect("readable"), 5);
    assert_eq!(store.key_frames(ID).expect("readable").len(), 1);
}

#[test]
fn what_cannot_be_stored_for_its_own_reason_is_reported_and_the_rest_is_stored() {
    let (_dir, store) = store();
    let writer = Writer::start(Arc::clone(&store), Policy::default()).expect("a thread");
    writer
        .send(Entry::Frame(Arc::new(graded(1))))
        .expect("the thread runs");
    let status = wait_for(&writer, |status| status.lost == 1);
    let words = "not being stored: frame 1 belongs to no exam: an exam has to begin before its frames";
    assert_eq!(status.fault.as_deref(), Some(words));
    writer
        .send(Entry::Begin(Box::new(exam(ID))))
        .expect("the thread runs");
    writer
        .send(Entry::Frame(Arc::new(graded(2))))
        .expect("the thread runs");
    let status = writer.finish().expect("the store works");
    assert_eq!((status.saved, status.lost, status.waiting), (1, 1, 0));
}

/// One picture that found no room on the disk had the page say for ever that nothing is stored.
#[test]
fn a_picture_that_could_not_be_kept_is_said_until_one_can() {
    let (dir, store) = store();
    let in_the_way = dir.path().join("store/exams");
    std::fs::remove_dir_all(&in_the_way).ok();
    std::fs::write(&in_the_way, "x").expect("a file");
    let writer = Writer::start(Arc::clone(&store), Policy::default()).expect("a thread");
    let send = |entry| writer.send(entry).expect("the thread runs");
    send(Entry::Begin(Box::new(exam(ID))));
    send(Entry::Key(key_frame(1)));
    let status = wait_for(&writer, |status| status.fault.is_some());
    assert!(
        status
            .fault
            .is_some_and(|words| words.starts_with("not being stored: cannot"))
    );
    std::fs::remove_file(&in_the_way).expect("a file");
    send(Entry::Frame(Arc::new(graded(2))));
    let status = wait_for(&writer, |status| status.saved == 1);
    assert!(status.fault.is_some(), "a score says nothing of pictures");
    send(Entry::Key(key_frame(3)));
    let status = wait_for(&writer, |status| status.fault.is_none());
    assert_eq!((status.fault, status.lost), (None, 1));
    writer.finish().expect("the store works");
}

/// A disk that will not sync, and then works again: nothing is called saved in between, and what waited is stored.
#[test]
fn after_a_failed_write_nothing_is_called_saved_until_the_store_was_opened_again() {
    let (dir, mut store) = store();
    let in_the_way = dir.path().join("store/probe.part");
    std::fs::create_dir(&in_the_way).expect("a writable folder");
    let opened = Arc::get_mut(&mut store).expect("nobody else has it");
    let opened = opened.opened.get_mut().expect("nobody panicked").as_mut();
    let broken = Arc::get_mut(opened.expect("it is open")).expect("nobody reads");
    // The kernel syncs no file of /proc (EINVAL). Not of /proc/self, of which qemu-user makes some itself, on a disk.
    let unsyncable = std::fs::File::open("/proc/version").expect("Linux");
    broken.db.synced.push(("/proc/version".into(), unsyncable));
    let writer = Writer::start(Arc::clone(&store), Policy::default()).expect("a thread");
    let send = |entry| writer.send(entry).expect("the thread runs");
    send(Entry::Begin(Box::new(exam(ID))));
    wait_for(&writer, |status| status.fault.is_some());
    for seq in 0..WAITING as u64 + 1000 {
        send(Entry::Frame(Arc::new(graded(seq))));
    }
    send(Entry::Key(key_frame(3)));
    let status = wait_for(&writer, |status| status.lost == 1002);
    let fault = status.fault.expect("it failed");
    assert!(fault.starts_with("not being stored: cannot "), "{fault}");
    assert_eq!(
        (status.saved, status.lost, status.waiting, status.last_saved_seq),
        (0, 1002, WAITING as u64, None)
    );

    std::fs::remove_dir(&in_the_way).expect("it is there");
    let status = wait_for(&writer, |status| status.waiting == 0 && status.fault.is_none());
    assert_eq!((status.saved, status.fault), (WAITING as u64 - 1, None));
    send(Entry::Frame(Arc::new(graded(9999))));
    send(Entry::End(Box::new(ended(ID, 9))));
    let status = writer.finish().expect("the disk works");
    assert_eq!((status.saved, status.lost), (WAITING as u64, 1002));
    assert_eq!(store.exam(ID).expect("readable"), Some(ended(ID, 9)));
    assert_eq!(store.frame_count(ID).expect("readable"), WAITING as u64);
}

#[test]
fn an_exam_that_ends_is_in_its_folder_and_in_the_outbox() {
    let (dir, store) = store();
    let address = Address {
        object: "report".into(),
        destination: "pacs".into(),
    };
    let policy = Policy {
        addresses: vec![address.clone()],
        ..Policy::default()
    };
    let writer = Writer::start(Arc::clone(&store), policy).expect("a thread");
    for entry in [
        Entry::Begin(Box::new(exam(ID))),
        Entry::Frame(Arc::new(graded(1))),
        Entry::Key(key_frame(1)),
        Entry::End(Box::new(ended(ID, 1))),
    ] {
        writer.send(entry).expect("the thread runs");
    }
    let queue = writer.queue();
    let mut sent = Delivery::pending(ID, &address);
    sent.state = crate::store::DeliveryState::Sent;
    queue
        .send(Entry::Delivery(Box::new(sent.clone())))
        .expect("the thread runs");
    writer.finish().expect("the disk works");
    let outbox: Vec<Delivery> = store.outbox().map(|d| d.expect("whole")).collect();
    assert_eq!(outbox, [sent]);
    assert_eq!(store.unfiled().count(), 0);
    let folder = dir.path().join("store/exams/2026/01/31").join(ID);
    for name in ["exam.json", "frames.csv", "key-1-highest.png"] {
        assert!(folder.join(name).is_file(), "{name}");
    }
    assert_eq!(store.check(false).expect("readable").found, []);
}

#[test]
fn at_the_last_reserve_scores_are_stored_and_pictures_are_not() {
    let (_dir, store) = store();
    let policy = Policy {
        keep: Keep {
            reserve_mb: u64::MAX >> 20,
            ..Keep::default()
        },
        ..Policy::default()
    };
    let writer = Writer::start(Arc::clone(&store), policy).expect("a thread");
    for entry in [
        Entry::Begin(Box::new(exam(ID))),
        Entry::Key(key_frame(1)),
        Entry::Frame(Arc::new(graded(1))),
        Entry::End(Box::new(ended(ID, 1))),
    ] {
        writer.send(entry).expect("the thread runs");
    }
    let status = wait_for(&writer, |status| status.saved == 1 && status.notice.is_some());
    let notice = status.notice.expect("it is said");
    assert!(notice.contains("no more pictures are kept"), "{notice}");
    assert_eq!((status.fault, status.lost), (None, 1));
    assert_eq!(store.key_frames(ID).expect("readable"), []);
}

#[test]
fn an_exam_that_goes_for_its_age_is_in_the_audit_trail() {
    let (dir, store) = store();
    store.begin(&ended(ID, 0)).expect("a new exam");
    store.commit().expect("a working disk");
    store.file(ID, false).expect("a working disk");
    let trail = crate::audit::Trail::of_store(&dir.path().join("store"));
    let (audit, written) = crate::audit::Recorder::start(trail.clone());
    let policy = Policy {
        keep: Keep {
            keep_days: Some(1),
            free_mb: 0,
            ..Keep::default()
        },
        audit: Some(audit),
        ..Policy::default()
    };
    let writer = Writer::start(Arc::clone(&store), policy).expect("a thread");
    wait_for(&writer, |_| store.exams().count() == 0);
    writer.finish().expect("a working disk");
    assert_eq!(store.exams().count(), 0);
    written.join().expect("the trail is written");
    let last = trail.last(|record| Some(record.event)).expect("readable");
    assert_eq!(last, Some(crate::audit::Event::deleted(&ended(ID, 0))));
}
