//! The phantom: a simulated contrast-enhanced ultrasound exam of a renal mass, for machines without a
//! scanner.
//!
//! Owned by the capture thread like any source; `sonograde phantom` takes single pictures of it for
//! training. Its bytes depend on seed and grade alone, on every machine. It never sleeps
//! ([`super::Paced`] does).
//!
//! What is simulated: a `patient` is drawn, with an `anatomy` whose looks lean on the grade, a log-normal `bolus` for each
//! tissue (Strouthos et al. 2010), breathing, the drift of the hand and perhaps a `shadow`; `tissue`
//! lays one plane of it out on the grid of ranges and beams of a curved `probe`, and the probe slides
//! through several `planes`; `speckle` makes every echo a circular complex Gaussian (Wagner et al.
//! 1983), for bubbles partly new in each picture; `render` adds bubbles, tissue that is not cancelled
//! and electronic noise, compresses the sum logarithmically and scan converts it; `screen` puts the
//! images on the screen of a `scanner` drawn like the patient, with banner and timer. Full citations stand where
//! the formula is used.
//!
//! What is not: sound. There is no refraction, reverberation, bubble destruction or non-linear
//! propagation, the kidney is the same in every plane, and nothing here says how well a grader does on
//! patients.

mod anatomy;
mod bolus;
mod colour;
mod patient;
mod pictures;
mod planes;
mod probe;
mod render;
mod rng;
mod scanner;
mod screen;
mod shadow;
mod shows;
mod soften;
mod speckle;
mod tissue;

use std::time::{Duration, SystemTime};

pub use patient::Grade;
pub use pictures::Pictures;
pub use shows::Show;

use super::{CaptureError, Captured, FrameSource};
use crate::exam::Display;
use crate::frame::{BufferPool, Frame, Rect};
use colour::{bt709, grey};
use render::Scan;
use scanner::Scanner;
use screen::Screen;
use shows::Flow;

/// Frames a second on the screen's output.
const FRAME_HZ: u64 = 60;
const CONTENT_HZ: u64 = Phantom::CONTENT_HZ;

/// A simulated exam: 1920×1080 YUYV, 60 frames a second of which every fourth holds new images.
pub struct Phantom {
    seed: u64,
    grade: Grade,
    pane: Rect,
    roi: Rect,
    scan: Scan,
    screen: Screen,
    show: Show,
    frame: u64,
    frames: u64,
    began: SystemTime,
}

impl Phantom {
    /// Pictures a second that the simulated scanner takes.
    pub const CONTENT_HZ: u64 = 15;
    /// Frames that show each picture.
    pub const FRAMES_EACH: u64 = FRAME_HZ / Self::CONTENT_HZ;

    /// An exam of `seconds`, of the patient that `seed` and `grade` make.
    pub fn new(seed: u64, grade: Grade, seconds: f64) -> Self {
        let scanner = Scanner::new(seed);
        let pane = scanner.contrast;
        let mut scan = Scan::new(seed, grade, [pane.w, pane.h]);
        let roi = scan.roi();
        Self {
            seed,
            grade,
            pane,
            roi: Rect {
                x: pane.x + roi.x,
                y: pane.y + roi.y,
                ..roi
            },
            screen: Screen::new(seed, &scanner, scan.probe()),
            scan,
            show: Show::Exam,
            frame: 0,
            frames: libm::round(seconds * FRAME_HZ as f64) as u64,
            began: SystemTime::now(),
        }
    }

    /// The contrast pane in pixels of the screen.
    pub fn pane(&self) -> Rect {
        self.pane
    }

    /// The lesion ROI in pixels of the screen: the lesion's bounding box with a margin, as a
    /// sonographer would draw it.
    pub fn roi(&self) -> Rect {
        self.roi
    }

    /// Shows something else from the next picture on.
    pub fn show(&mut self, show: Show) {
        self.show = show;
    }

    /// Goes on with the frame of this number.
    pub fn seek(&mut self, frame: u64) {
        self.frame = frame - frame % Self::FRAMES_EACH;
    }

