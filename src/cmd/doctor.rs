//! `sonograde doctor`: what is wrong with this box, and what to do about it.
//!
//! Looks and measures; changes nothing. Where the daemon runs, it has the capture device and the store, and is asked.

mod bundle;
mod capture;
mod certificates;
mod compute;
mod disk;
mod daemon;
mod servers;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::{Code, Failure};
use crate::config::{self, Config};
use crate::findings::{Finding, Level, machine};
use crate::panel;
use crate::process;
use crate::words::Language;
use daemon::Daemon;

/// Checks device, model, speed, heat, disk, clock, servers and certificates, and says what to do.
#[derive(clap::Args)]
pub struct Args {
    /// The daemon's config.
    #[arg(long, value_name = "FILE", default_value = super::CONFIG)]
    config: PathBuf,
    /// Write the findings as JSON.
    #[arg(long)]
    json: bool,
    /// Also write an archive for support: findings, config without secrets, this machine, the log. No pictures, no exams.
    #[arg(long, value_name = "FILE.tar")]
    bundle: Option<PathBuf>,
}

/// Checks everything and prints it.
///
/// # Errors
/// [`Failure`] with a number of its own if there is a fault, and if the archive cannot be written.
pub fn run(args: &Args) -> Result<(), Failure> {
    let findings = examine(&args.config);
    if let Some(path) = &args.bundle {
        bundle::write(path, &args.config, &findings).map_err(|e| {
            let words = format!("cannot write {}: {e}", path.display());
            Failure::new(Code::Output, words)
        })?;
    }
    if args.json {
        let text = serde_json::to_string(&findings).map_err(|e| Failure::new(Code::Other, e))?;
        println!("{text}");
    } else {
        print!("{}", table(&findings));
    }
    match findings.iter().filter(|f| f.level == Level::Fault).count() {
        0 => Ok(()),
        faults => Err(Failure::new(
            Code::Fault,
            format!("{faults} of {} checks found a fault", findings.len()),
        )),
    }
}

fn examine(path: &Path) -> Vec<Finding> {
    let mut findings = vec![Finding::ok(
        "program",
        format!("sonograde {}", env!("CARGO_PKG_VERSION")),
    )];
    match Config::load(path) {
        Ok(config) => {
            findings.push(Finding::ok("config", path.display().to_string()));
            process::apply(&config.process);
            let daemon = Daemon::find(&config.web.listen);
            findings.push(daemon::finding(daemon.as_ref(), &config.web.listen));
            findings.extend(capture::findings(&config.source, daemon.as_ref()));
            findings.extend(compute::findings(config.model));
            findings.extend(disk::findings(&config.store.path, daemon.as_ref()));
            findings.extend(servers::findings(&config.dicom, &config.uplink));
            findings.extend(certificates::findings(&config.web, &config.dicom, &config.uplink));
            findings.extend(config.panel.map(|settings| lines(&settings, daemon.as_ref())));
        }
        Err(error) => {
            let advice = "put it right; `sonograde config default` prints one to begin with";
            findings.push(Finding::fault("config", crate::one_line(&error), advice));
            findings.extend(compute::findings(config::Model::default()));
        }
    }
    findings.extend(machine(Language::En));
    findings
}

/// The panel's lines.
fn lines(settings: &panel::Settings, daemon: Option<&Daemon>) -> Finding {
    let fault = match daemon {
        Some(daemon) => daemon.panel_fault(),
        None => panel::off(settings).err().map(|error| crate::one_line(&error)),
    };
    match fault {
        None => Finding::ok(
            "panel",
            format!("{} lines of {}", settings.lines.len(), settings.chip),
        ),
        Some(fault) => {
            let advice = "check [panel] of the config, and that this user is in the group `gpio`";
            Finding::fault("panel", fault, advice)
        }
    }
}

fn table(findings: &[Finding]) -> String {
    let mut text = String::new();
    for Finding {
        check,
        level,
        found,
        advice,
    } in findings
    {
        let level = match level {
            Level::Unknown => "-",
            Level::Ok => "ok",
            Level::Warning => "WARNING",
            Level::Fault => "FAULT",
        };
        let _ = writeln!(text, "{level:8} {check:12} {found}");
        if let Some(advice) = advice {
            let _ = writeln!(text, "{:21} -> {advice}", "");
        }
    }
    text
}
