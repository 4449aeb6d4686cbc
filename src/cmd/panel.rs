//! `sonograde panel`: the lamps and switches of `[panel]`, without the daemon.

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;

use super::{Code, Failure, seconds};
use crate::config::Config;
use crate::panel::{self, PanelError, Settings};

/// Shows what the lamps can say, or puts them out.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
    /// The daemon's config.
    #[arg(long, value_name = "FILE", global = true, default_value = super::CONFIG)]
    config: PathBuf,
}

#[derive(Subcommand)]
enum Action {
    /// Shows each state in turn and names it, and each press of a switch
    Test {
        /// How long each state is shown
        #[arg(long, value_name = "S", default_value_t = 4.0, value_parser = seconds)]
        seconds: f64,
    },
    /// Puts every lamp out: for after a daemon that was killed
    Off,
}

impl From<PanelError> for Failure {
    fn from(error: PanelError) -> Self {
        Self::new(Code::Other, error)
    }
}

/// Runs the action. A config without a panel has nothing to put out.
///
/// # Errors
/// [`Failure`] for a config or lines that cannot be used.
pub fn run(args: &Args) -> Result<(), Failure> {
    let settings = Config::load(&args.config)?.panel;
    match (&args.action, settings) {
        (Action::Off, None) => Ok(()),
        (Action::Off, Some(settings)) => Ok(panel::off(&settings)?),
        (Action::Test { .. }, None) => {
            let words = format!("{}: there is no [panel]", args.config.display());
            Err(Failure::new(Code::Config, words))
        }
        (Action::Test { seconds }, Some(settings)) => test(&settings, Duration::from_secs_f64(*seconds)),
    }
}

fn test(settings: &Settings, each: Duration) -> Result<(), Failure> {
    let shows = |state: panel::State| println!("{}", state.name());
    let pressed = |control, press| println!("  pressed: {control:?} {press:?}");
    Ok(panel::demonstrate(settings, each, shows, pressed)?)
}
