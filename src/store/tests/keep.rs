use chrono::TimeDelta;

use super::*;

/// Five exams, a day apart: pinned, undelivered, delivered, delivered, never asked for.
fn five() -> (TempDir, Arc<Store>, Vec<String>) {
    let (dir, store) = store();
    let address = Address {
        object: "report".into(),
        destination: "pacs".into(),
    };
    let ids: Vec<String> = (1..=5)
        .map(|day| format!("202601{day:02}T094500.123Z-7f3a"))
        .collect();
    for (n, id) in ids.iter().enumerate() {
        let mut exam = ended(id, 1);
        exam.started -= TimeDelta::days(30 - n as i64);
        store.begin(&exam).expect("a new exam");
        store.append(id, &graded(1)).expect("a good frame");
        store.keep(id, &key_frame(1)).expect("a good picture");
        exam.pinned = n == 0;
        let addresses = if n < 4 { vec![address.clone()] } else { Vec::new() };
        store.end(&exam, &addresses).expect("a good exam");
        if n != 1 && n < 4 {
            let mut done = Delivery::pending(id, &address);
            done.state = DeliveryState::Committed;
            store.update(&done).expect("it is there");
        }
        store.commit().expect("a working disk");
        store.file(id, false).expect("a working disk");
    }
    (dir, store, ids)
}

fn gone(store: &Store, keep: &Keep, destinations: bool) -> Vec<String> {
    let now = "2026-01-31T12:00:00Z".parse().expect("a time");
    let next = || store.next_to_go(keep, destinations, now).expect("readable");
    std::iter::from_fn(|| next().inspect(|id| store.remove(id).expect("a working disk"))).collect()
}

#[test]
fn what_was_delivered_goes_first_and_what_is_pinned_or_undelivered_never() {
    let full = Keep {
        free_mb: u64::MAX >> 20,
        ..Keep::default()
    };
    let (_dir, store, ids) = five();
    assert_eq!(gone(&store, &full, true), ids[2..4]);
    // A small disk without destinations once lost each exam when the next began.
    assert!(gone(&store, &full, false).is_empty());
    let left: Vec<String> = store.exams().map(|exam| exam.expect("whole").id).collect();
    assert_eq!(left, [ids[4].clone(), ids[1].clone(), ids[0].clone()]);
    assert_eq!(store.frame_count(&ids[2]).expect("readable"), 0);
    assert_eq!(store.outbox().count(), 2);
    assert_eq!(store.check(false).expect("readable").found, []);
}

#[test]
fn an_exam_goes_when_it_is_old_enough() {
    let old = Keep {
        keep_days: Some(28),
        free_mb: 0,
        reserve_mb: 0,
    };
    let (_dir, store, ids) = five();
    assert_eq!(gone(&store, &old, true), ids[2..3]);
    let older = Keep {
        keep_days: Some(20),
        ..old
    };
    assert_eq!(gone(&store, &older, false), ids[3..]);
}
