use std::time::SystemTime;

use super::*;
use crate::capture::{Captured, FrameSource, clip};
use crate::frame::{BufferPool, Rect};
use crate::preprocess::{Preprocessor, crop};
use crate::screen::PanePreset;

const PANE: Rect = Rect {
    x: 7,
    y: 3,
    w: 20,
    h: 16,
};

fn screen(pane: Rect) -> Screen {
    Screen {
        pane: Some(PanePreset::Rect(pane)),
        roi: None,
    }
}

/// Noise, with padded rows, of an odd size.
fn frame(pixels: PixelFormat, range: Range, n: u64) -> Frame {
    let format = FrameFormat {
        range,
        matrix: Matrix::Bt709,
        ..FrameFormat::packed(pixels, 45, 31).with_stride(192)
    };
    let mut random = oorandom::Rand32::new(n);
    let bytes: Vec<u8> = (0..format.bytes()).map(|_| random.rand_u32() as u8).collect();
    Frame {
        seq: n,
        t: Duration::from_nanos(1_000_000_007 * n),
        wall: SystemTime::UNIX_EPOCH,
        format,
        bytes: bytes.into(),
    }
}

fn read(path: &Path) -> Vec<Frame> {
    let mut clip = clip::open(path).expect("opens");
    let pool = BufferPool::default();
    let next = || match clip.next(&pool, Duration::ZERO).expect("a whole picture") {
        Captured::Frame(frame) => Some(frame),
        _ => None,
    };
    std::iter::from_fn(next).collect()
}

#[test]
fn every_format_reads_back_as_it_was_and_black_outside_the_pane() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (pixels, range) in PixelFormat::ALL
        .map(|p| [(p, Range::Limited), (p, Range::Full)])
        .as_flattened()
    {
        let path = folder.path().join(format!("{pixels:?}-{range:?}.y4m"));
        let mut recorder = Recorder::create(&path, screen(PANE)).expect("a new file");
        let live: Vec<Frame> = (1..4).map(|n| frame(*pixels, *range, n)).collect();
        for n in 1..4 {
            recorder.add(&mut frame(*pixels, *range, n)).expect("added");
        }
        assert!(!path.exists(), "not before it is whole");
        assert_eq!(recorder.finish().expect("finished"), 3);
        assert_eq!(clip::open(&path).expect("opens").len_hint(), Some(3));
        let recorded = read(&path);
        assert_eq!(recorded.len(), live.len());
        for (recorded, live) in recorded.iter().zip(&live) {
            assert_eq!(recorded.t, live.t);
            let picture = |frame| crop(frame, PANE).expect("the pane lies inside");
            assert!(picture(recorded) == picture(live), "{pixels:?} {range:?}");
            let input = |frame| {
                let mut out = vec![0; 3 * 24 * 24];
                let done = Preprocessor::new(24, 24).run(frame, PANE, &mut out);
                done.map(|()| out).expect("the pane lies inside")
            };
            assert!(input(recorded) == input(live), "{pixels:?} {range:?}");
            let whole = crop(recorded, recorded.format.area()).expect("all of it");
            for (x, y, pixel) in whole.enumerate_pixels() {
                let inside = PANE.contains(&Rect { x, y, w: 1, h: 1 });
                // A pixel beside the pane may share the chroma of one inside it.
                let beside = Rect {
                    x: 6,
                    y: 2,
                    w: 22,
                    h: 18,
                }
                .contains(&Rect { x, y, w: 1, h: 1 });
                assert!(
                    inside || (pixels.is_yuv() && beside) || pixel.0 == [0; 3],
                    "{pixels:?} {x},{y}: {pixel:?}"
                );
            }
        }
    }
}

/// The two recordings differ in the hospital's name alone, which lies outside the pane.
#[test]
fn of_a_screen_with_a_name_and_the_same_without_it_the_same_bytes_are_recorded() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/framegrab");
    let name = "SegmentationTest_BKMedical_RandomStepperMotionData2_Trimmed";
    let clips = ["", "_Anonymized"].map(|end| data.join(format!("{name}{end}.igs.mha")));
    if !clips.iter().all(|clip| clip.exists()) {
        return eprintln!("skipped: no {}", data.display());
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let record = |pane: Rect| {
        clips.each_ref().map(|clip| {
            let path = folder.path().join("clip.y4m");
            let mut recorder = Recorder::create(&path, screen(pane)).expect("a new file");
            for mut frame in read(clip) {
                recorder.add(&mut frame).expect("added");
            }
            assert_eq!(recorder.finish().expect("finished"), 6);
            let bytes = std::fs::read(&path).expect("reads");
            std::fs::remove_file(&path).expect("removed");
            bytes
        })
    };
    let below = Rect {
        x: 52,
        y: 50,
        w: 500,
        h: 400,
    };
    let [named, anonymous] = record(below);
    assert!(named == anonymous);
    let [named, anonymous] = record(Rect { y: 49, ..below });
    assert!(named != anonymous, "the name reaches down to line 49");
}

#[test]
fn nothing_is_overwritten_and_a_clip_without_pictures_is_none() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("clip.y4m");
    let empty = Recorder::create(&path, Screen::default()).expect("a new file");
    assert_eq!(empty.finish().expect("nothing to finish"), 0);
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);

    let mut recorder = Recorder::create(&path, Screen::default()).expect("a new file");
    recorder
        .add(&mut frame(PixelFormat::Grey, Range::Full, 1))
        .expect("added");
    std::fs::write(&path, "mine").expect("writes");
    assert!(matches!(
        Recorder::create(&path, Screen::default()),
        Err(RecordError::Exists(_))
    ));
    assert!(matches!(recorder.finish(), Err(RecordError::Exists(_))));
    assert_eq!(std::fs::read(&path).expect("reads"), b"mine");
}

#[test]
fn another_format_and_a_pane_outside_are_refused_and_the_clip_goes_on() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("clip.y4m");
    let mut recorder = Recorder::create(&path, screen(PANE)).expect("a new file");
    recorder
        .add(&mut frame(PixelFormat::Nv12, Range::Full, 1))
        .expect("added");
    let changed = recorder.add(&mut frame(PixelFormat::Yuyv, Range::Full, 2));
    assert!(matches!(changed, Err(RecordError::Changed { .. })));
    recorder
        .add(&mut frame(PixelFormat::Nv12, Range::Full, 3))
        .expect("added");
    assert_eq!(recorder.finish().expect("finished"), 2);
    assert_eq!(read(&path).len(), 2);

    let outside = screen(Rect { w: 99, ..PANE });
    let mut recorder = Recorder::create(&folder.path().join("b.y4m"), outside).expect("a new file");
    let refused = recorder.add(&mut frame(PixelFormat::Grey, Range::Full, 1));
    assert!(matches!(refused, Err(RecordError::Pane(_))));
}
