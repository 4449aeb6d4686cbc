//! The planes that the probe slides through: held for a while, then over to the next.

use super::CONTENT_HZ;
use super::patient::Patient;
use super::probe::{BEAMS, Probe, ROWS};
use super::tissue::Maps;

/// Pictures from one plane to the next (5 s), and how many of them are between the two.
const EVERY: u64 = 5 * CONTENT_HZ;
const SLIDING: u64 = 2 * CONTENT_HZ;

/// Maps of the planes that were needed last: even numbers in the one, odd ones in the other.
#[derive(Default)]
pub(super) struct Planes {
    made: [Option<(u64, Maps)>; 2],
}

/// What one picture shows: a plane, or a blend of it with the next while the probe slides (a beam is as
/// thick as the way between them).
pub(super) struct Blend<'a> {
    pub near: &'a Maps,
    next: Option<(&'a Maps, f32)>,
}

impl Planes {
    /// The planes of picture `n`.
    pub fn at(&mut self, n: u64, patient: &Patient, probe: Probe, seed: u64) -> Blend<'_> {
        let (number, into) = (n / EVERY, n % EVERY);
        let slid = into.saturating_sub(EVERY - SLIDING);
        let numbers = number..=number + u64::from(slid > 0);
        for number in numbers {
            let slot = &mut self.made[number as usize % 2];
            if slot.as_ref().is_none_or(|(made, _)| *made != number) {
                *slot = Some((number, Maps::new(patient, &patient.section(number), probe, seed)));
            }
        }
        let made = |number: u64| {
            let plane = self.made[number as usize % 2].as_ref();
            plane.map(|(_, maps)| maps).expect("made above")
        };
        let share = slid as f32 / SLIDING as f32;
        Blend {
            near: made(number),
            next: (slid > 0).then(|| (made(number + 1), share * share * (3.0 - 2.0 * share))),
        }
    }
}

impl Blend<'_> {
    /// `value` of every sample, blended.
    pub fn blend(&self, value: impl Fn(&Maps, usize) -> f32) -> impl Iterator<Item = f32> {
        (0..ROWS * BEAMS).map(move |i| {
            let near = value(self.near, i);
            self.next
                .map_or(near, |(next, share)| near + share * (value(next, i) - near))
        })
    }

    /// One row of a map, blended.
    pub fn row(&self, row: usize, map: impl Fn(&Maps) -> &Vec<f32>) -> impl Iterator<Item = f32> {
        let at = row * BEAMS..(row + 1) * BEAMS;
        let (next, share) = self.next.unwrap_or((self.near, 0.0));
        let pairs = map(self.near)[at.clone()].iter().zip(&map(next)[at]);
        pairs.map(move |(near, next)| near + share * (next - near))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Grade;
    use super::*;

    #[test]
    fn the_probe_holds_a_plane_slides_and_holds_the_next() {
        let patient = Patient::new(3, Grade::High);
        let probe = Probe::new(patient.look.depth_mm, [600, 600]);
        let mut planes = Planes::default();
        let mut mean = |n: u64| -> f64 {
            let blend = planes.at(n, &patient, probe, 3);
            blend.blend(|maps, i| maps.perfusion[i]).map(f64::from).sum()
        };
        let (first, held, sliding, next) = (
            mean(0),
            mean(EVERY - SLIDING),
            mean(EVERY - SLIDING / 2),
            mean(EVERY),
        );
        assert_eq!(first, held);
        assert!(first != next);
        assert!((sliding - 0.5 * (first + next)).abs() < 1e-4 * first);
        assert_eq!(mean(0), first, "going back makes the same plane again");
    }
}
