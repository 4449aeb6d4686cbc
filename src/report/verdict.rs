//! The verdict: its word, its figures, and where it lies between 0 and 1.

use super::sheet::INK;
use super::{HEAD, MARGIN, NAME, PALE, Page, TITLE, VALUE, WIDTH, face};
use crate::exam::record::{Grade, Verdict};

impl Page<'_> {
    pub(super) fn verdict(&mut self) {
        const Y: f32 = 196.0;
        self.sheet
            .line(&[[MARGIN, Y], [MARGIN + WIDTH, Y]], 0.7, PALE, false);
        let head = self.words("verdict");
        self.sheet.text([MARGIN, Y + 16.0], WIDTH, HEAD, &head);
        let Some(verdict) = &self.exam.verdict else {
            let none = self.words("noVerdict");
            return self.sheet.text([MARGIN, Y + 44.0], WIDTH, TITLE, &none);
        };
        let colour = match verdict.verdict {
            Grade::Low => [0.0, 0.42, 0.24],
            Grade::High => [0.72, 0.07, 0.1],
            Grade::Indeterminate => [0.5, 0.36, 0.0],
        };
        let word = self.words(&verdict.verdict.to_string());
        let half = 0.52 * WIDTH;
        self.sheet
            .text([MARGIN, Y + 44.0], half, face(24.0, true, colour), &word);
        let says = self.words("reportGrade");
        self.sheet.text([MARGIN, Y + 87.0], WIDTH, NAME, &says);
        let figures = self.figures(verdict);
        for (n, line) in (0u8..).zip(figures) {
            self.sheet
                .text([MARGIN, Y + 60.0 + 12.0 * f32::from(n)], half, VALUE, &line);
        }
        self.gauge(verdict, [MARGIN + half + 16.0, Y + 30.0], WIDTH - half - 24.0);
    }

    fn figures(&self, verdict: &Verdict) -> Vec<String> {
        let share = |p: f32| format!("{p:.2}");
        let interval = match verdict.ci95 {
            Some([low, high]) => self
                .language
                .filled("interval", &[("low", &share(low)), ("high", &share(high))]),
            None => self.words("tooFew"),
        };
        let score = verdict.score.map(|score| {
            self.language
                .filled("figures", &[("score", &share(score)), ("interval", &interval)])
        });
        let [counted, scored, seen] =
            [verdict.frames(), verdict.frames_scored, verdict.frames_seen].map(|n| n.to_string());
        let frames = [("counted", &*counted), ("scored", &*scored), ("seen", &*seen)];
        let frames = self.language.filled("reportFrames", &frames);
        score.into_iter().chain([frames]).collect()
    }

    /// P(high) from 0 to 1 with the model's band and the interval.
    fn gauge(&mut self, verdict: &Verdict, [x, y]: [f32; 2], width: f32) {
        const HEIGHT: f32 = 16.0;
        let at = |p: f32| x + width * p.clamp(0.0, 1.0);
        let [low, high] = self.exam.provenance.band;
        self.sheet.fill([x, y], [width, HEIGHT], PALE);
        self.sheet
            .fill([at(low), y], [at(high) - at(low), HEIGHT], [0.96, 0.78, 0.4]);
        if let Some([low, high]) = verdict.ci95 {
            let middle = y + HEIGHT / 2.0;
            self.sheet
                .line(&[[at(low), middle], [at(high), middle]], 3.0, INK, false);
        }
        if let Some(score) = verdict.score {
            let ends = [[at(score), y - 4.0], [at(score), y + HEIGHT + 4.0]];
            self.sheet.line(&ends, 2.0, INK, false);
        }
        for (p, text) in [(0.0, "0"), (0.5, "0.5"), (1.0, "1")] {
            self.sheet
                .text([at(p) - 3.0, y + HEIGHT + 14.0], 20.0, NAME, text);
        }
        let share = |p: f32| format!("{p:.2}");
        let band = self
            .language
            .filled("band", &[("low", &share(low)), ("high", &share(high))]);
        let axis = format!("{}; {band}", self.words("scoreAxis"));
        self.sheet.text([x, y + HEIGHT + 27.0], width, NAME, &axis);
    }
}
