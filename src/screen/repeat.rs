//! Is a picture the one before again, as a grabber that compresses (MJPEG) may repeat it?
//!
//! Two pictures are the same if in every block of 16×16 pixels they differ by no more than noise: root mean square below
//! [`NOISE`] levels, and mean square below [`SHARE`] of the block's own variance. Speckle that is new differs by more than
//! half of its variance, that of JPEG by less than an eighth. The worst block decides, so that a change in one place is enough
//! to make a picture new.

/// Root mean square difference, in levels of luma.
const NOISE: f32 = 5.0;
/// Mean square difference as a share of the block's variance, to which [`FLOOR`] is added for what is even.
const SHARE: f32 = 0.25;
const FLOOR: f32 = 16.0;
const BLOCK: usize = 16;

/// Whether the pictures with this luma show the same, but for noise.
pub(super) fn same(before: &[u8], now: &[u8], width: usize) -> bool {
    if before.len() != now.len() {
        return false;
    }
    let bands = before.chunks(width * BLOCK).zip(now.chunks(width * BLOCK));
    bands.into_iter().all(|(a, b)| {
        (0..width).step_by(BLOCK).all(|x| {
            let to = (x + BLOCK).min(width);
            let (mut n, mut sums) = (0, [0u32; 3]);
            for (a, b) in a.chunks_exact(width).zip(b.chunks_exact(width)) {
                n += to - x;
                for (&a, &b) in a[x..to].iter().zip(&b[x..to]) {
                    let (a, d) = (u32::from(a), u32::from(a.abs_diff(b)));
                    sums = [sums[0] + a, sums[1] + a * a, sums[2] + d * d];
                }
            }
            let [mean, square, difference] = sums.map(|v| v as f32 / n as f32);
            let variance = square - mean * mean;
            difference < NOISE * NOISE && difference < SHARE * (variance + FLOOR)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_the_same_picture_and_one_new_spot_is_not() {
        let width = 64;
        let picture: Vec<u8> = (0..width * width).map(|n| (n * 97 % 200) as u8).collect();
        let noisy: Vec<u8> = picture
            .iter()
            .enumerate()
            .map(|(n, v)| v + (n % 3) as u8)
            .collect();
        assert!(same(&picture, &noisy, width));
        let mut spot = noisy;
        for y in 20..24 {
            spot[y * width + 30..y * width + 34].fill(255);
        }
        assert!(!same(&picture, &spot, width));
        assert!(!same(&[], &picture, width));
    }
}
