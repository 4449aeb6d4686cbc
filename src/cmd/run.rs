//! `sonograde run`: the daemon.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::TimeDelta;

use super::Failure;
use super::daemon::{self, Show};
use crate::capture::phantom::Phantom;
use crate::capture::{Paced, clip, v4l2};
use crate::config::{Config, Model, Source};
use crate::package::{InService, PackageError};
use crate::pipeline::{News, Opener, Pace, Parts};
use crate::screen::Screen;
use crate::store::Store;

/// Grades what the scanner shows, until it is told to stop.
#[derive(clap::Args)]
pub struct Args {
    /// The daemon's config.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Write a JSON line for each frame and each verdict to stdout.
    #[arg(long)]
    json: bool,
}

/// Runs the daemon until SIGINT or SIGTERM.
///
/// # Errors
/// [`Failure`] for what it cannot start without. A missing or broken capture device is none: it is shown.
pub fn run(args: &Args) -> Result<(), Failure> {
    let config = Config::load(&args.config)?;
    let (model, news) = model(config.model)?;
    let listener = daemon::listen(&config.web.listen)?;
    let store = Arc::new(Store::open(&config.store.path)?);
    let (open, pace, source) = source(&config.source);
    let parts = Parts {
        open,
        pace,
        screen: Screen {
            pane: config.screen.pane,
            roi: config.screen.roi,
        },
        model,
        news,
        store,
        source,
        idle: TimeDelta::seconds(config.exam.idle_s.into()),
        key_every_ms: u64::from(config.exam.key_frame_every_s) * 1000,
        events: None,
    };
    let show = if args.json { Show::Lines } else { Show::Log };
    daemon::serve(parts, Some(listener), show, false).map(|_| ())
}

/// The model to begin with, and where later ones come from.
fn model(model: Model) -> Result<(InService, Option<News>), PackageError> {
    match model {
        Model::Shipped(runtime) => Ok((InService::shipped(runtime)?, None)),
        Model::File(path, runtime) => Ok((InService::file(&path, runtime)?, None)),
        Model::Installed(shelf) => {
            let mut watch = shelf.watch();
            let first = watch.settle()?;
            Ok((first, Some(Box::new(move || watch.news()))))
        }
    }
}

/// How the source is opened, its pace, and words for it.
pub(super) fn source(source: &Source) -> (Opener, Pace, String) {
    match source {
        Source::V4l2 {
            device,
            width,
            height,
            fps,
            format,
            edid,
        } => {
            let options = v4l2::Options {
                device: device.clone(),
                width: *width,
                height: *height,
                fps: *fps,
                format: format.clone(),
                edid: edid.clone(),
            };
            let open: Opener = Box::new(move || Ok(Box::new(v4l2::open(&options)?)));
            (open, Pace::Device, format!("v4l2 {}", device.display()))
        }
        Source::Clip { path } => {
            let name = format!("clip {}", path.display());
            let path = path.clone();
            (
                Box::new(move || Ok(Box::new(Paced::new(clip::open(&path)?)))),
                Pace::Recording,
                name,
            )
        }
        Source::Phantom { seed, grade, seconds } => {
            let (seed, grade, seconds) = (*seed, *grade, *seconds);
            let open: Opener = Box::new(move || Ok(Box::new(Paced::new(Phantom::new(seed, grade, seconds)))));
            (open, Pace::Recording, format!("phantom seed {seed}"))
        }
    }
}
