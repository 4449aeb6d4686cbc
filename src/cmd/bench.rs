//! `sonograde bench`: how long each stage takes on this very box.
//!
//! One simulated exam's frames go through the stages in turn, so that all stages see the same noise of the machine;
//! medians are given. Capture, preprocessing and inference run on one thread here, as in the daemon.

mod engines;

use std::time::{Duration, Instant};

use serde::Serialize;

use super::{Code, Failure};
use crate::capture::phantom::{Grade, Phantom};
use crate::capture::{Captured, FrameSource};
use crate::exam::record::Graded;
use crate::frame::{BufferPool, Frame, Rect};
use crate::grader::Grader;
use crate::infer::{Choice, Model, Runtime};
use crate::preprocess::Preprocessor;
use crate::screen::{Layout, Watch};
use crate::store::{Encryption, KeyFile, Store};

/// Measures each stage on this machine.
#[derive(clap::Args)]
pub struct Args {
    /// Write the figures as JSON.
    #[arg(long)]
    json: bool,
    /// The network alone, by each engine and kernel of this machine.
    #[arg(long)]
    engines: bool,
    /// What runs the model of the stages.
    #[arg(long, value_enum, default_value_t, conflicts_with = "engines")]
    engine: Choice,
    /// New pictures to measure with.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(3..10_000))]
    pictures: u32,
}

/// Medians in microseconds.
#[derive(Serialize)]
struct Figures {
    /// What a frame is.
    frame: String,
    /// The model and its engine.
    model: String,
    /// Pictures measured.
    pictures: u32,
    /// A captured frame copied to a buffer of the pool.
    capture_copy_us: f64,
    /// A 600×600 ROI cut out, converted, scaled and quantized.
    preprocess_us: f64,
    /// A drawn lesion followed and cut out of a new picture, and the picture judged.
    screen_us: f64,
    /// The same of a repeat.
    repeat_us: f64,
    /// The network.
    inference_us: f64,
    /// Score and activation map read from the network's outputs.
    map_us: f64,
    /// A scored frame stored, with its share of a durable commit of three.
    store_us: f64,
    /// All of it for one new frame.
    whole_frame_us: f64,
    /// What is not inference, in percent of the whole.
    other_than_inference_percent: f64,
}

/// Measures and prints.
///
/// # Errors
/// [`Failure`] if the model or a temporary store cannot be used.
pub fn run(args: &Args) -> Result<(), Failure> {
    if args.engines {
        return engines::run(args.pictures, args.json);
    }
    let figures = measure(args.pictures, args.engine)?;
    if args.json {
        let text = serde_json::to_string(&figures).map_err(|e| Failure::new(Code::Other, e))?;
        println!("{text}");
        return Ok(());
    }
    println!(
        "{} | {} | median of {} pictures",
        figures.frame, figures.model, figures.pictures
    );
    for (stage, us) in [
        ("capture copy", figures.capture_copy_us),
        ("preprocess", figures.preprocess_us),
        ("screen, new", figures.screen_us),
        ("screen, repeat", figures.repeat_us),
        ("inference", figures.inference_us),
        ("map", figures.map_us),
        ("store", figures.store_us),
        ("whole frame", figures.whole_frame_us),
    ] {
        println!("{stage:>14} {us:>10.1} µs");
    }
    println!(
        "not inference: {:.1} % of the whole frame",
        figures.other_than_inference_percent
    );
    Ok(())
}

/// Each stage's times.
#[derive(Default)]
struct Times {
    copy: Vec<Duration>,
    preprocess: Vec<Duration>,
    screen: Vec<Duration>,
    repeat: Vec<Duration>,
    inference: Vec<Duration>,
    map: Vec<Duration>,
    store: Vec<Duration>,
    whole: Vec<Duration>,
}

