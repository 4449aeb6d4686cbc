//! The contrast pane is found on each of the phantom's layouts, a change is noticed, and the lesion ROI follows the tissue.

#[path = "common/grabber.rs"]
mod grabber;

use std::collections::HashSet;
use std::time::Duration;

use grabber::{Grabber, picture};
use sonograde::capture::phantom::{Grade, Phantom, Show};
use sonograde::capture::{Captured, FrameSource};
use sonograde::frame::{BufferPool, Frame, Rect};
use sonograde::screen::{Arranged, Arrangement, Following, Layout, PanePreset, Screen, Watch};

const PICTURE: Duration = Duration::from_nanos(1_000_000_000 / Phantom::CONTENT_HZ);

/// The next `count` pictures of the whole screen.
fn screens(phantom: &mut Phantom, count: usize) -> impl Iterator<Item = Frame> {
    let pool = BufferPool::default();
    let frames = std::iter::from_fn(move || match phantom.next(&pool, Duration::ZERO) {
        Ok(Captured::Frame(frame)) => Some(frame),
        other => panic!("{other:?}"),
    });
    frames.step_by(Phantom::FRAMES_EACH as usize).take(count)
}

fn overlap(a: Rect, b: Rect) -> f64 {
    let along = |a: u32, a_len: u32, b: u32, b_len: u32| {
        f64::from((a + a_len).min(b + b_len).saturating_sub(a.max(b)))
    };
    let area = |r: Rect| f64::from(r.w) * f64::from(r.h);
    let common = along(a.x, a.w, b.x, b.w) * along(a.y, a.h, b.y, b.h);
    common / (area(a) + area(b) - common)
}

fn auto() -> Arrangement {
    Arrangement::new(Screen {
        pane: Some(PanePreset::Auto),
        roi: None,
    })
}

/// One seed for each layout and colour map that occurs among the first few.
fn seeds() -> Vec<u64> {
    let mut seen = HashSet::new();
    let new = |seed: &u64| seen.insert(Phantom::new(*seed, Grade::Low, 0.0).pane());
    let seeds: Vec<u64> = (4000..4100).filter(new).collect();
    assert_eq!(seeds.len(), 4, "the phantom's layouts");
    seeds
}

#[test]
fn the_contrast_pane_is_found_on_every_layout() {
    for seed in seeds() {
        let mut phantom = Phantom::new(seed, Grade::High, 90.0);
        phantom.seek(60 * 14);
        let pane = phantom.pane();
        let mut arrangement = auto();
        let mut found = None;
        for frame in screens(&mut phantom, 40) {
            found = arrangement.layout(&frame, false).expect("it can be read");
        }
        let found = found.expect("a pane is found").pane;
        let overlap = overlap(found, pane);
        eprintln!("seed {seed}: found {found} for {pane}, IoU {overlap:.3}");
        assert!(overlap >= 0.95, "seed {seed}: {found} for {pane}");
        assert_eq!(*arrangement.state(), Arranged::Found);
    }
}

/// Contrast filled a part of the pane, that part was taken for it, and the exam that began with the contrast was graded on it.
#[test]
fn the_pane_is_found_whole_while_the_contrast_arrives() {
    for seed in [1, 2, 4000, 4001] {
        let mut phantom = Phantom::new(seed, Grade::High, 90.0);
        let pane = phantom.pane();
        let mut arrangement = auto();
        let mut found = None;
        for frame in screens(&mut phantom, 15 * 12) {
            found = found.or(arrangement.layout(&frame, false).expect("it can be read"));
        }
        let found = found.expect("a pane is found").pane;
        let overlap = overlap(found, pane);
        eprintln!("seed {seed}: found {found} for {pane}, IoU {overlap:.3}");
        assert!(overlap >= 0.95, "seed {seed}: {found} for {pane}");
    }
}

#[test]
fn no_pane_is_found_on_b_mode_alone_or_a_menu() {
    for (seed, show) in [
        (4000, Show::BMode),
        (4003, Show::BMode),
        (4001, Show::Menu),
        (4002, Show::Frozen),
    ] {
        let mut phantom = Phantom::new(seed, Grade::High, 90.0);
        phantom.seek(60 * 14);
        phantom.show(show);
        let mut arrangement = auto();
        for frame in screens(&mut phantom, 40) {
            assert_eq!(
                arrangement.layout(&frame, false).expect("it can be read"),
                None,
                "seed {seed} {show:?}"
            );
        }
        assert_eq!(*arrangement.state(), Arranged::Searching);
    }
}

