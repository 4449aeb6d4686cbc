//! `sonograde capture`: what there is to capture from, what it gives, and recordings of it.

mod list;
mod pictures;
mod probe;
mod record;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::{Code, Failure, daemon, run};
use crate::capture::{CaptureError, Captured, FrameSource, Signal};
use crate::config::{Config, Source};
use crate::frame::{BufferPool, Frame};
use crate::pipeline::{Opener, Pace};
use crate::screen::PanePreset;

/// Lists capture devices, tries one, records what it gives.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    List(list::Args),
    Probe(probe::Args),
    Record(record::Args),
}

/// Does what `args` ask for.
///
/// # Errors
/// [`Failure`]: the source cannot be opened or gives nothing, or the output cannot be written.
pub fn run(args: &Args) -> Result<(), Failure> {
    match &args.command {
        Command::List(args) => list::run(args),
        Command::Probe(args) => probe::run(args),
        Command::Record(args) => record::run(args),
    }
}

/// What to capture from.
#[derive(clap::Args)]
struct From {
    /// A capture device (its path, name or bus as `list` shows them), or a recording.
    #[arg(value_name = "SOURCE", required_unless_present = "config")]
    source: Option<PathBuf>,
    /// The daemon's config, whose source and screen are taken.
    #[arg(long, value_name = "FILE", conflicts_with = "source")]
    config: Option<PathBuf>,
}

impl From {
    /// The source, its pace, and the pane where the config has one.
    fn choose(&self) -> Result<(Opener, Pace, Option<PanePreset>), Failure> {
        let (source, pane) = match (&self.config, &self.source) {
            (Some(path), _) => {
                let config = Config::load(path)?;
                (config.source, Some(config.screen.pane))
            }
            (None, source) => {
                let path = source.clone().unwrap_or_default();
                let recording = path.is_file() || path.is_dir();
                let source = match recording {
                    true => Source::Clip { path },
                    false => Source::device(path),
                };
                (source, None)
            }
        };
        let (open, pace, _) = run::source(&source);
        Ok((open, pace, pane))
    }
}

/// The longest a source may wait for a frame before we look around.
const WAIT: Duration = Duration::from_millis(100);

/// How watching a source ended.
struct Watched {
    /// Since the first call.
    lasted: Duration,
    /// Why there was no picture when it ended.
    without: Option<Signal>,
    error: Option<CaptureError>,
}

/// Gives each picture to `take` until that says no, `seconds` are over, the source is, or the user ends the command.
fn watch(
    source: &mut dyn FrameSource,
    seconds: Option<f64>,
    mut take: impl FnMut(Frame) -> bool,
) -> Result<Watched, Failure> {
    let stop = Stop::new()?;
    let pool = BufferPool::default();
    let began = Instant::now();
    let until = seconds.map(|seconds| began + Duration::from_secs_f64(seconds));
    let (mut without, mut error) = (None, None);
    while !stop.asked() && until.is_none_or(|until| Instant::now() < until) {
        match source.next(&pool, WAIT) {
            Ok(Captured::Frame(frame)) => {
                without = None;
                if !take(frame) {
                    break;
                }
            }
            Ok(Captured::Nothing) => {}
            Ok(Captured::NoPicture(signal)) => without = Some(signal),
            Ok(Captured::End) => break,
            Err(failed) => {
                error = Some(failed);
                break;
            }
        }
    }
    Ok(Watched {
        lasted: began.elapsed(),
        without,
        error,
    })
}

/// Whether SIGINT or SIGTERM came.
struct Stop {
    /// Listens for as long as it lives.
    _runtime: Runtime,
    asked: watch::Receiver<bool>,
}

impl Stop {
    fn new() -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|error| Failure::new(Code::Other, error))?;
        let (stop, asked) = watch::channel(false);
        runtime.spawn(daemon::on_signal(stop));
        Ok(Self {
            _runtime: runtime,
            asked,
        })
    }

    fn asked(&self) -> bool {
        *self.asked.borrow()
    }
}

/// A failure to write is not the source's fault.
fn output(error: std::io::Error) -> Failure {
    Failure::new(Code::Output, format!("cannot write to stdout: {error}"))
}
