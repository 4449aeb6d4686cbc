//! How well each reason not to score is told, on labelled phantoms. Thresholds were chosen on seeds 100 to 105; these are
//! others. Prints the table: `cargo nextest run --test screen_quality --no-capture`.

#[path = "common/grabber.rs"]
mod grabber;

use std::collections::BTreeMap;
use std::time::Duration;

use grabber::{Grabber, picture};
use sonograde::capture::phantom::{Grade, Phantom, Show};
use sonograde::exam::record::Quality;
use sonograde::frame::{Frame, Rect};
use sonograde::screen::{Layout, Still, Watch};

const SEEDS: std::ops::Range<u64> = 2000..2010;
/// Time between the scanner's pictures.
const PICTURE: Duration = Duration::from_nanos(1_000_000_000 / Phantom::CONTENT_HZ);

/// What is shown from which second on.
const SHOWN: [(Show, u64); 12] = [
    (Show::Exam, 13),
    (Show::Exam, 30),
    (Show::Exam, 58),
    (Show::Gain(60), 16),
    (Show::BMode, 14),
    (Show::BMode, 41),
    (Show::PowerDoppler, 20),
    (Show::ColourDoppler, 33),
    (Show::Menu, 14),
    (Show::Gain(-255), 14),
    (Show::Gain(180), 14),
    (Show::Sweep(6), 25),
];

/// What a person would call a picture, if they were sure. `moved`: pixels since the picture before.
fn label(show: Show, moved: f32, pane: Rect, clean: &Frame, roi: Rect) -> Option<Result<(), Quality>> {
    let share = moved / pane.h as f32;
    match show {
        Show::BMode | Show::PowerDoppler | Show::ColourDoppler | Show::Menu => {
            Some(Err(Quality::NotContrast))
        }
        Show::Gain(-255) => Some(Err(Quality::TooDark)),
        Show::Gain(_) => match saturated(clean, roi) {
            s if s >= 0.5 => Some(Err(Quality::Clipped)),
            s if s <= 0.3 => Some(Ok(())),
            _ => None,
        },
        _ if share >= 0.013 => Some(Err(Quality::Motion)),
        _ if share <= 0.007 => Some(Ok(())),
        _ => None,
    }
}

/// The share of the ROI whose brightest channel is at full scale.
fn saturated(clean: &Frame, roi: Rect) -> f64 {
    let row = |y: u32| {
        let start = (y * clean.format.width + roi.x) as usize * 3;
        clean.bytes[start..start + roi.w as usize * 3].chunks_exact(3)
    };
    let full = (roi.y..roi.y + roi.h)
        .flat_map(row)
        .filter(|p| p.iter().any(|v| *v >= 252));
    full.count() as f64 / f64::from(roi.w * roi.h)
}

/// Label and answer of every picture that has a label.
fn judged(seed: u64) -> Vec<(Result<(), Quality>, Result<(), Quality>)> {
    let mut all = Vec::new();
    for (show, second) in SHOWN {
        let grade = if seed.is_multiple_of(2) {
            Grade::High
        } else {
            Grade::Low
        };
        let mut phantom = Phantom::new(seed, grade, 90.0);
        phantom.seek(60 * second);
        let (pane, roi) = (phantom.pane(), phantom.roi());
        let whole = Rect::full(pane.w, pane.h);
        let roi = Rect {
            x: roi.x - pane.x,
            y: roi.y - pane.y,
            ..roi
        };
        let (quality, noise) = if seed % 4 < 2 { (90, 1) } else { (68, 2) };
        let grabbers = [Grabber::Lossless, Grabber::Mjpeg { quality, noise }];
        let mut streams: Vec<(Grabber, Rect, Watch)> = Vec::new();
        for grabber in grabbers {
            for roi in [roi, whole] {
                let watch = Watch::new(Layout { pane: whole, roi }, 224, 224);
                streams.push((grabber, roi, watch));
            }
        }
        let mut before = None;
        for n in 0..5 {
            if n == 1 {
                phantom.show(show);
            }
            let at = phantom.lesion_moved();
            let moved = before.map_or(0.0, |b: [f32; 2]| (at[0] - b[0]).hypot(at[1] - b[1]));
            before = Some(at);
            let t = PICTURE * n;
            let clean = picture(&mut phantom, pane, t);
            for again in 0..2 {
                let t = t + PICTURE * again / 2;
                let mut grabbed = BTreeMap::new();
                for (at, (grabber, roi, watch)) in streams.iter_mut().enumerate() {
                    let frame = grabbed
                        .entry(at / 2)
                        .or_insert_with(|| grabber.grab(&clean, t, seed * 31 + u64::from(2 * n + again)));
                    let got = watch.look(frame).expect("it can be read").map(drop);
                    let mut truth = label(show, moved, pane, &clean, *roi);
                    let dark = truth == Some(Err(Quality::TooDark));
                    if (again == 1 || show == Show::Menu && n > 1) && !dark {
                        truth = Some(Err(Quality::Duplicate));
                    }
                    // The first shows the exam, and the second comes out of the blue.
                    let settled = n > 1 || n == 1 && again == 0 && show == Show::Menu;
                    if let (Some(truth), true) = (truth, settled) {
                        all.push((truth, got));
                    }
                }
            }
        }
    }
    all
}

