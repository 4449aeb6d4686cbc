//! Where one small grey picture lies on another: normalised cross-correlation (J. P. Lewis, "Fast normalized
//! cross-correlation", Vision Interface, 1995), searched coarsely, then finely, then between pixels.

/// Side of the pictures in pixels.
pub(super) const SIDE: usize = 96;
/// Up to here is black: it lies outside the sector, and stays where it is when tissue moves.
const BLACK: i16 = 3;
/// How far is searched, in pixels.
const REACH: i32 = 8;
/// Fewest columns and rows that two pictures must share.
const OVERLAP: i32 = 32;

/// A grey picture of [`SIDE`] × [`SIDE`] pixels.
pub(super) type Sketch = Vec<i16>;

/// Columns and rows of a sketch: from, to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Part {
    pub x: [i32; 2],
    pub y: [i32; 2],
}

/// All of a sketch.
pub(super) const WHOLE: Part = Part {
    x: [0, SIDE as i32],
    y: [0, SIDE as i32],
};

/// The best place that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Match {
    /// Columns and rows by which the part moved.
    pub by: [f32; 2],
    /// Correlation there, -1..1.
    pub correlation: f32,
}

/// Where `part` of `before` lies in `now`, at most [`REACH`] from `near`.
pub(super) fn find(before: &[i16], now: &[i16], part: Part, near: [f32; 2]) -> Match {
    let middle = near.map(|v| v.round() as i32);
    let at = |[x, y]: [i32; 2]| correlation(before, now, part, [x, y]);
    let mut best = ([0; 2], f32::NEG_INFINITY);
    let mut look = |centre: [i32; 2], reach: i32, step: usize| {
        let mut found = best;
        for dy in (-reach..=reach).step_by(step) {
            for dx in (-reach..=reach).step_by(step) {
                let place = [centre[0] + dx, centre[1] + dy];
                let value = at(place);
                if value > found.1 {
                    found = (place, value);
                }
            }
        }
        best = found;
        found.0
    };
    let coarse = look(middle, REACH, 2);
    look(coarse, 1, 1);
    let (place, correlation) = best;
    let between = |axis: usize| {
        let beside = |d: i32| {
            let mut to = place;
            to[axis] += d;
            at(to)
        };
        let (left, right) = (beside(-1), beside(1));
        let curve = left - 2.0 * correlation + right;
        if curve < 0.0 {
            (0.5 * (left - right) / curve).clamp(-0.5, 0.5)
        } else {
            0.0
        }
    };
    Match {
        by: [place[0] as f32 + between(0), place[1] as f32 + between(1)],
        correlation,
    }
}

/// Correlation of `part` of `before` with the same part of `now`, moved by whole pixels; -1 where too little of it is left.
pub(super) fn correlation(before: &[i16], now: &[i16], part: Part, [dx, dy]: [i32; 2]) -> f32 {
    let side = SIDE as i32;
    let clip = |[from, to]: [i32; 2], d: i32| [from.max(-d).max(0), to.min(side - d).min(side)];
    let (x, y) = (clip(part.x, dx), clip(part.y, dy));
    if x[1] - x[0] < OVERLAP || y[1] - y[0] < OVERLAP {
        return -1.0;
    }
    let columns = (x[1] - x[0]) as usize;
    let mut sums = [0i64; 6];
    for row in y[0]..y[1] {
        let a = &before[(row * side + x[0]) as usize..][..columns];
        let b = &now[((row + dy) * side + x[0] + dx) as usize..][..columns];
        let mut of_row = [0i32; 6];
        for (&a, &b) in a.iter().zip(b) {
            let lit = i32::from(a > BLACK && b > BLACK);
            let (a, b) = (lit * i32::from(a), lit * i32::from(b));
            for (sum, v) in of_row.iter_mut().zip([lit, a, b, a * a, b * b, a * b]) {
                *sum += v;
            }
        }
        for (sum, v) in sums.iter_mut().zip(of_row) {
            *sum += i64::from(v);
        }
    }
    let count = sums[0] as f64;
    if 4.0 * count < (columns as f64) * f64::from(y[1] - y[0]) {
        return -1.0;
    }
    let [_, a, b, aa, bb, ab] = sums.map(|v| v as f64 / count);
    let spread = (aa - a * a) * (bb - b * b);
    if spread <= 1e-6 {
        return 0.0;
    }
    ((ab - a * b) / spread.sqrt()) as f32
}