#[test]
fn a_change_of_layout_is_noticed() {
    let (one, other) = (seeds()[0], seeds()[2]);
    let play = |arrangement: &mut Arrangement, seed: u64, from: u64| {
        let mut phantom = Phantom::new(seed, Grade::High, 90.0);
        phantom.seek(60 * from);
        let mut layout = None;
        for frame in screens(&mut phantom, 60) {
            layout = arrangement.layout(&frame, false).expect("it can be read");
        }
        (layout.map(|layout| layout.pane), phantom.pane())
    };
    let mut arrangement = auto();
    let (found, pane) = play(&mut arrangement, one, 14);
    assert!(overlap(found.expect("found"), pane) >= 0.95);
    let (found, pane) = play(&mut arrangement, other, 20);
    assert!(
        overlap(found.expect("found"), pane) >= 0.95,
        "what was found follows the layout"
    );

    arrangement.set_pane(PanePreset::Rect(found.expect("found")));
    let (kept, _) = play(&mut arrangement, one, 30);
    assert_eq!(kept, found, "what a person confirmed stays");
    assert!(
        matches!(arrangement.state(), Arranged::Changed { .. }),
        "{:?}",
        arrangement.state()
    );
    play(&mut arrangement, other, 40);
    assert_eq!(*arrangement.state(), Arranged::Confirmed);
}

/// Plays six seconds and gives the mean square error of the ROI's centre in pixels, and how far the lesion went.
fn followed(seed: u64, grabber: Grabber) -> (f64, f32) {
    let mut phantom = Phantom::new(seed, Grade::High, 90.0);
    phantom.seek(60 * 12);
    let (pane, drawn) = (phantom.pane(), phantom.roi());
    let whole = Rect::full(pane.w, pane.h);
    let start = phantom.lesion_moved();
    // Drawn on the first picture.
    let place = |from: u32, low: u32, by: f32, len: u32, all: u32| {
        ((from - low) as f32 + by).round().clamp(0.0, (all - len) as f32) as u32
    };
    let roi = Rect {
        x: place(drawn.x, pane.x, start[0], drawn.w, pane.w),
        y: place(drawn.y, pane.y, start[1], drawn.h, pane.h),
        ..drawn
    };
    let mut watch = Watch::new(Layout { pane: whole, roi }, 224, 224);
    let (mut square, mut far, mut count) = (0.0, 0.0f32, 0);
    for n in 0..90 {
        let moved = phantom.lesion_moved();
        let truth = [moved[0] - start[0], moved[1] - start[1]];
        let clean = picture(&mut phantom, pane, PICTURE * n);
        let look = watch.look(&grabber.grab(&clean, PICTURE * n, seed));
        look.map(drop).expect("it can be read");
        let now = watch.roi();
        assert!(whole.contains(&now), "seed {seed}: {now} leaves the pane");
        let error = [
            f64::from(now.x) - f64::from(roi.x) - f64::from(truth[0]),
            f64::from(now.y) - f64::from(roi.y) - f64::from(truth[1]),
        ];
        square += error[0] * error[0] + error[1] * error[1];
        far = far.max(truth[0].hypot(truth[1]));
        count += 1;
    }
    assert_eq!(watch.following(), Following::Follows, "seed {seed}");
    (square / f64::from(count), far)
}

#[test]
fn the_roi_follows_breathing_within_three_pixels() {
    let mut squares = Vec::new();
    for seed in 4100..4107 {
        let grabber = match seed % 2 {
            0 => Grabber::Lossless,
            _ => Grabber::Mjpeg {
                quality: 80,
                noise: 1,
            },
        };
        let (square, far) = followed(seed, grabber);
        eprintln!(
            "seed {seed}: RMS {:.2} px, the lesion went {far:.1} px",
            square.sqrt()
        );
        // From one end to the other of ±12 px.
        if far <= 24.0 {
            squares.push(square);
        }
    }
    assert!(squares.len() >= 4, "{} lesions move as asked", squares.len());
    let rms = (squares.iter().sum::<f64>() / squares.len() as f64).sqrt();
    eprintln!("RMS of {} exams: {rms:.2} px", squares.len());
    assert!(rms <= 3.0, "{rms}");
}
