//! Does a grey picture show bubbles? Their speckle is partly new in every picture; that of tissue (B-mode) moves and stays.
//!
//! Measured at the model's resolution: what neighbouring pixels differ by, correlated between two pictures at the best of a few
//! displacements.

/// Tissue's speckle correlates by at least this, bubbles' by less.
const LASTING: f32 = 0.75;
/// Displacements that are tried around the known one, in pixels.
const REACH: i32 = 2;
/// Distance of the neighbours that a pixel is compared with, and of the pixels that are looked at.
const BESIDE: usize = 3;
const EVERY: usize = 3;

/// Whether the speckle of `before` lasts in `now`, `by` columns and rows further: then it shows tissue. Both are luma.
pub(super) fn lasts(before: &[u8], now: &[u8], width: usize, by: [i32; 2]) -> bool {
    let around = |v: i32| v - REACH..=v + REACH;
    around(by[1])
        .flat_map(|dy| around(by[0]).map(move |dx| [dx, dy]))
        .any(|by| correlation(before, now, width, by) >= LASTING)
}

fn correlation(before: &[u8], now: &[u8], width: usize, by: [i32; 2]) -> f32 {
    let height = now.len() / width;
    // Rows and columns of `before` whose neighbours, and theirs in `now`, exist.
    let range = |all: usize, d: i32| {
        let margin = BESIDE + d.unsigned_abs() as usize;
        margin..all.saturating_sub(margin)
    };
    let detail = |row: &[u8], x: usize| {
        2 * i32::from(row[x]) - i32::from(row[x - BESIDE]) - i32::from(row[x + BESIDE])
    };
    let mut sums = [0i64; 3];
    for y in range(height, by[1]).step_by(EVERY) {
        let a = &before[y * width..][..width];
        let b = &now[(y as i32 + by[1]) as usize * width..][..width];
        for x in range(width, by[0]).step_by(EVERY) {
            let (a, b) = (detail(a, x), detail(b, (x as i32 + by[0]) as usize));
            for (sum, v) in sums.iter_mut().zip([a * b, a * a, b * b]) {
                *sum += i64::from(v);
            }
        }
    }
    let [both, one, other] = sums.map(|v| v as f64);
    (both / (one * other).sqrt().max(1.0)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speckle(seed: u32, shift: usize) -> Vec<u8> {
        let at = |n: usize| ((n as u32 ^ seed).wrapping_mul(2_654_435_761) >> 24) as u8;
        (0..64 * 64).map(|n| at(n + shift)).collect()
    }

    #[test]
    fn speckle_that_moves_lasts_and_speckle_that_is_new_does_not() {
        assert!(lasts(&speckle(1, 0), &speckle(1, 0), 64, [0, 0]));
        assert!(lasts(&speckle(1, 0), &speckle(1, 1), 64, [0, 0]));
        assert!(lasts(&speckle(1, 0), &speckle(1, 9), 64, [-8, 0]));
        assert!(!lasts(&speckle(1, 0), &speckle(1, 9), 64, [0, 0]));
        assert!(!lasts(&speckle(1, 0), &speckle(2, 0), 64, [0, 0]));
    }
}
