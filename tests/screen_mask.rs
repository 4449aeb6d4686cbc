//! Nothing outside the contrast pane is scored, kept or shown: two screens that differ there alone give the same records,
//! key frames and pictures, byte for byte.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use sonograde::audit::{Recorder, Trail};
use sonograde::capture::phantom::{Grade, Phantom};
use sonograde::capture::{CaptureError, Captured, FrameSource, clip};
use sonograde::exam::{Begin, Display, Rules};
use sonograde::frame::{BufferPool, Frame, Rect};
use sonograde::infer::Runtime;
use sonograde::package::InService;
use sonograde::pipeline::{Pace, Parts, Pipeline};
use sonograde::preprocess;
use sonograde::screen::{PanePreset, Screen};
use sonograde::store::{FrameRecord, Policy, Store};

/// Plays frames that are there.
struct Played(std::vec::IntoIter<Frame>);

impl FrameSource for Played {
    fn next(&mut self, _: &BufferPool, _: Duration) -> Result<Captured, CaptureError> {
        Ok(self.0.next().map_or(Captured::End, Captured::Frame))
    }

    fn describe(&self) -> String {
        "frames of a test".into()
    }
}

/// What is left of a screen: the pane, scores, key frames as they are stored, and the picture that the page is given.
#[derive(PartialEq)]
struct Left {
    pane: Rect,
    records: Vec<FrameRecord>,
    keys: Vec<Vec<u8>>,
    page: Option<Vec<u8>>,
}

fn left(frames: Vec<Frame>, pane: PanePreset) -> Left {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = Arc::new(Store::open(folder.path()).expect("a store"));
    let mut frames = Some(frames);
    let pipeline = Pipeline::start(Parts {
        open: Box::new(move || Ok(Box::new(Played(frames.take().expect("opened once").into_iter())))),
        pace: Pace::Fast,
        screen: Screen {
            pane: Some(pane),
            roi: None,
        },
        model: InService::shipped(Runtime::default()).expect("the shipped model"),
        news: None,
        store: Arc::clone(&store),
        audit: Recorder::start(Trail::of_store(folder.path())).0,
        policy: Policy::default(),
        panel: None,
        display: Display::default(),
        source: "a test".into(),
        rules: Rules {
            begin: Begin::Picture,
            idle: TimeDelta::days(1),
            key_every_ms: 300,
        },
        events: None,
    })
    .expect("a pipeline");
    let live = pipeline.live();
    let exam = pipeline
        .join()
        .expect("a store that works")
        .exam
        .expect("an exam");
    let live = live.borrow().clone();
    let keys = store.key_frames(&exam.id).expect("a folder");
    let records = store.frames(&exam.id).expect("an exam");
    Left {
        pane: exam.provenance.pane,
        records: records.map(|record| record.expect("readable")).collect(),
        keys: keys
            .iter()
            .map(|key| store.exam_file(&exam.id, &key.name()).expect("a key frame"))
            .collect(),
        page: live
            .frame
            .map(|frame| preprocess::crop(&frame, live.pane).expect("the pane").into_raw()),
    }
}

#[test]
fn what_the_phantom_shows_outside_the_pane_is_not_kept() {
    let mut phantom = Phantom::new(5, Grade::High, 90.0);
    phantom.seek(60 * 14);
    let pane = phantom.pane();
    let pool = BufferPool::default();
    let screens: Vec<Frame> = (0..120)
        .map(|_| match phantom.next(&pool, Duration::ZERO) {
            Ok(Captured::Frame(frame)) => frame,
            other => panic!("{other:?}"),
        })
        .step_by(Phantom::FRAMES_EACH as usize)
        .collect();
    let painted: Vec<Frame> = screens.iter().map(|frame| paint(frame, pane)).collect();
    let again = screens.iter().map(copy).collect();
    let pane = PanePreset::Rect(pane);
    let (clean, other) = (left(again, pane), left(painted, pane));
    assert!(clean.records.len() > 10 && clean.keys.len() > 1 && clean.page.is_some());
    assert!(clean == other, "the screens outside the pane can be told apart");
    let auto = left(screens, PanePreset::Auto);
    let found = auto.pane;
    assert!(
        found.y > 96 + 30,
        "the banner and the timer lie in the pane that was found: {found}"
    );
}

fn copy(frame: &Frame) -> Frame {
    Frame {
        bytes: frame.bytes.to_vec().into(),
        ..*frame
    }
}

/// The same frame with noise outside `pane`.
fn paint(frame: &Frame, pane: Rect) -> Frame {
    let mut draws = oorandom::Rand32::new(frame.seq);
    let mut bytes: Vec<u8> = (0..frame.bytes.len()).map(|_| draws.rand_u32() as u8).collect();
    for y in pane.y..pane.y + pane.h {
        let row = y as usize * frame.format.places[0].stride;
        let inside = row + 2 * pane.x as usize..row + 2 * (pane.x + pane.w) as usize;
        bytes[inside.clone()].copy_from_slice(&frame.bytes[inside]);
    }
    Frame {
        bytes: bytes.into(),
        ..*frame
    }
}

#[test]
fn the_hospitals_name_on_a_real_screen_is_not_kept() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/framegrab");
    let name = "SegmentationTest_BKMedical_RandomStepperMotionData2_Trimmed";
    let read = |suffix: &str| -> Option<Vec<Frame>> {
        let path = data.join(format!("{name}{suffix}.igs.mha"));
        let mut clip = path.is_file().then(|| clip::open(&path).expect("a clip"))?;
        let pool = BufferPool::default();
        let next = || match clip.next(&pool, Duration::ZERO) {
            Ok(Captured::Frame(frame)) => Some(frame),
            _ => None,
        };
        Some(std::iter::from_fn(next).collect())
    };
    let (Some(named), Some(masked)) = (read(""), read("_Anonymized")) else {
        writeln!(std::io::stderr(), "skipped: no B-K screens in ../shared/data")
            .expect("stderr takes a line");
        return;
    };
    assert!(
        named.iter().zip(&masked).any(|(a, b)| *a.bytes != *b.bytes),
        "the name is on one of them"
    );
    // The name lies in x 52..311, y 25..49.
    let below = PanePreset::Rect(Rect {
        x: 0,
        y: 50,
        w: 640,
        h: 430,
    });
    let copies = |frames: &[Frame]| frames.iter().map(copy).collect::<Vec<_>>();
    let (one, other) = (left(copies(&named), below), left(copies(&masked), below));
    assert!(!one.records.is_empty() && !one.keys.is_empty() && one.page.is_some());
    assert!(one == other, "the name is in what is kept");
    let (one, other) = (left(named, PanePreset::Full), left(masked, PanePreset::Full));
    assert!(
        one != other,
        "with the whole screen as pane it is: this test can fail"
    );
}
