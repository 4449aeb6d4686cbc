//! Weights in parts whose products stay inside 16 bits, for instructions that add them up there and saturate.
//!
//! An activation is at most 255, so a lane's sum stays inside where its weights above 0, and those below, add up to 128 at
//! most: 255 · 128 < 2^15. A weight too many moves to a step of its own. That is exact whatever the weights; how
//! many steps it takes depends on them.

use super::kernel::STEP;

/// The weights of one step for one channel.
pub type Taps = [i8; STEP];

/// What must be computed beside the steps that were split.
#[derive(Debug, PartialEq, Eq)]
pub struct Split {
    /// The products of four steps may be added up in 16 bits; else of one.
    pub joint: bool,
    /// Further steps: which one's activations, and the weights of all channels.
    pub more: Vec<(usize, Vec<Taps>)>,
}

/// Products of a vector instruction for a step, for one of four joint steps, and for a further step with its loads.
const COST: [usize; 3] = [8, 5, 9];

/// Splits `steps`, each the weights of `channels`; of these the first `whole` come in fours.
pub fn split(steps: &mut [Taps], channels: usize, whole: usize) -> Split {
    let mut fours = steps.to_vec();
    let (quads, rest) = fours.split_at_mut(whole * channels);
    let mut joint = part(quads, channels, 4);
    joint.extend(
        part(rest, channels, 1)
            .into_iter()
            .map(|(step, taps)| (whole + step, taps)),
    );
    let cost = COST[1] * whole + COST[2] * joint.len();
    if cost >= COST[0] * whole {
        let more = part(steps, channels, 1);
        if cost >= COST[0] * whole + COST[2] * more.len() {
            return Split { joint: false, more };
        }
    }
    steps.copy_from_slice(&fours);
    Split {
        joint: true,
        more: joint,
    }
}

/// Takes out of `steps` what does not fit, where the products of `together` steps are added up.
fn part(steps: &mut [Taps], channels: usize, together: usize) -> Vec<(usize, Vec<Taps>)> {
    let mut more = Vec::new();
    for (n, group) in steps.chunks_mut(together * channels).enumerate() {
        let mut out = Vec::new();
        for channel in 0..channels {
            for lane in 0..STEP / 2 {
                while let Some((step, tap)) = excess(group, channels, channel, lane) {
                    out.resize(group.len(), [0; STEP]);
                    let at = step * channels + channel;
                    out[at][tap] = std::mem::take(&mut group[at][tap]);
                }
            }
        }
        for (step, taps) in out.chunks(channels).enumerate() {
            let (mut taps, mut later) = (taps.to_vec(), Vec::new());
            while taps.iter().any(|t| *t != [0; STEP]) {
                for channel in 0..channels {
                    for lane in 0..STEP / 2 {
                        if let Some((_, tap)) = excess(&taps, channels, channel, lane) {
                            later.resize(channels, [0; STEP]);
                            later[channel][tap] = std::mem::take(&mut taps[channel][tap]);
                        }
                    }
                }
                more.push((
                    n * together + step,
                    std::mem::replace(&mut taps, std::mem::take(&mut later)),
                ));
            }
        }
    }
    more
}

/// The largest weight of a lane whose sum may leave 16 bits.
#[inline(always)]
fn excess(group: &[Taps], channels: usize, channel: usize, lane: usize) -> Option<(usize, usize)> {
    let (mut above, mut below) = (0, 0);
    for taps in group[channel..].iter().step_by(channels) {
        for weight in [taps[2 * lane], taps[2 * lane + 1]].map(i32::from) {
            above += weight.max(0);
            below -= weight.min(0);
        }
    }
    if above <= 128 && below <= 128 {
        return None;
    }
    let sign = if above > 128 { 1 } else { -1 };
    let steps = group[channel..].iter().step_by(channels).enumerate();
    let taps = steps.flat_map(|(step, taps)| (2 * lane..2 * lane + 2).map(move |tap| (step, tap, taps[tap])));
    taps.max_by_key(|(_, _, weight)| sign * i32::from(*weight))
        .map(|(step, tap, _)| (step, tap))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn steps() -> impl Strategy<Value = Vec<Taps>> {
        let weight = prop_oneof![-127i8..=127, -9i8..=9, Just(127i8), Just(-127i8)];
        proptest::collection::vec(proptest::array::uniform4(weight), 9 * 3)
    }

    proptest! {
        #[test]
        fn parts_add_up_to_the_weights_and_stay_inside_16_bits(whole in steps()) {
            for together in [1, 4] {
                let mut parts = whole.clone();
                let more = part(&mut parts[..8 * 3], 3, together);
                let mut sum: Vec<[i32; STEP]> = parts.iter().map(|t| t.map(i32::from)).collect();
                let fits = |taps: &[Taps]| (0..3).all(|c| (0..2).all(|lane| excess(taps, 3, c, lane).is_none()));
                prop_assert!(parts[..8 * 3].chunks(together * 3).all(fits));
                for (step, taps) in &more {
                    prop_assert!(fits(taps));
                    for (sum, taps) in sum[step * 3..].iter_mut().zip(taps) {
                        (0..STEP).for_each(|n| sum[n] += i32::from(taps[n]));
                    }
                }
                prop_assert_eq!(sum, whole.iter().map(|t| t.map(i32::from)).collect::<Vec<_>>());
            }
        }
    }
}
