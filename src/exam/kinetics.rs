//! A time-intensity curve → arrival, time to peak, peak, wash-in, mean transit time, wash-out.
//!
//! The curve is a log-normal first pass (Strouthos et al. 2010, 10.1109/TUFFC.2010.1550) over a blood pool that fills with
//! it and is cleared slowly, on a constant background. Levenberg-Marquardt finds it, and weighs down what lies far off
//! (Huber 1964, 10.1214/aoms/1177703732), four times over. Pure.
//!
//! Whether a fit is good is said by R² and by the standard error of every figure; the errors of neighbouring samples are
//! correlated, and their number is reduced by that.

use levenberg_marquardt::{LeastSquaresProblem, LevenbergMarquardt};
use nalgebra::{DVector, Dyn, Matrix6, OMatrix, Owned, U1, U6, Vector6};
use serde::{Deserialize, Serialize};

/// The blood pool is cleared with this time constant, in seconds.
const CLEARANCE_S: f64 = 120.0;
/// Contrast has arrived when this share of the peak has.
const ARRIVED: f64 = 0.1;
/// Wash-out is what is lost this long after the peak.
const WASH_OUT_S: f64 = 30.0;
/// Fewer samples than these are no curve.
const LEAST: usize = 25;
/// A fit below this R², or with a figure whose standard error is above this share of it, is poor.
const LEAST_R2: f64 = 0.9;
const MOST_ERROR: f64 = 0.025;
/// Residuals of more than this many standard deviations count less.
const HUBER: f64 = 1.5;
const PASSES: usize = 4;

/// What a curve says of the tissue. Intensities are in the unit of the curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kinetics {
    /// When a tenth of the peak enhancement is reached, in seconds on the curve's clock.
    pub arrival_s: f32,
    /// From arrival to the peak, in seconds.
    pub time_to_peak_s: f32,
    /// Highest intensity above the background.
    pub peak: f32,
    /// Steepest rise, per second.
    pub wash_in_per_s: f32,
    /// Mean transit time of the first pass, in seconds.
    pub mean_transit_s: f32,
    /// Share of the peak that is lost 30 s after it.
    pub wash_out: f32,
}

/// A fitted curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// What it says.
    pub kinetics: Kinetics,
    /// Share of the variance that the fit explains.
    pub r2: f32,
    /// The figures are not to be trusted.
    pub poor: bool,
}

/// [`Kinetics`] in the order of its fields, to be reckoned with.
type Figures = [f64; 6];

impl From<Figures> for Kinetics {
    fn from(figures: Figures) -> Self {
        let [
            arrival_s,
            time_to_peak_s,
            peak,
            wash_in_per_s,
            mean_transit_s,
            wash_out,
        ] = figures.map(|v| v as f32);
        Self {
            arrival_s,
            time_to_peak_s,
            peak,
            wash_in_per_s,
            mean_transit_s,
            wash_out,
        }
    }
}

/// When the first pass begins, logarithms of rise and spread, heights of first pass, pool and background.
#[derive(Clone, Copy, Debug)]
struct Shape(Vector6<f64>);

impl Shape {
    /// A shape with these figures; times in seconds.
    fn new(start_s: f64, rise_s: f64, spread: f64, [pass, pool, background]: [f64; 3]) -> Self {
        Self(Vector6::new(
            start_s,
            rise_s.ln(),
            spread.ln(),
            pass,
            pool,
            background,
        ))
    }

    /// Intensity above the background at `t` seconds.
    fn enhancement(&self, t: f64) -> f64 {
        let [start, rise, spread, pass, pool, _] = self.0.into();
        let since = t - start;
        if since <= 0.0 {
            return 0.0;
        }
        let x = since / rise.exp();
        let first = (-(x.ln() / spread.exp()).powi(2) / 2.0).exp();
        pass * first + pool * (1.0 - (-2.0 * x).exp()) * (-since / CLEARANCE_S).exp()
    }

    fn value(&self, t: f64) -> f64 {
        self.0[5] + self.enhancement(t)
    }

    /// What it says of the tissue; none if it has no peak within ten rise times.
    fn figures(&self) -> Option<Figures> {
        let [start, rise, spread, ..]: [f64; 6] = self.0.into();
        let (rise, spread) = (rise.exp(), spread.exp());
        let mean_transit_s = rise * (1.5 * spread * spread).exp();
        figures(start, rise / 200.0, mean_transit_s, |t| self.enhancement(t))
    }
}

