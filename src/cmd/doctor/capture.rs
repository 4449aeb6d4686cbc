//! The source: is it there, may it be opened, does a picture come, and how often.

use std::time::{Duration, Instant};

use super::daemon::Daemon;
use crate::capture::{Captured, FrameSource};
use crate::cmd::run;
use crate::config::Source;
use crate::findings::Finding;
use crate::frame::BufferPool;
use crate::pipeline::Pace;

/// How long frames are counted.
const COUNT_FOR: Duration = Duration::from_secs(2);
/// Fewer frames a second than this are not what a scanner sends.
const FEW_FPS: f64 = 20.0;

pub(super) fn findings(source: &Source, daemon: Option<&Daemon>) -> Vec<Finding> {
    if let Some(daemon) = daemon {
        return vec![of_daemon(daemon)];
    }
    let (mut open, pace, _) = run::source(source);
    match open() {
        Ok(mut source) => {
            let mut findings = vec![Finding::ok("source", source.describe())];
            findings.extend((pace == Pace::Device).then(|| pictures(&mut *source)));
            findings
        }
        Err(error) => {
            let advice = "plug it in, or put [source] right; `sonograde capture list` lists capture devices";
            vec![Finding::fault("source", crate::one_line(&error), advice)]
        }
    }
}

fn of_daemon(daemon: &Daemon) -> Finding {
    let (fps, fresh) = daemon.rates();
    match daemon.signal() {
        ("live", _) if fps < FEW_FPS => few(fps),
        ("live", _) => Finding::ok(
            "picture",
            format!("live, {fps:.0} frames/s, {fresh:.1} of them new and scored"),
        ),
        ("absent" | "unsupported", why) => Finding::fault(
            "picture",
            why,
            "check device, format and cable; the daemon goes on trying",
        ),
        (state, why) => Finding::warning("picture", format!("{state}: {why}"), NO_PICTURE),
    }
}

const NO_PICTURE: &str = "switch the scanner on, unfreeze it, and check both ends of the video cable";

/// Counts frames.
fn pictures(device: &mut dyn FrameSource) -> Finding {
    let pool = BufferPool::default();
    let (mut frames, mut first) = (0_u32, None);
    let began = Instant::now();
    while began.elapsed() < COUNT_FOR {
        match device.next(&pool, Duration::from_millis(100)) {
            Ok(Captured::Frame(_)) => {
                frames += 1;
                first.get_or_insert_with(Instant::now);
            }
            Ok(_) => {}
            Err(error) => return Finding::fault("picture", crate::one_line(&error), NO_PICTURE),
        }
    }
    match first {
        None => Finding::warning("picture", "none for 2 s", NO_PICTURE),
        Some(first) => match f64::from(frames) / first.elapsed().as_secs_f64() {
            fps if fps < FEW_FPS => few(fps),
            fps => Finding::ok("picture", format!("{fps:.0} frames/s")),
        },
    }
}

fn few(fps: f64) -> Finding {
    let advice = "use USB 3, a smaller mode ([source] width, height) or format = \"NV12\"";
    Finding::warning("picture", format!("only {fps:.0} frames/s"), advice)
}
