//! Is a picture fit to be scored? Measured on the model's input, which is small and already read.

use crate::exam::record::Quality;

/// Below this mean luma (of 255) there is no contrast agent to see.
const DARK_MEAN: u32 = 5;
/// Luma from which a pixel counts as clipped, and the share of clipped pixels (in percent) that is too much.
const CLIPPED_LUMA: u32 = 250;
const CLIPPED_PERCENT: usize = 40;

/// Why the picture `[3, height, width]`, red plane first, is not fit to be scored.
pub fn unfit(pixels: &[u8]) -> Option<Quality> {
    let count = pixels.len() / 3;
    let (red, rest) = pixels.split_at(count);
    let (green, blue) = rest.split_at(count);
    let (mut sum, mut clipped) = (0u64, 0usize);
    for ((&r, &g), &b) in red.iter().zip(green).zip(blue) {
        // BT.601 luma in eighths: good to 2 levels.
        let luma = (2 * u32::from(r) + 5 * u32::from(g) + u32::from(b)) / 8;
        sum += u64::from(luma);
        clipped += usize::from(luma >= CLIPPED_LUMA);
    }
    if sum < u64::from(DARK_MEAN) * count as u64 {
        Some(Quality::TooDark)
    } else if clipped * 100 > count * CLIPPED_PERCENT {
        Some(Quality::Clipped)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn black_and_white_are_unfit_and_speckle_is_not() {
        assert_eq!(unfit(&[0; 300]), Some(Quality::TooDark));
        assert_eq!(unfit(&[255; 300]), Some(Quality::Clipped));
        let speckle: Vec<u8> = (0..300u32).map(|n| (n * 97 % 200) as u8).collect();
        assert_eq!(unfit(&speckle), None);
    }
}
