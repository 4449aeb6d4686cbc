//! `sonograde capture record`: what a source gives, as a clip or as pictures, with nothing outside the pane.
//!
//! Captures on the caller's thread and writes on one of its own, so that a slow disk costs counted pictures and no others.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, TrySendError, sync_channel};
use std::thread;

use super::pictures::Pictures;
use super::{From, watch};
use crate::capture::{RecordError, Recorder};
use crate::cmd::{Code, Failure, seconds};
use crate::frame::Frame;
use crate::one_line;
use crate::pipeline::Pace;
use crate::screen::{PanePreset, Screen};

/// How many pictures may wait for the disk: half a second.
const WAITING: usize = 32;

/// Records what a source gives: a clip, sample for sample with time stamps, or pictures for training.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    from: From,
    /// A clip whose name ends in .y4m; any other name is a folder for PNG pictures of the pane, repeats left out.
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
    /// The pane, outside which everything becomes black: full, contrast-left, contrast-right or x,y,w,h; the
    /// config's if not given.
    #[arg(long, value_name = "PANE")]
    pane: Option<PanePreset>,
    /// How long to record, in seconds; until Ctrl-C if not given.
    #[arg(long, value_name = "N", value_parser = seconds)]
    seconds: Option<f64>,
    /// Of pictures, one in so many seconds; each that is new if not given.
    #[arg(long, value_name = "N", value_parser = seconds)]
    every: Option<f64>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let (mut open, pace, configured) = args.from.choose()?;
    let Some(pane) = args.pane.or(configured) else {
        let words = "no pane: what is beside it can name the patient; give --pane x,y,w,h, or --pane full to record all";
        return Err(Failure::new(Code::Rectangle, words));
    };
    let screen = Screen {
        pane: Some(pane),
        roi: None,
    };
    let clip = args.out.extension().is_some_and(|extension| extension == "y4m");
    if clip && args.every.is_some() {
        return Err(Failure::new(
            Code::Output,
            "--every is for pictures: a clip keeps every one",
        ));
    }
    let mut source = open()?;
    let sink = match clip {
        true => Sink::Clip(Recorder::create(&args.out, screen)?),
        false => Sink::Pictures(Pictures::create(&args.out, screen, args.every)?),
    };
    let (send, receive) = sync_channel::<Frame>(WAITING);
    let mut skipped = 0u64;
    let (watched, (sink, written)) = thread::scope(|scope| {
        let writer = scope.spawn(move || write(sink, &receive));
        let watched = watch(&mut *source, args.seconds, |frame| match pace {
            Pace::Device => match send.try_send(frame) {
                Err(TrySendError::Full(_)) => {
                    skipped += 1;
                    true
                }
                sent => sent.is_ok(),
            },
            _ => send.send(frame).is_ok(),
        });
        drop(send);
        let wrote = writer
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (watched, wrote)
    });
    let watched = watched?;
    let count = sink.finish()?;
    let kept = match count {
        0 => String::new(),
        n => format!("; {n} whole pictures are kept in {}", args.out.display()),
    };
    if let Err(error) = written {
        let failure = Failure::from(error);
        let words = format!("{}{kept}", one_line(&*failure.error));
        return Err(Failure::new(failure.code, words));
    }
    if let Some(error) = watched.error {
        let words = format!("{}{kept}", one_line(&error));
        return Err(Failure::new(Code::Input, words));
    }
    if count == 0 {
        let why = watched.without.as_ref().and_then(|signal| signal.reason());
        let words = format!(
            "{}: nothing recorded: {}",
            source.describe(),
            why.unwrap_or("no picture came")
        );
        return Err(Failure::new(Code::Input, words));
    }
    println!(
        "{}: {count} pictures of {}",
        args.out.display(),
        source.describe()
    );
    let lost = source.lost();
    if (lost.missed, lost.damaged, lost.overtaken, skipped) != (0, 0, 0, 0) {
        println!(
            "not recorded: {} missed by the driver, {} damaged, {} overtaken, {skipped} because the disk was slow",
            lost.missed, lost.damaged, lost.overtaken
        );
    }
    Ok(())
}

/// Writes what comes until nothing more does or it fails.
fn write(mut sink: Sink, frames: &Receiver<Frame>) -> (Sink, Result<(), RecordError>) {
    for mut frame in frames {
        let added = match &mut sink {
            Sink::Clip(recorder) => recorder.add(&mut frame),
            Sink::Pictures(pictures) => pictures.add(&frame),
        };
        if added.is_err() {
            return (sink, added);
        }
    }
    (sink, Ok(()))
}

/// What is being written.
enum Sink {
    Clip(Recorder),
    Pictures(Pictures),
}

impl Sink {
    /// Gives how many pictures are there.
    fn finish(self) -> Result<u64, RecordError> {
        match self {
            Self::Clip(recorder) => recorder.finish(),
            Self::Pictures(pictures) => pictures.finish(),
        }
    }
}
