//! Where one small grey picture lies on another: normalised cross-correlation (J. P. Lewis, "Fast normalized
//! cross-correlation", Vision Interface, 1995), searched coarsely, then finely, then between pixels.

/// Side of the pictures in pixels.
pub(super) const SIDE: usize = 96;
/// Up to here is black: it lies outside the sector, and stays where it is when tissue moves.
const BLACK: u8 = 3;
/// How far is searched, in pixels.
const REACH: i32 = 8;
/// The coarse search looks at every so many rows.
const COARSE_ROWS: usize = 4;
/// Fewest columns and rows that two pictures must share.
const OVERLAP: i32 = 32;

/// A grey picture of [`SIDE`] × [`SIDE`] pixels, kept as the factors of its sums: small numbers, so that a row's sums are
/// vector instructions.
#[derive(Clone, Default)]
pub(super) struct Sketch {
    /// Half of the luma; 0 where it is black.
    level: Vec<i16>,
    /// Its square.
    square: Vec<i16>,
    /// 1 where it is not black.
    lit: Vec<i16>,
}

impl Sketch {
    /// Takes the luma of another picture.
    pub fn set(&mut self, luma: impl Iterator<Item = u8>) {
        let level = |v| if v > BLACK { i16::from(v / 2) } else { 0 };
        self.level.clear();
        self.level.extend(luma.map(level));
        self.square.clear();
        self.square.extend(self.level.iter().map(|v| v * v));
        self.lit.clear();
        self.lit.extend(self.level.iter().map(|v| i16::from(*v > 0)));
    }

    /// Half of the luma of each pixel; 0 where it is black.
    pub fn level(&self) -> &[i16] {
        &self.level
    }
}

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
pub(super) fn find(before: &Sketch, now: &Sketch, part: Part, near: [f32; 2]) -> Match {
    let middle = near.map(|v| v.round() as i32);
    let best = |centre: [i32; 2], reach: i32, step: usize, rows: usize| {
        let along = |axis: usize| (-reach..=reach).step_by(step).map(move |d| centre[axis] + d);
        let places = along(1).flat_map(|y| along(0).map(move |x| [x, y]));
        let valued = places.map(|place| (place, correlation(before, now, part, place, rows)));
        valued
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .expect("there are places")
    };
    let (coarse, _) = best(middle, REACH, 2, COARSE_ROWS);
    let (place, correlation_there) = best(coarse, 1, 1, 1);
    let between = |axis: usize| {
        let beside = |d: i32| {
            let mut to = place;
            to[axis] += d;
            correlation(before, now, part, to, 1)
        };
        let (left, right) = (beside(-1), beside(1));
        let curve = left - 2.0 * correlation_there + right;
        if curve < 0.0 {
            (0.5 * (left - right) / curve).clamp(-0.5, 0.5)
        } else {
            0.0
        }
    };
    Match {
        by: [place[0] as f32 + between(0), place[1] as f32 + between(1)],
        correlation: correlation_there,
    }
}

/// Correlation of `part` of `before` with the same part of `now`, moved by whole pixels, in every so many `rows`; -1 where too
/// little of it is left.
fn correlation(before: &Sketch, now: &Sketch, part: Part, [dx, dy]: [i32; 2], rows: usize) -> f32 {
    let side = SIDE as i32;
    let clip = |[from, to]: [i32; 2], d: i32| [from.max(-d).max(0), to.min(side - d).min(side)];
    let (x, y) = (clip(part.x, dx), clip(part.y, dy));
    if x[1] - x[0] < OVERLAP || y[1] - y[0] < OVERLAP {
        return -1.0;
    }
    let columns = (x[1] - x[0]) as usize;
    let (mut sums, mut pixels) = ([0i64; 6], 0.0);
    for row in (y[0]..y[1]).step_by(rows) {
        let from = (row * side + x[0]) as usize;
        let to = ((row + dy) * side + x[0] + dx) as usize;
        let a = [&before.lit, &before.level, &before.square].map(|v| &v[from..from + columns]);
        let b = [&now.lit, &now.level, &now.square].map(|v| &v[to..to + columns]);
        let of_row = [
            product(a[0], b[0]),
            product(a[1], b[0]),
            product(a[0], b[1]),
            product(a[2], b[0]),
            product(a[0], b[2]),
            product(a[1], b[1]),
        ];
        for (sum, v) in sums.iter_mut().zip(of_row) {
            *sum += i64::from(v);
        }
        pixels += columns as f64;
    }
    let count = sums[0] as f64;
    if 4.0 * count < pixels {
        return -1.0;
    }
    let [_, a, b, aa, bb, ab] = sums.map(|v| v as f64 / count);
    let spread = (aa - a * a) * (bb - b * b);
    if spread <= 1e-6 {
        return 0.0;
    }
    ((ab - a * b) / spread.sqrt()) as f32
}

fn product(a: &[i16], b: &[i16]) -> i32 {
    a.iter().zip(b).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
}
