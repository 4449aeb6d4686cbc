//! The time-intensity curve: lesion and reference over time, and their figures.

use super::sheet::{Colour, Face, INK};
use super::{FAINT, HEAD, MARGIN, NAME, PALE, Page, SMALL, WIDTH};
use crate::exam::{Enhancement, Fit};

/// Where the block begins, and the place of the curves, in points.
const Y: f32 = 306.0;
const PLACE: [f32; 4] = [MARGIN + 22.0, Y + 14.0, 268.0, 110.0];
/// What has to fit.
const NARROW: Face = Face { size: 7.0, ..NAME };
const LESION: Colour = [0.1, 0.25, 0.6];
const REFERENCE: Colour = [0.45, 0.45, 0.45];

impl Page<'_> {
    pub(super) fn enhancement(&mut self) {
        self.sheet.line(
            &[[MARGIN, Y - 13.0], [MARGIN + WIDTH, Y - 13.0]],
            0.7,
            PALE,
            false,
        );
        let head = self.words("kinetics");
        self.sheet.text([MARGIN, Y], WIDTH, HEAD, &head);
        let Some(enhancement) = &self.exam.enhancement else {
            let none = self.words("reportNoCurve");
            return self.sheet.text([MARGIN, Y + 16.0], WIDTH, SMALL, &none);
        };
        self.curves(enhancement);
        self.table(enhancement);
    }

    fn curves(&mut self, enhancement: &Enhancement) {
        let [x, y, w, h] = PLACE;
        let curve = &enhancement.curve;
        let (Some(first), Some(last)) = (curve.first(), curve.last()) else {
            return;
        };
        let powers = curve.iter().flat_map(|point| [Some(point.1), point.2]).flatten();
        let top = powers.fold(f32::MIN_POSITIVE, f32::max);
        let span = (last.0 - first.0).max(1.0);
        let at = |t: f32, power: f32| [x + w * (t - first.0) / span, y + h * (1.0 - power / top)];
        for share in [0.0, 0.5, 1.0] {
            let line = y + h * (1.0 - share);
            self.sheet.line(&[[x, line], [x + w, line]], 0.5, PALE, false);
            let text = format!("{:.0}", 100.0 * share);
            self.sheet.text_before([x - 4.0, line + 2.5], NAME, &text);
        }
        let step = [5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0];
        let step = step.into_iter().find(|step| span / step <= 8.0).unwrap_or(600.0);
        // Plus 0, for that makes 0 of -0.
        let mut tick = (first.0 / step).ceil() * step + 0.0;
        while tick <= last.0 {
            let [place, _] = at(tick, 0.0);
            self.sheet
                .line(&[[place, y + h], [place, y + h + 3.0]], 0.7, FAINT, false);
            self.sheet
                .text([place - 4.0, y + h + 11.0], 30.0, NAME, &format!("{tick:.0}"));
            tick += step;
        }
        let lesion: Vec<_> = curve.iter().map(|point| at(point.0, point.1)).collect();
        let reference: Vec<_> = curve.iter().filter_map(|p| Some(at(p.0, p.2?))).collect();
        if let Some(Fit {
            kinetics,
            poor: false,
            ..
        }) = &enhancement.lesion
        {
            for t in [kinetics.arrival_s, kinetics.arrival_s + kinetics.time_to_peak_s] {
                if (first.0..=last.0).contains(&t) {
                    self.sheet.line(&[at(t, 0.0), at(t, top)], 0.7, LESION, true);
                }
            }
        }
        self.sheet.line(&reference, 1.2, REFERENCE, true);
        self.sheet.line(&lesion, 1.4, LESION, false);
        let axis = self.words("reportAxes");
        self.sheet.text([x, y + h + 22.0], w, NARROW, &axis);
        let mut place = x + w - 110.0;
        for (key, colour, dashed) in [("lesion", LESION, false), ("reference", REFERENCE, true)] {
            if dashed && reference.is_empty() {
                continue;
            }
            self.sheet
                .line(&[[place, y - 5.0], [place + 16.0, y - 5.0]], 1.4, colour, dashed);
            let word = self.words(key);
            self.sheet.text([place + 19.0, y - 2.5], 40.0, NAME, &word);
            place += 56.0;
        }
    }

    fn table(&mut self, enhancement: &Enhancement) {
        let x = MARGIN + 304.0;
        let columns = [x + 154.0, x + 219.0];
        let fits = [&enhancement.lesion, &enhancement.reference];
        let mut y = Y + 14.0;
        for (right, key) in columns.into_iter().zip(["lesion", "reference"]) {
            let word = self.words(key);
            self.sheet.text_before([right, y], NAME, &word);
        }
        type Figure = (&'static str, usize, fn(&Fit) -> f32);
        let figures: [Figure; 7] = [
            ("arrival_s", 1, |fit| fit.kinetics.arrival_s),
            ("time_to_peak_s", 1, |fit| fit.kinetics.time_to_peak_s),
            ("peak", 4, |fit| fit.kinetics.peak),
            ("wash_in_per_s", 4, |fit| fit.kinetics.wash_in_per_s),
            ("mean_transit_s", 1, |fit| fit.kinetics.mean_transit_s),
            ("wash_out", 0, |fit| 100.0 * fit.kinetics.wash_out),
            ("r2", 2, |fit| fit.r2),
        ];
        for (key, digits, figure) in figures {
            y += 13.0;
            let name = self.words(key);
            self.sheet.text([x, y], 134.0, NARROW, &name);
            for (right, fit) in columns.into_iter().zip(fits) {
                let value = fit.as_ref().map(|fit| format!("{:.digits$}", figure(fit)));
                self.sheet
                    .text_before([right, y], SMALL, value.as_deref().unwrap_or("-"));
            }
        }
        y += 12.0;
        for (right, fit) in columns.into_iter().zip(fits) {
            let said = match fit {
                None => Some("noFit"),
                Some(fit) => fit.poor.then_some("poorFit"),
            };
            if let Some(key) = said {
                let word = self.words(key);
                let face = Face {
                    colour: INK,
                    bold: true,
                    ..NARROW
                };
                self.sheet.text_before([right, y], face, &word);
            }
        }
    }
}
