//! `sonograde run`: the daemon.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use super::Failure;
use super::daemon::{self, Doors, Ended, Show};
use super::service;
use crate::audit::Trail;
use crate::audit::syslog::{self, Forwarding};
use crate::capture::phantom::Phantom;
use crate::capture::{Paced, clip, v4l2};
use crate::config::{Bedside, Config, Model, Source, Text};
use crate::package::{InService, PackageError};
use crate::pipeline::{News, Opener, Pace, Parts};
use crate::process;
use crate::screen::Screen;
use crate::store::{Policy, Store};
use crate::uplink::Plan;

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

/// Runs the daemon until SIGINT or SIGTERM. SIGHUP: reads the config again, once no exam runs.
///
/// # Errors
/// [`Failure`] for what it cannot start without. A missing or broken capture device is none: it is shown.
pub fn run(args: &Args) -> Result<(), Failure> {
    let path = &args.config;
    let show = if args.json { Show::Lines } else { Show::Log };
    let mut last: Option<Text> = None;
    loop {
        let fresh = Text::read(path).map_err(Failure::from);
        let fresh = fresh.and_then(|text| prepare(text.parse()?).map(|ready| (text, ready)));
        let (text, ready) = match (fresh, last) {
            (Ok(fresh), _) => fresh,
            (Err(failure), None) => return Err(failure),
            (Err(failure), Some(text)) => {
                tracing::error!("the old config goes on: {}", crate::one_line(&*failure.error));
                let ready = prepare(text.parse()?)?;
                (text, ready)
            }
        };
        last = Some(text);
        match daemon::serve(
            ready.parts,
            ready.uplink,
            ready.written,
            Some(ready.doors),
            show,
            false,
            Some(Bedside::new(path)),
        )? {
            Ended::Stopped => return Ok(()),
            Ended::Reload => tracing::info!("reading the config again"),
        }
    }
}

/// Whether the config can be gone on with; said either way.
pub(super) fn agree(path: &Path) -> bool {
    match Config::load(path) {
        Ok(_) => {
            tracing::info!("the config is read again when no exam runs");
            true
        }
        Err(error) => {
            tracing::error!("the config stays as it was: {}", crate::one_line(&error));
            false
        }
    }
}

/// Everything that the daemon cannot start without.
struct Ready {
    parts: Parts,
    uplink: Plan,
    /// Ends when the audit trail is written.
    written: JoinHandle<()>,
    doors: Doors,
    _forwarding: Option<Forwarding>,
}

fn prepare(config: Config) -> Result<Ready, Failure> {
    process::apply(&config.process);
    // The watchdog bit a slow machine whose model proved itself again in a reload.
    service::getting_ready();
    let (model, news) = model(config.model)?;
    service::getting_ready();
    let doors = Doors {
        cart: daemon::listen(&config.web.listen)?,
        network: config.web.network.map(daemon::listen_abroad).transpose()?,
    };
    let store = Arc::new(Store::open_with(&config.store.path, &config.store.encryption())?);
    let trail = Trail::of_store(&config.store.path);
    let (audit, written) = daemon::audit(&trail, Some(config.sha256), &model);
    let (open, pace, source) = source(&config.source);
    let uplink = Plan::new(&config.dicom, config.uplink)?;
    let parts = Parts {
        open,
        pace,
        screen: Screen {
            pane: Some(config.screen.pane),
            roi: config.screen.roi,
        },
        display: config.screen.display(),
        model,
        news,
        store,
        policy: Policy {
            addresses: uplink.addresses(),
            keep: config.store.keep(),
            audit: Some(audit.clone()),
        },
        audit,
        source,
        rules: config.exam.into(),
        panel: config.panel,
        events: None,
    };
    let forwarding = config.audit.syslog.map(|server| syslog::forward(trail, server));
    Ok(Ready {
        parts,
        uplink,
        written,
        doors,
        _forwarding: forwarding.transpose()?,
    })
}

/// The model to begin with, and where later ones come from.
pub(super) fn model(model: Model) -> Result<(InService, Option<News>), PackageError> {
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