    /// By how many pixels the lesion lies right of and below the middle of [`Phantom::roi`] in the frame that comes next.
    pub fn lesion_moved(&mut self) -> [f32; 2] {
        let picture = self.frame / Self::FRAMES_EACH;
        self.scan.hand = shows::hand(self.show, picture);
        self.scan.lesion_moved(picture)
    }

    fn draw(&mut self, picture: u64) {
        let Self { scan, screen, .. } = self;
        scan.hand = shows::hand(self.show, picture);
        match self.show {
            Show::Frozen => return,
            Show::Menu => screen.menu(),
            Show::Exam | Show::Sweep(_) => {
                scan.contrast(picture, |x, y, levels| screen.contrast(x, y, levels))
            }
            Show::Gain(gain) => {
                let louder = |level: &u8| (i16::from(*level) + gain).clamp(0, 255) as u8;
                scan.contrast(picture, |x, y, levels| {
                    screen.contrast(x, y, &levels.iter().map(louder).collect::<Vec<_>>());
                });
            }
            Show::BMode | Show::PowerDoppler | Show::ColourDoppler => {
                let greys = grey().map(bt709);
                scan.b_mode(picture, |x, y, levels| screen.paint(x, y, levels, &greys));
            }
        }
        if matches!(self.show, Show::PowerDoppler | Show::ColourDoppler) {
            let (Rect { x, y, .. }, roi) = (self.pane, self.roi);
            let area = Rect {
                x: roi.x - x,
                y: roi.y - y,
                ..roi
            };
            Flow::new(self.show, self.seed, area).draw(picture, screen);
        }
        scan.b_mode(picture, |x, y, levels| screen.b_mode(x, y, levels));
    }

    /// How the contrast pane shows echo power.
    pub fn display(&self) -> Display {
        Display {
            range_db: self.scan.range_db(),
            colour_bar: Some(Screen::colour_bar_of(self.pane)),
        }
    }

    /// When the contrast agent is injected, from the start of the exam.
    pub fn injection() -> Duration {
        Duration::from_secs_f32(bolus::INJECTION_S)
    }
}

/// Echo power of a patient's lesion over time, in seconds from the start of the exam, and the mean transit time of its
/// first pass: what a time-intensity curve is held to.
#[cfg(test)]
pub(crate) fn lesion_power(seed: u64, grade: Grade) -> (impl Fn(f32) -> f32, f32) {
    let mass = patient::Patient::new(seed, grade).boluses[bolus::Tissue::Mass as usize];
    let transit_s = mass.rise_s * libm::expf(1.5 * mass.spread * mass.spread);
    (move |t| mass.power(t), transit_s)
}

impl FrameSource for Phantom {
    fn next(&mut self, pool: &BufferPool, _wait: Duration) -> Result<Captured, CaptureError> {
        if self.frame >= self.frames {
            return Ok(Captured::End);
        }
        let seq = self.frame;
        self.frame += 1;
        let t = Duration::from_nanos(seq * 1_000_000_000 / FRAME_HZ);
        if seq.is_multiple_of(Self::FRAMES_EACH) {
            self.draw(seq / Self::FRAMES_EACH);
        }
        let since = t.checked_sub(Self::injection());
        self.screen.timer(since.map(|t| t.as_millis() as u64 / 100));
        Ok(Captured::Frame(Frame {
            seq,
            t,
            wall: self.began + t,
            format: screen::format(),
            bytes: pool.copy_of(self.screen.bytes()),
        }))
    }

    fn describe(&self) -> String {
        let (seed, grade) = (self.seed, self.grade.word());
        format!("phantom (seed {seed}, {grade} grade): 1920x1080 yuyv, simulated")
    }

