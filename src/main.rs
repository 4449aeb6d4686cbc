//! Arguments, logging, dispatch, exit status.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use sonograde::cmd;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Grades clear cell renal cell carcinoma from contrast-enhanced ultrasound, on the cart.
/// Research use only. Not for diagnosis.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(cmd::demo::Args),
    Run(cmd::run::Args),
    Config(cmd::config::Args),
    Doctor(cmd::doctor::Args),
    Panel(cmd::panel::Args),
    Generate(cmd::generate::Args),
    Capture(cmd::capture::Args),
    Grade(cmd::grade::Args),
    Exams(cmd::exams::Args),
    Audit(cmd::audit::Args),
    Check(cmd::check::Args),
    Store(cmd::store::Args),
    Evaluate(cmd::evaluate::Args),
    Model(cmd::model::Args),
    Bench(cmd::bench::Args),
    Phantom(cmd::phantom::Args),
    Uplink(cmd::uplink::Args),
    Worklist(cmd::worklist::Args),
    Pathology(cmd::pathology::Args),
    Web(cmd::web::Args),
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    // A daemon says what it does; what people wait for says only what is wrong.
    let usual = if matches!(command, Command::Run(_)) {
        LevelFilter::INFO
    } else {
        LevelFilter::WARN
    };
    let asked = std::env::var("SONOGRADE_LOG")
        .ok()
        .and_then(|level| level.parse().ok());
    tracing_subscriber::fmt()
        .with_max_level(asked.unwrap_or(usual))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .finish()
        .with(sonograde::journal::Journal)
        .init();
    let done = match command {
        Command::Demo(args) => cmd::demo::run(&args),
        Command::Run(args) => cmd::run::run(&args),
        Command::Config(args) => cmd::config::run(&args),
        Command::Doctor(args) => cmd::doctor::run(&args),
        Command::Panel(args) => cmd::panel::run(&args),
        Command::Generate(args) => cmd::generate::run(&args, Cli::command()),
        Command::Capture(args) => cmd::capture::run(&args),
        Command::Grade(args) => cmd::grade::run(&args),
        Command::Exams(args) => cmd::exams::run(&args).map_err(Into::into),
        Command::Audit(args) => cmd::audit::run(&args).map_err(Into::into),
        Command::Check(args) => cmd::check::run(&args),
        Command::Store(args) => cmd::store::run(&args),
        Command::Evaluate(args) => cmd::evaluate::run(&args),
        Command::Model(args) => cmd::model::run(&args),
        Command::Bench(args) => cmd::bench::run(&args),
        Command::Phantom(args) => cmd::phantom::run(&args).map_err(Into::into),
        Command::Uplink(args) => cmd::uplink::run(&args),
        Command::Worklist(args) => cmd::worklist::run(&args),
        Command::Pathology(args) => cmd::pathology::run(&args),
        Command::Web(args) => cmd::web::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("sonograde: {}", sonograde::one_line(&*failure.error));
            ExitCode::from(failure.code as u8)
        }
    }
}
