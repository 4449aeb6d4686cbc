//! `sonograde demo`: a simulated exam through the daemon's own pipeline, with nothing to install or configure.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::daemon::{self, Doors, Show};
use super::{Code, Failure};
use crate::audit::Trail;
use crate::capture::phantom::{Grade, Phantom};
use crate::capture::{FrameSource, Paced};
use crate::config::DEFAULT_LISTEN;
use crate::exam;
use crate::infer::Choice;
use crate::package::InService;
use crate::pipeline::{Opener, Pace, Parts};
use crate::screen::{PanePreset, Screen};
use crate::store::{Encryption, KeyFile, Policy, Store};
use crate::uplink::Plan;

/// Plays a simulated exam and grades it live.
#[derive(clap::Args)]
pub struct Args {
    /// Serve no page, and end with the exam.
    #[arg(long)]
    headless: bool,
    /// Length of the exam in seconds of the simulated scanner.
    #[arg(long, value_name = "N", default_value_t = 90.0, value_parser = super::seconds)]
    seconds: f64,
    /// As fast as pictures can be graded, instead of in real time; no picture is dropped.
    #[arg(long)]
    fast: bool,
    /// Write a JSON line for each frame and the verdict to stdout.
    #[arg(long)]
    json: bool,
    /// Which simulated patient.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The simulated tumour's grade.
    #[arg(long, value_enum, default_value_t = Grade::High)]
    grade: Grade,
    /// What runs the model.
    #[arg(long, value_enum, default_value_t)]
    engine: Choice,
    /// Address and port of the page.
    #[arg(long, value_name = "ADDR", default_value = DEFAULT_LISTEN)]
    listen: String,
    /// Keep the results in this folder instead of a temporary one.
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
}

/// Plays the exam. Without `--headless` the page stays up afterwards until SIGINT or SIGTERM.
///
/// # Errors
/// [`Failure`].
pub fn run(args: &Args) -> Result<(), Failure> {
    let doors = if args.headless {
        None
    } else {
        let cart = daemon::listen(&args.listen)?;
        Some(Doors { cart, network: None })
    };
    let temporary = match &args.store {
        Some(_) => None,
        None => Some(tempfile::tempdir().map_err(|e| Failure::new(Code::Store, e))?),
    };
    let folder = args
        .store
        .as_deref()
        .map(Path::to_owned)
        .or(temporary.as_ref().map(|dir| dir.path().join("store")));
    let folder = &folder.expect("one of the two is there");
    // Beside a temporary store its key is temporary too.
    let encryption = Encryption::On(KeyFile::of(folder, None));
    let store = Arc::new(Store::open_with(folder, &encryption)?);
    let model = InService::shipped(args.engine.into())?;
    let (audit, written) = daemon::audit(&Trail::of_store(folder), None, &model);
    let phantom = Phantom::new(args.seed, args.grade, args.seconds);
    let parts = Parts {
        screen: Screen {
            pane: Some(PanePreset::Rect(phantom.pane())),
            roi: Some(phantom.roi()),
        },
        display: phantom.display(),
        source: phantom.describe(),
        pace: if args.fast { Pace::Fast } else { Pace::Recording },
        open: once(phantom, args.fast),
        model,
        news: None,
        store,
        policy: Policy {
            audit: Some(audit.clone()),
            ..Policy::default()
        },
        audit,
        rules: exam::Settings::default().into(),
        panel: None,
        events: None,
    };
    let show = if args.json { Show::Lines } else { Show::Status };
    let uplink = Plan::default();
    daemon::serve(parts, uplink, written, doors, show, args.headless, None).map(|_| ())
}

/// Gives the phantom when it is opened. A recording is opened once.
fn once(phantom: Phantom, fast: bool) -> Opener {
    let mut source: Option<Box<dyn FrameSource>> = Some(if fast {
        Box::new(phantom)
    } else {
        Box::new(Paced::new(phantom))
    });
    Box::new(move || Ok(source.take().expect("a recording is opened once")))
}