    fn len_hint(&self) -> Option<u64> {
        Some(self.frames)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(phantom: &mut Phantom, count: usize) -> Vec<Frame> {
        let pool = BufferPool::default();
        (0..count)
            .map(|n| match phantom.next(&pool, Duration::ZERO) {
                Ok(Captured::Frame(frame)) => frame,
                other => panic!("frame {n}: {other:?}"),
            })
            .collect()
    }

    fn in_pane(frame: &Frame, pane: Rect) -> Vec<u8> {
        let rows = pane.y as usize..(pane.y + pane.h) as usize;
        let row = |y: usize| {
            &frame.bytes[y * frame.format.places[0].stride + 2 * pane.x as usize..][..2 * pane.w as usize]
        };
        rows.flat_map(row).copied().collect()
    }

    /// Frame `n`, without those before it.
    fn frame(seed: u64, grade: Grade, n: u64) -> Frame {
        let mut phantom = Phantom::new(seed, grade, 60.0);
        phantom.frame = n;
        frames(&mut phantom, 1).remove(0)
    }

    #[test]
    fn bytes_depend_on_seed_and_grade_alone() {
        let crc = |seed, grade| crc32fast::hash(&frame(seed, grade, 600).bytes);
        let golden = crc(1, Grade::High);
        assert_eq!(golden, 0xfac4_cd17, "bytes of frame 600 have changed");
        assert_ne!(golden, crc(2, Grade::High));
        assert_ne!(golden, crc(1, Grade::Low));
    }

    #[test]
    fn a_frame_does_not_depend_on_those_before_it() {
        let played = frames(&mut Phantom::new(6, Grade::High, 60.0), 9);
        assert!(*played[8].bytes == *frame(6, Grade::High, 8).bytes);
    }

    #[test]
    fn images_change_with_every_fourth_frame_and_no_other() {
        let mut phantom = Phantom::new(3, Grade::Low, 1.0);
        let pane = phantom.pane();
        let images: Vec<_> = frames(&mut phantom, 13)
            .iter()
            .map(|f| in_pane(f, pane))
            .collect();
        for n in 1..images.len() {
            assert_eq!(images[n] != images[n - 1], n % 4 == 0, "frame {n}");
        }
    }

    #[test]
    fn the_roi_lies_in_the_pane_and_the_pane_on_the_screen() {
        for seed in 0..20 {
            let phantom = Phantom::new(seed, Grade::High, 0.0);
            assert!(screen::format().area().contains(&phantom.pane()));
            assert!(phantom.pane().contains(&phantom.roi()), "seed {seed}");
            assert!(phantom.roi().w > 40 && phantom.roi().h > 40, "seed {seed}");
        }
    }

    #[test]
    fn the_exam_ends_after_its_seconds() {
        let mut phantom = Phantom::new(4, Grade::Low, 0.25);
        let all = frames(&mut phantom, 15);
        assert_eq!(all[14].seq, 14);
        assert_eq!(all[14].t, Duration::from_nanos(14 * 1_000_000_000 / 60));
        assert_eq!(all[14].wall, all[0].wall + all[14].t);
        for _ in 0..2 {
            let end = phantom.next(&BufferPool::default(), Duration::ZERO);
            assert!(matches!(end, Ok(Captured::End)), "{end:?}");
        }
    }

    #[test]
    fn lesions_brighten_after_injection_and_fade() {
        let mut patients: Vec<_> = (0..6).map(|seed| Pictures::new(seed, Grade::High)).collect();
        let mut brightness = |second: u64| -> u64 {
            let n = second * CONTENT_HZ;
            let mean = |pictures: &mut Pictures| {
                let (picture, mask) = (pictures.contrast(n), pictures.lesion(n));
                let both = picture.pixels().zip(mask.pixels());
                let inside = both
                    .filter(|(_, m)| m.0[0] == 255)
                    .map(|(p, _)| p.0.iter().map(|v| u64::from(*v)).sum());
                let inside: Vec<u64> = inside.collect();
                inside.iter().sum::<u64>() / inside.len() as u64
            };
            patients.iter_mut().map(mean).sum()
        };
        let (before, peak, late) = (brightness(2), brightness(15), brightness(75));
        assert!(before * 2 < peak, "{before} before, {peak} at the peak");
        assert!(late * 10 < peak * 9, "{peak} at the peak, {late} late");
    }
}
