//! More pictures than can be graded: the newest wins, every other one is counted; and no score outlives its signal.

#[path = "common/device.rs"]
mod device;

use std::time::Duration;

use device::{Give, Rig};
use sonograde::capture::Signal;
use sonograde::pipeline::Event;

#[test]
fn under_overload_the_newest_picture_is_graded_and_every_other_one_is_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let rig = Rig::start(folder.path());
    for picture in 0..300 {
        rig.give(Give::Picture(picture));
    }
    rig.until_scored(299);
    rig.pipeline.stopper()();
    let summary = rig.pipeline.join().expect("stored");
    let seen: Vec<u64> = rig
        .graded
        .try_iter()
        .filter_map(|event| match event {
            Event::Frame(graded) => Some(graded.seq),
            Event::Ended(_) => None,
        })
        .collect();
    assert!(seen.is_sorted_by(|a, b| a < b), "never an older one: {seen:?}");
    assert!(seen.len() < 250, "it was overloaded");
    assert_eq!(summary.captured, rig.given.lock().expect("no panic").len() as u64);
    assert_eq!(summary.captured, summary.dropped + seen.len() as u64, "{seen:?}");
}

#[test]
fn a_lost_signal_takes_the_score_away_and_its_return_does_not_bring_the_old_one_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let rig = Rig::start(folder.path());
    rig.give(Give::Picture(0));
    rig.until_scored(0);
    let lost = Signal::NoSignal {
        reason: "no signal: a test".into(),
    };
    rig.give(Give::Lost(lost.clone()));
    let took = rig.until(|live| live.signal == lost && live.graded.is_none());
    assert!(took < Duration::from_millis(500), "{took:?}");
    // The signal is back with the same picture: a repeat, which has no score of its own.
    rig.give(Give::Picture(0));
    rig.until(|live| live.signal == Signal::Live);
    assert!(
        rig.pipeline.live().borrow().graded.is_none(),
        "the score is of before"
    );
    rig.give(Give::Picture(1));
    rig.until_scored(1);
    rig.give(Give::Silence);
    let took = rig.until(|live| live.signal != Signal::Live && live.graded.is_none());
    assert!(took < Duration::from_millis(500), "{took:?}");
    rig.pipeline.stopper()();
    rig.pipeline.join().expect("stored");
}
