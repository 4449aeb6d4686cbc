//! `sonograde uplink`: asks the running daemon how deliveries stand, and tells it what to do.
//!
//! The daemon owns the store, so all goes through its page's address on this machine.

use std::io::{self, Write};
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::Subcommand;
use serde_json::{Value, json};

use super::ask::ask;
use super::{CONFIG, Code, Failure};
use crate::config::Config;
use crate::uplink::Selection;

/// Deliveries to the hospital's servers: how they stand, and what to do about them.
#[derive(clap::Args)]
pub struct Args {
    /// The daemon's config.
    #[arg(long, global = true, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Every destination, and what was set aside
    Status {
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Try now, whatever failed before
    Push {
        /// To this destination alone
        destination: Option<String>,
        /// First owe the exams since this day to destinations that they were never owed to: those that the config names only now
        #[arg(long, value_name = "TIME", value_parser = super::audit::time)]
        since: Option<DateTime<Utc>>,
    },
    /// Send nothing until `resume` or the next start
    Pause {
        /// To this destination alone
        destination: Option<String>,
    },
    /// Go on after `pause`
    Resume {
        /// To this destination alone
        destination: Option<String>,
    },
    /// Send what was set aside again
    Retry(Which),
    /// Deliver an exam no more, so that it may be removed to make room; recorded in the audit trail
    GiveUp {
        /// The exam's id
        exam: String,
        /// Why
        #[arg(long)]
        reason: String,
        /// To this destination alone, also one that the config names no more
        #[arg(long)]
        destination: Option<String>,
        /// This object alone: report, capture or map
        #[arg(long)]
        object: Option<String>,
    },
    /// Ask again whether delivered objects are kept; what is not is sent again
    Verify(Which),
}

#[derive(clap::Args)]
struct Which {
    /// Of this exam alone
    #[arg(long)]
    exam: Option<String>,
    /// To this destination alone
    #[arg(long)]
    destination: Option<String>,
    /// This object alone: report, capture or map
    #[arg(long)]
    object: Option<String>,
}

/// Runs `sonograde uplink`.
///
/// # Errors
/// [`Failure`] if no daemon runs with this config, or it refuses.
pub fn run(args: &Args) -> Result<(), Failure> {
    let config = Config::load(&args.config)?;
    let url = format!("http://{}/api/v1/uplink", config.web.listen);
    let to = |destination: &Option<String>| Selection {
        destination: destination.clone(),
        ..Selection::default()
    };
    let which = |which: &Which| Selection {
        exam: which.exam.clone(),
        destination: which.destination.clone(),
        object: which.object.clone(),
    };
    match &args.action {
        Action::Status { json } => status(&ask("GET", &url, None)?, *json),
        Action::Push {
            destination,
            since: None,
        } => tell(&url, "push", &to(destination)),
        Action::Push {
            destination,
            since: Some(since),
        } => {
            let order = json!({ "act": "push", "destination": destination, "since": since });
            said(&ask("POST", &url, Some(&order))?, "exams are owed that were not")
        }
        Action::GiveUp {
            exam,
            reason,
            destination,
            object,
        } => {
            let order = json!({ "act": "give-up", "exam": exam, "reason": reason, "destination": destination, "object": object });
            said(&ask("POST", &url, Some(&order))?, "objects are given up")
        }
        Action::Pause { destination } => tell(&url, "pause", &to(destination)),
        Action::Resume { destination } => tell(&url, "resume", &to(destination)),
        Action::Retry(those) => tell(&url, "retry", &which(those)),
        Action::Verify(those) => tell(&url, "verify", &which(those)),
    }
}

fn tell(url: &str, act: &str, which: &Selection) -> Result<(), Failure> {
    let mut order = json!(which);
    order["act"] = json!(act);
    ask("POST", url, Some(&order)).map(drop)
}

fn said(answer: &Value, words: &str) -> Result<(), Failure> {
    let printed = writeln!(io::stdout(), "{} {words}", answer["count"]);
    printed.map_err(|error| Failure::new(Code::Output, error))
}

fn status(standing: &Value, json: bool) -> Result<(), Failure> {
    let out = &mut io::stdout().lock();
    let printed = if json {
        writeln!(out, "{standing}")
    } else {
        print(standing, out)
    };
    match printed {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(Code::Output, error)),
        _ => Ok(()),
    }
}

fn print(standing: &Value, out: &mut dyn Write) -> io::Result<()> {
    let list = |key: &str| standing[key].as_array().cloned().unwrap_or_default();
    let destinations = list("destinations");
    if destinations.is_empty() {
        return writeln!(out, "the config names no [[uplink]]: nothing is delivered");
    }
    writeln!(
        out,
        "{:16} {:8} {:>8} {:>8} {:>10} {:>9}  STATE",
        "DESTINATION", "KIND", "PENDING", "SENT", "COMMITTED", "REJECTED"
    )?;
    for one in destinations {
        let word = |key: &str| one[key].as_str().unwrap_or_default().to_owned();
        let state = match (
            one["paused"].as_bool(),
            one["down"].as_str(),
            one["trouble"].as_str(),
        ) {
            (Some(true), ..) => "paused".to_owned(),
            (_, Some(down), _) => format!("waits: {down}"),
            (_, _, Some(trouble)) => format!("reached; last trouble: {trouble}"),
            _ => "reached, or nothing to send".to_owned(),
        };
        writeln!(
            out,
            "{:16} {:8} {:>8} {:>8} {:>10} {:>9}  {state}",
            word("name"),
            word("kind"),
            one["pending"],
            one["sent"],
            one["committed"],
            one["rejected"]
        )?;
    }
    for one in list("rejected") {
        let word = |key: &str| one[key].as_str().unwrap_or_default();
        writeln!(
            out,
            "set aside: {} of {} to {}: {}",
            word("object"),
            word("exam"),
            word("destination"),
            word("error")
        )?;
    }
    Ok(())
}
