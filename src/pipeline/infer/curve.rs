//! The `infer` thread measures how much contrast lesion and reference hold: after a result was published, five times a
//! second, so that no score waits for it.

use super::{Now, Stage};
use crate::exam::{Display, Linear, Sample};
use crate::frame::Frame;
use crate::pipeline::live::EnhancementView;
use crate::preprocess;

impl Stage {
    /// Takes a sample of `frame`, the newest, if it is time for one.
    pub(super) fn sample(&self, now: &mut Now, frame: &Frame) {
        let t_ms = u64::try_from(frame.t.as_millis()).unwrap_or(u64::MAX);
        if now.fault.is_some() || !now.contrast_mode || !now.curve.wants(t_ms) {
            return;
        }
        let linear = now.linear.get_or_insert_with(|| linear(&self.display, frame));
        let mean = |area| Some(linear.mean(&preprocess::crop(frame, area).ok()?));
        let Some(lesion) = mean(now.live.roi) else { return };
        let reference = now.live.reference.and_then(mean);
        now.curve.add(Sample {
            t_ms,
            lesion,
            reference,
        });
        if let Some((_, _, session)) = &mut now.current {
            session.enhanced(t_ms, lesion / linear.darkest());
        }
        now.live.enhancement = Some(EnhancementView { lesion, reference });
    }
}

/// The display's colours are read once for each size of the picture: a scanner does not change them during an exam.
fn linear(display: &Display, frame: &Frame) -> Linear {
    let bar = display.colour_bar.map(|area| preprocess::crop(frame, area));
    let bar = bar.transpose().unwrap_or_else(|error| {
        tracing::warn!("the colour bar cannot be read, greys are assumed: {error}");
        None
    });
    Linear::of(display.range_db, bar.as_ref())
}
