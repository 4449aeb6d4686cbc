//! Is a picture fit to be scored? What can be told from one picture alone, measured on the model's input, which is small
//! and already read.
//!
//! Thresholds were chosen on phantoms of seeds 100 to 105; `tests/screen.rs` prints how well they do on others.

use crate::exam::record::{Fitness, Quality};

/// Too dark: the mean luma (of 255) is below this. There is no contrast agent to see.
const DARK_MEAN: u32 = 5;
/// Clipped: the brightest of red, green and blue is at least [`CLIPPED_LEVEL`] in more than [`CLIPPED_PERCENT`] of the pixels.
const CLIPPED_LEVEL: u8 = 248;
const CLIPPED_PERCENT: usize = 40;
/// Doppler over B-mode: of the pixels that are bright enough to have a colour (their brightest channel is in [`HUED`]), at
/// least [`MIXED_PERCENT`] are grey and as many are coloured. A contrast image has one colour map: its pixels are all the one
/// or all the other.
const HUED: std::ops::RangeInclusive<u8> = 64..=240;
const MIXED_PERCENT: usize = 2;
/// A menu or text: this share of the lit pixels (luma of [`LIT`] at least, not clipped) is as bright as those [`APART`] left
/// of and above it, to [`ALIKE`] levels. Speckle is never that even.
const FLAT_PERCENT: usize = 15;
const LIT: u8 = 10;
const APART: usize = 4;
const ALIKE: u8 = 1;

/// Luma of the picture `[3, height, width]`, red plane first: BT.601 in eighths, good to 2 levels.
pub(super) fn luma(pixels: &[u8]) -> impl Iterator<Item = u8> {
    let (red, rest) = pixels.split_at(pixels.len() / 3);
    let (green, blue) = rest.split_at(red.len());
    let of =
        |((&r, &g), &b): ((&u8, &u8), &u8)| ((2 * u16::from(r) + 5 * u16::from(g) + u16::from(b)) / 8) as u8;
    red.iter().zip(green).zip(blue).map(of)
}

/// Whether nothing is lit.
pub(super) fn dark(luma: &[u8]) -> bool {
    let sum: u32 = luma.iter().map(|v| u32::from(*v)).sum();
    sum < DARK_MEAN * luma.len() as u32
}

/// What is told of a picture that is fit to be scored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Look {
    pub colours: Colours,
    /// 1 where nothing is clipped, 0 where too much is.
    pub clear: f32,
}

impl Look {
    /// How good the picture of this luma is.
    pub fn fitness(self, luma: &[u8]) -> Fitness {
        let sum: u32 = luma.iter().map(|v| u32::from(*v)).sum();
        let pixels = luma.len().max(1) as u32;
        Fitness {
            brightness: ((sum + pixels / 2) / pixels) as u8,
            clarity: (255.0 * self.clear).round().max(1.0) as u8,
        }
    }
}

/// What the colours of a picture are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colours {
    /// One colour map that is not grey.
    Tinted,
    /// Grey.
    Grey,
    /// Grey and others: Doppler over B-mode.
    Mixed,
}

/// Counts of a picture's pixels.
struct Counts {
    clipped: usize,
    hued: usize,
    grey: usize,
    coloured: usize,
}

fn count(pixels: &[u8]) -> Counts {
    let (red, rest) = pixels.split_at(pixels.len() / 3);
    let (green, blue) = rest.split_at(red.len());
    let mut sums = [0u32; 4];
    for ((&r, &g), &b) in red.iter().zip(green).zip(blue) {
        let (high, low) = (r.max(g).max(b), r.min(g).min(b));
        let (high16, spread) = (u16::from(high), u16::from(high - low));
        let hued = HUED.contains(&high);
        let each = [
            high >= CLIPPED_LEVEL,
            hued,
            hued && 8 * spread <= high16,
            hued && 4 * spread >= high16,
        ];
        for (sum, is) in sums.iter_mut().zip(each) {
            *sum += u32::from(is);
        }
    }
    let [clipped, hued, grey, coloured] = sums.map(|v| v as usize);
    Counts {
        clipped,
        hued,
        grey,
        coloured,
    }
}