/// Looks a curve's figures up: 2000 steps of `step` seconds from `start` on. None if it has no peak there.
fn figures(start: f64, step: f64, mean_transit_s: f64, enhancement: impl Fn(f64) -> f64) -> Option<Figures> {
    let at = |n: usize| start + n as f64 * step;
    let values: Vec<f64> = (0..2000).map(|n| enhancement(at(n))).collect();
    let top = (0..values.len()).max_by(|a, b| values[*a].total_cmp(&values[*b]))?;
    if top == 0 || top + 1 == values.len() {
        return None;
    }
    // Between the samples: where the parabola through the three highest has its top.
    let [before, peak, after] = [values[top - 1], values[top], values[top + 1]];
    let off = 0.5 * (before - after) / (before - 2.0 * peak + after);
    let peak_s = at(top) + off * step;
    let peak = enhancement(peak_s);
    let reached = values.iter().position(|v| *v >= ARRIVED * peak)?.max(1);
    let [below, above] = [values[reached - 1], values[reached]];
    let arrival_s = at(reached - 1) + step * (ARRIVED * peak - below) / (above - below);
    let rises = values.windows(2).take(top).map(|pair| (pair[1] - pair[0]) / step);
    let wash_in_per_s = rises.fold(0.0, f64::max);
    let wash_out = 1.0 - enhancement(peak_s + WASH_OUT_S) / peak;
    Some([
        arrival_s,
        peak_s - arrival_s,
        peak,
        wash_in_per_s,
        mean_transit_s,
        wash_out,
    ])
}

/// Fits a curve of (seconds, intensity) in the order of time; none if there is no enhancement to be found.
pub fn fit(samples: &[(f64, f64)]) -> Option<Fit> {
    if samples.len() < LEAST {
        return None;
    }
    let shape = starts(samples)
        .into_iter()
        .filter_map(|start| settle(samples, start))
        .min_by(|a, b| a.1.total_cmp(&b.1))?
        .0;
    let figures = shape.figures()?;
    let mean = samples.iter().map(|s| s.1).sum::<f64>() / samples.len() as f64;
    let residuals: Vec<f64> = samples.iter().map(|(t, v)| v - shape.value(*t)).collect();
    let squares: f64 = residuals.iter().map(|r| r * r).sum();
    let spread: f64 = samples.iter().map(|(_, v)| (v - mean).powi(2)).sum();
    let r2 = 1.0 - squares / spread;
    let storable = |v: f64| (v as f32).is_finite();
    let whole = figures.into_iter().chain([r2]).all(storable) && figures[2] > 0.0;
    whole.then(|| Fit {
        kinetics: figures.into(),
        r2: r2 as f32,
        poor: r2 < LEAST_R2 || error(samples, &shape, &residuals).is_none_or(|error| error > MOST_ERROR),
    })
}

/// Places to start from, read off the curve.
fn starts(samples: &[(f64, f64)]) -> Vec<Shape> {
    let smooth: Vec<f64> = (0..samples.len())
        .map(|i| {
            let near = &samples[i.saturating_sub(2)..(i + 3).min(samples.len())];
            near.iter().map(|s| s.1).sum::<f64>() / near.len() as f64
        })
        .collect();
    let top = (0..smooth.len())
        .max_by(|a, b| smooth[*a].total_cmp(&smooth[*b]))
        .unwrap_or(0);
    let background = smooth[..=top].iter().copied().fold(f64::INFINITY, f64::min);
    let peak = smooth[top] - background;
    let early = smooth[..=top]
        .iter()
        .rposition(|v| *v < background + ARRIVED * peak)
        .unwrap_or(0);
    let (peak_s, arrival_s) = (samples[top].0, samples[early].0);
    let mut starts = Vec::new();
    for lead in [0.0, 0.3] {
        for spread in [0.6, 1.0] {
            let rise = (peak_s - arrival_s).max(0.5) * (1.0 + lead);
            let heights = [0.8 * peak, 0.2 * peak, background];
            starts.push(Shape::new(peak_s - rise, rise, spread, heights));
        }
    }
    starts
}