#[test]
fn every_reason_is_told_with_precision_and_recall_of_95_percent() {
    let seeds: Vec<u64> = SEEDS.collect();
    let (left, right) = seeds.split_at(seeds.len() / 2);
    let of = |seeds: &[u64]| seeds.iter().flat_map(|seed| judged(*seed)).collect::<Vec<_>>();
    let all = std::thread::scope(|scope| {
        let other = scope.spawn(|| of(right));
        let mut all = of(left);
        all.extend(other.join().expect("no panic"));
        all
    });
    let classes = [
        Ok(()),
        Err(Quality::Duplicate),
        Err(Quality::NotContrast),
        Err(Quality::TooDark),
        Err(Quality::Clipped),
        Err(Quality::Motion),
    ];
    eprintln!(
        "{:>13} {:>7} {:>9} {:>7}",
        "picture", "labels", "precision", "recall"
    );
    let mut poor = Vec::new();
    for class in classes {
        let count = |is: &dyn Fn(bool, bool) -> bool| {
            all.iter().filter(|(t, g)| is(*t == class, *g == class)).count() as f64
        };
        let (right, labelled, told) = (count(&|t, g| t && g), count(&|t, _| t), count(&|_, g| g));
        let (precision, recall) = (right / told, right / labelled);
        let name = class.map_or_else(|q| q.to_string(), |()| "scored".to_owned());
        eprintln!("{name:>13} {labelled:>7} {precision:>9.3} {recall:>7.3}");
        if !(labelled > 50.0 && precision >= 0.95 && recall >= 0.95) {
            poor.push(name);
        }
    }
    assert!(poor.is_empty(), "{poor:?}");
    let skipped = all
        .iter()
        .filter(|(t, g)| t.is_ok() && *g == Err(Quality::Duplicate))
        .count();
    assert_eq!(skipped, 0, "new pictures taken for repeats");
}

/// Label and answer, whether the screen is frozen, of 13 s: someone freezes it at 3 s and lets go at 9 s. Pictures that are as old
/// as the threshold, to one, have no label.
fn frozen(seed: u64) -> Vec<(bool, bool)> {
    let mut phantom = Phantom::new(seed, Grade::High, 90.0);
    phantom.seek(60 * 14);
    let (pane, mut still, mut all) = (phantom.pane(), Still::default(), Vec::new());
    let whole = Rect::full(pane.w, pane.h);
    let mut watch = Watch::new(
        Layout {
            pane: whole,
            roi: whole,
        },
        224,
        224,
    );
    let grabber = match seed % 2 {
        0 => Grabber::Lossless,
        _ => Grabber::Mjpeg {
            quality: 70,
            noise: 2,
        },
    };
    let hz = Phantom::CONTENT_HZ as u32;
    for n in 0..13 * hz {
        match n {
            _ if n == 3 * hz => phantom.show(Show::Frozen),
            _ if n == 9 * hz => phantom.show(Show::Exam),
            _ => {}
        }
        let t = PICTURE * n;
        let frame = grabber.grab(&picture(&mut phantom, pane, t), t, seed * 31 + u64::from(n));
        let quality = watch.look(&frame).expect("it can be read").err();
        still.look(t.as_millis() as u64, quality);
        // The last picture of before is what is shown frozen.
        let age = if (3 * hz..9 * hz).contains(&n) {
            n + 1 - 3 * hz
        } else {
            0
        };
        if age.abs_diff(2 * hz) > 1 {
            all.push((age > 2 * hz, still.frozen_s().is_some()));
        }
    }
    all
}

#[test]
fn a_frozen_screen_is_told_with_precision_and_recall_of_95_percent() {
    let all: Vec<(bool, bool)> = (2100..2106).flat_map(frozen).collect();
    let count = |is: &dyn Fn(bool, bool) -> bool| all.iter().filter(|(t, g)| is(*t, *g)).count() as f64;
    let (right, labelled, told) = (count(&|t, g| t && g), count(&|t, _| t), count(&|_, g| g));
    let (precision, recall) = (right / told, right / labelled);
    eprintln!("{:>13} {labelled:>7} {precision:>9.3} {recall:>7.3}", "frozen");
    assert!(labelled > 50.0 && precision >= 0.95 && recall >= 0.95);
}