fn measure(pictures: u32, engine: Choice) -> Result<Figures, Failure> {
    let mut phantom = Phantom::new(1, Grade::High, 3600.0);
    let pane = phantom.pane();
    let roi = Rect {
        w: pane.w.min(600),
        h: pane.h.min(600),
        ..pane
    };
    let layout = Layout { pane, roi };
    let runtime = Runtime::from(engine);
    let mut grader = Grader::new(Model::open(None, runtime)?);
    let model = Model::open(None, runtime)?;
    let mut preprocessor = Preprocessor::new(model.contract().width, model.contract().height);
    let mut input = vec![0; model.input_bytes()];
    let drawn = Layout {
        pane,
        roi: phantom.roi(),
    };
    let mut watch = Watch::new(drawn, model.contract().width, model.contract().height);
    let folder = tempfile::tempdir().map_err(|e| Failure::new(Code::Store, e))?;
    let store = &folder.path().join("store");
    let store = Store::open_with(store, &Encryption::On(KeyFile::of(store, None)))?;
    let pool = BufferPool::default();
    let mut times = Times::default();
    while (times.whole.len() as u32) < pictures {
        let Captured::Frame(frame) = phantom.next(&pool, Duration::ZERO)? else {
            break;
        };
        let (bytes, copy) = timed(|| pool.copy_of(&frame.bytes));
        let frame = Frame { bytes, ..frame };
        // Right after the copy, as in the daemon: the picture is as warm as it comes.
        let (prepared, preprocess) = timed(|| preprocessor.run(&frame, roi, &mut input));
        prepared.map_err(|e| Failure::new(Code::Input, e))?;
        let (graded, grade) = timed(|| grader.grade(&frame, layout));
        let graded = graded?;
        if graded.outcome.is_err() {
            continue;
        }
        for stage in [&mut times.screen, &mut times.repeat] {
            let (looked, look) = timed(|| watch.look(&frame));
            looked.map(drop).map_err(|e| Failure::new(Code::Input, e))?;
            stage.push(look);
        }
        let (outputs, inference) = timed(|| model.run(&input));
        let outputs = outputs?;
        let (_, map) = timed(|| model.read(outputs));
        let (stored, store) = timed(|| store_share(&store, &graded, times.whole.len()));
        stored?;
        times.copy.push(copy);
        times.preprocess.push(preprocess);
        times.inference.push(inference);
        times.map.push(map);
        times.store.push(store);
        times.whole.push(copy + grade + store);
    }
    let (inference_us, whole_frame_us) = (median_us(&mut times.inference), median_us(&mut times.whole));
    Ok(Figures {
        frame: "1920x1080 yuyv, ROI 600x600".into(),
        model: format!(
            "{} {} by {}",
            model.identity().name,
            model.identity().version,
            model.engine()
        ),
        pictures,
        capture_copy_us: median_us(&mut times.copy),
        preprocess_us: median_us(&mut times.preprocess),
        screen_us: median_us(&mut times.screen),
        repeat_us: median_us(&mut times.repeat),
        inference_us,
        map_us: median_us(&mut times.map),
        // Two of three appends have no commit: the mean is the share of each.
        store_us: times.store.iter().map(Duration::as_secs_f64).sum::<f64>() * 1e6 / times.store.len() as f64,
        whole_frame_us,
        other_than_inference_percent: 100.0 * (1.0 - inference_us / whole_frame_us),
    })
}

/// Scored frames that share a commit at 15 new pictures a second.
const COMMIT_EVERY: usize = 3;

fn store_share(store: &Store, graded: &Graded, n: usize) -> Result<(), crate::store::StoreError> {
    store.append("20260101T000000.000Z-0000", graded)?;
    if n % COMMIT_EVERY == COMMIT_EVERY - 1 {
        store.commit()
    } else {
        Ok(())
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let done = work();
    (done, start.elapsed())
}

fn median_us(times: &mut [Duration]) -> f64 {
    times.sort();
    times
        .get(times.len() / 2)
        .map_or(f64::NAN, |t| t.as_secs_f64() * 1e6)
}