/// Why the picture `[3, height, width]`, red plane first, is not fit to be scored; else what is told of it. `luma` is its luma.
pub(super) fn judge(pixels: &[u8], luma: &[u8], width: usize) -> Result<Look, Quality> {
    if dark(luma) {
        return Err(Quality::TooDark);
    }
    let Counts {
        clipped,
        hued,
        grey,
        coloured,
    } = count(pixels);
    if clipped * 100 > luma.len() * CLIPPED_PERCENT {
        return Err(Quality::Clipped);
    }
    let many = |n: usize| n * 100 >= hued * MIXED_PERCENT && n > 0;
    let colours = match (many(grey), many(coloured)) {
        (true, true) => Colours::Mixed,
        (false, true) => Colours::Tinted,
        _ => Colours::Grey,
    };
    if colours == Colours::Mixed || flat(luma, width) {
        return Err(Quality::NotContrast);
    }
    let clear = 1.0 - (clipped * 100) as f32 / (luma.len() * CLIPPED_PERCENT).max(1) as f32;
    Ok(Look { colours, clear })
}

/// Whether much of what is lit is even.
fn flat(luma: &[u8], width: usize) -> bool {
    let (mut lit, mut even) = (0u32, 0u32);
    for (above, row) in luma.chunks_exact(width).zip(luma.chunks_exact(width).skip(APART)) {
        for ((&here, &left), &up) in row[APART..].iter().zip(row).zip(&above[APART..]) {
            let counts = (LIT..CLIPPED_LEVEL - 10).contains(&here);
            lit += u32::from(counts);
            even += u32::from(counts && here.abs_diff(left) <= ALIKE && here.abs_diff(up) <= ALIKE);
        }
    }
    even as usize * 100 >= lit as usize * FLAT_PERCENT && lit > 0
}

/// How good the picture `[3, height, width]`, red plane first, is, as far as it tells alone.
///
/// # Errors
/// Why it is not fit to be scored.
pub fn fitness(pixels: &[u8], width: usize) -> Result<Fitness, Quality> {
    let luma: Vec<u8> = luma(pixels).collect();
    judge(pixels, &luma, width).map(|look| look.fitness(&luma))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE: usize = 40;

    fn picture(colour: impl Fn(u32) -> [u8; 3]) -> Vec<u8> {
        let pixels: Vec<[u8; 3]> = (0..(SIDE * SIDE) as u32)
            .map(|n| colour(n.wrapping_mul(2_654_435_761) >> 24))
            .collect();
        (0..3).flat_map(|c| pixels.iter().map(move |p| p[c])).collect()
    }

    #[test]
    fn black_white_even_and_two_coloured_pictures_are_unfit_and_speckle_is_not() {
        let amber = |v: u32| [v as u8, (v * 7 / 10) as u8, (v * 3 / 10) as u8];
        let grey = |v: u32| [v as u8; 3];
        for (picture, expected) in [
            (picture(|_| [0; 3]), Some(Quality::TooDark)),
            (picture(|_| [255; 3]), Some(Quality::Clipped)),
            (picture(|_| [255, 248, 214]), Some(Quality::Clipped)),
            (picture(|_| [60, 66, 80]), Some(Quality::NotContrast)),
            (
                picture(|v| if v % 8 == 0 { amber(v) } else { grey(v) }),
                Some(Quality::NotContrast),
            ),
            (picture(|v| grey(v % 200)), None),
            (picture(|v| amber(v % 200)), None),
        ] {
            assert_eq!(fitness(&picture, SIDE).err(), expected);
        }
    }

    #[test]
    fn the_more_is_clipped_the_less_a_picture_weighs() {
        let fitness = |clipped: u32| {
            let pixels = picture(|v| if v < clipped { [255; 3] } else { [v as u8 / 2; 3] });
            fitness(&pixels, SIDE).expect("it is fit")
        };
        let [none, some, much] = [0, 26, 90].map(fitness);
        assert_eq!(none.clarity, 255);
        assert!((60..68).contains(&none.brightness), "{none:?}");
        assert!(
            (180..200).contains(&some.clarity) && (20..35).contains(&much.clarity),
            "{some:?} {much:?}"
        );
    }
}