/// The shape near `start` and what is left over.
fn settle(samples: &[(f64, f64)], start: Shape) -> Option<(Shape, f64)> {
    let mut problem = Problem {
        samples,
        weights: vec![1.0; samples.len()],
        shape: start,
    };
    let mut cost = f64::INFINITY;
    for _ in 0..PASSES {
        let (settled, report) = LevenbergMarquardt::new().with_patience(50).minimize(problem);
        problem = settled;
        if !report.objective_function.is_finite() {
            return None;
        }
        let misses: Vec<f64> = samples
            .iter()
            .map(|(t, v)| (v - problem.shape.value(*t)).abs())
            .collect();
        let mut sorted = misses.clone();
        sorted.sort_by(f64::total_cmp);
        // The median of a normal distribution's absolute values is 0.6745 standard deviations.
        let most = (HUBER * sorted[sorted.len() / 2] / 0.6745).max(f64::MIN_POSITIVE);
        problem.weights = misses.iter().map(|m| (most / m.max(most)).sqrt()).collect();
        cost = misses.iter().map(|m| m.min(most) * (m - 0.5 * m.min(most))).sum();
    }
    cost.is_finite().then_some((problem.shape, cost))
}

/// The largest standard error of a figure, as a share of it.
fn error(samples: &[(f64, f64)], shape: &Shape, residuals: &[f64]) -> Option<f64> {
    let jacobian = jacobian(samples, shape, &vec![1.0; samples.len()]);
    let squares: f64 = residuals.iter().map(|r| r * r).sum();
    let lagged: f64 = residuals.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let alike = (lagged / squares.max(f64::MIN_POSITIVE)).clamp(0.0, 0.99);
    let variance = squares / (samples.len() as f64 - 6.0) * (1.0 + alike) / (1.0 - alike);
    let product: Matrix6<f64> = jacobian.transpose() * &jacobian;
    let covariance = product.try_inverse()? * variance;
    let figures = shape.figures()?;
    let mut slopes = [[0.0; 6]; 6];
    for (n, slope) in slopes.iter_mut().enumerate() {
        let step = step(shape.0[n]);
        let mut moved = *shape;
        moved.0[n] += step;
        for ((slope, moved), figure) in slope.iter_mut().zip(moved.figures()?).zip(figures) {
            *slope = (moved - figure) / step;
        }
    }
    let errors = (0..6).map(|figure| {
        let slope = Vector6::from_fn(|n, _| slopes[n][figure]);
        (slope.transpose() * covariance * slope)[0].sqrt() / figures[figure].abs()
    });
    Some(errors.fold(0.0, |worst: f64, error| {
        if error > worst || error.is_nan() {
            error
        } else {
            worst
        }
    }))
}

fn step(value: f64) -> f64 {
    1e-5 * value.abs().max(1e-2)
}

fn jacobian(samples: &[(f64, f64)], shape: &Shape, weights: &[f64]) -> OMatrix<f64, Dyn, U6> {
    let mut slopes = OMatrix::<f64, Dyn, U6>::zeros(samples.len());
    for n in 0..6 {
        let step = step(shape.0[n]);
        let (mut up, mut down) = (*shape, *shape);
        up.0[n] += step;
        down.0[n] -= step;
        for (row, ((t, _), weight)) in samples.iter().zip(weights).enumerate() {
            slopes[(row, n)] = weight * (up.value(*t) - down.value(*t)) / (2.0 * step);
        }
    }
    slopes
}

struct Problem<'a> {
    samples: &'a [(f64, f64)],
    weights: Vec<f64>,
    shape: Shape,
}

impl LeastSquaresProblem<f64, Dyn, U6> for Problem<'_> {
    type ResidualStorage = Owned<f64, Dyn, U1>;
    type JacobianStorage = Owned<f64, Dyn, U6>;
    type ParameterStorage = Owned<f64, U6>;

    fn set_params(&mut self, parameters: &Vector6<f64>) {
        self.shape = Shape(*parameters);
    }

    fn params(&self) -> Vector6<f64> {
        self.shape.0
    }

    fn residuals(&self) -> Option<DVector<f64>> {
        let misses = self.samples.iter().zip(&self.weights);
        let misses = misses.map(|((t, v), weight)| weight * (self.shape.value(*t) - v));
        Some(DVector::from_iterator(self.samples.len(), misses))
    }

    fn jacobian(&self) -> Option<OMatrix<f64, Dyn, U6>> {
        Some(jacobian(self.samples, &self.shape, &self.weights))
    }
}

#[cfg(test)]
mod tests;
