//! `sonograde bench --engines`: the network alone, by each engine and kernel that this machine can run.
//!
//! The engines take turns, so that all see the same noise of the machine. The pictures are noise: an engine's time does
//! not depend on what is on them.

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::{median_us, timed};
use crate::cmd::{Code, Failure};
use crate::infer::{self, Choice, Model, Runtime};

/// What was measured.
#[derive(Serialize)]
struct Figures {
    model: String,
    /// Pictures for each engine.
    pictures: u32,
    engines: Vec<Engine>,
    /// Products a second in a loop of nothing else, between the pictures, in thousands of millions: by the kernel that
    /// `SONOGRADE_KERNEL` names, or else the fastest, on one thread.
    peak_gmacs: Option<f64>,
    /// Part of the peak that the layers together reach.
    of_peak: Option<f64>,
    layers: Vec<Layer>,
}

/// An engine's times in milliseconds.
#[derive(Serialize)]
struct Engine {
    engine: String,
    threads: usize,
    /// From the file's bytes to the first score.
    load_ms: f64,
    least_ms: f64,
    median_ms: f64,
    /// A picture after 250 ms without one, as pictures come from a scanner.
    after_idle_ms: f64,
}

/// A layer by the same kernel, one thread.
#[derive(Serialize)]
struct Layer {
    layer: String,
    /// Products of a picture in millions.
    mmacs: f64,
    us: f64,
    gmacs: f64,
    of_peak: Option<f64>,
}

/// Pictures that an engine runs before it is the next one's turn.
const TURN: u32 = 5;
/// The idleness before a frame at four new pictures a second.
const IDLE: Duration = Duration::from_millis(250);

/// Measures with `pictures` pictures for each engine, and prints.
///
/// # Errors
/// [`Failure`] if the shipped model cannot be used.
pub fn run(pictures: u32, json: bool) -> Result<(), Failure> {
    let figures = measure(pictures)?;
    if json {
        let text = serde_json::to_string(&figures).map_err(|e| Failure::new(Code::Other, e))?;
        println!("{text}");
        return Ok(());
    }
    println!("{} | median of {} pictures", figures.model, figures.pictures);
    println!(
        "{:>20} threads  load ms  least ms  median ms  after idle ms",
        "engine"
    );
    for e in &figures.engines {
        println!(
            "{:>20} {:7} {:8.1} {:9.3} {:10.3} {:14.3}",
            e.engine, e.threads, e.load_ms, e.least_ms, e.median_ms, e.after_idle_ms
        );
    }
    let percent = |part: Option<f64>| part.map_or("-".into(), |p| format!("{:.0} %", 100.0 * p));
    for l in &figures.layers {
        println!(
            "{:>20} {:9.1} µs {:7.1} GMAC/s {:>5}",
            l.layer,
            l.us,
            l.gmacs,
            percent(l.of_peak)
        );
    }
    if let Some(peak) = figures.peak_gmacs {
        println!(
            "peak {peak:.0} GMAC/s; the layers together reach {}",
            percent(figures.of_peak)
        );
    }
    Ok(())
}

/// An engine and what was seen of it.
struct Contender {
    model: Model,
    threads: usize,
    load: Duration,
    times: Vec<Duration>,
    after_idle: Vec<Duration>,
}

fn measure(pictures: u32) -> Result<Figures, Failure> {
    let mut runtimes = Vec::new();
    for kernel in infer::kernels() {
        for threads in [1, 2] {
            runtimes.push((Choice::Repvgg, Some(kernel), NonZeroUsize::new(threads)));
        }
    }
    runtimes.push((Choice::Tract, None, None));
    let mut contenders = Vec::new();
    for (engine, kernel, threads) in runtimes {
        let start = Instant::now();
        let model = Model::open(
            None,
            Runtime {
                engine,
                threads,
                kernel,
            },
        )?;
        let load = start.elapsed();
        let threads = threads.map_or(1, NonZeroUsize::get);
        contenders.push(Contender {
            model,
            threads,
            load,
            times: Vec::new(),
            after_idle: Vec::new(),
        });
    }
    let mut random = oorandom::Rand32::new(7);
    let noise: Vec<u8> = (0..contenders[0].model.input_bytes())
        .map(|_| random.rand_u32() as u8)
        .collect();
    for _ in 0..pictures.div_ceil(TURN) {
        for c in &mut contenders {
            std::thread::sleep(IDLE);
            for n in 0..=TURN {
                let (result, time) = timed(|| c.model.run(&noise));
                result?;
                if n == 0 { &mut c.after_idle } else { &mut c.times }.push(time);
            }
        }
    }
    let own = Model::open(None, Choice::Repvgg.into())?;
    let (layers, peak_gmacs) = layers(&own, &noise, pictures)?;
    let (mmacs, us) = layers
        .iter()
        .fold((0.0, 0.0), |(m, t), l| (m + l.mmacs, t + l.us));
    let identity = own.identity();
    Ok(Figures {
        model: format!("{} {}", identity.name, identity.version),
        pictures,
        peak_gmacs,
        of_peak: peak_gmacs.map(|peak| mmacs / us * 1e3 / peak),
        layers,
        engines: contenders.into_iter().map(Contender::figures).collect(),
    })
}

impl Contender {
    fn figures(mut self) -> Engine {
        let median_ms = median_us(&mut self.times) / 1e3;
        Engine {
            engine: self.model.engine().into(),
            threads: self.threads,
            load_ms: self.load.as_secs_f64() * 1e3,
            // Sorted by the median.
            least_ms: self.times.first().map_or(f64::NAN, |t| t.as_secs_f64() * 1e3),
            median_ms,
            after_idle_ms: median_us(&mut self.after_idle) / 1e3,
        }
    }
}

/// Products a second in a loop of nothing else, in thousands of millions.
fn peak(model: &Model) -> Option<f64> {
    let (products, time) = timed(|| model.peak(20_000));
    products.map(|n| n as f64 / time.as_secs_f64() / 1e9)
}

/// The layers, and the median peak between the pictures: a processor's clock is not the same from one minute to the next.
fn layers(model: &Model, picture: &[u8], pictures: u32) -> Result<(Vec<Layer>, Option<f64>), Failure> {
    let mut times = vec![Vec::new(); model.layers().len()];
    let mut peaks = Vec::new();
    for _ in 0..pictures {
        peaks.extend(peak(model));
        let mut start = Instant::now();
        model.step(picture, |layer| {
            times[layer].push(start.elapsed());
            start = Instant::now();
        })?;
    }
    peaks.sort_by(f64::total_cmp);
    let peak = peaks.get(peaks.len() / 2).copied();
    let figures = model.layers().iter().zip(&mut times).map(|(layer, times)| {
        let us = median_us(times);
        let gmacs = layer.products as f64 / us / 1e3;
        Layer {
            layer: layer.name.clone(),
            mmacs: layer.products as f64 / 1e6,
            us,
            gmacs,
            of_peak: peak.map(|peak| gmacs / peak),
        }
    });
    Ok((figures.collect(), peak))
}
