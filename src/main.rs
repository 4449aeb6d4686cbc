//! Arguments, logging, dispatch, exit status.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use sonograde::cmd;
use tracing_subscriber::EnvFilter;

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
    Grade(cmd::grade::Args),
    Exams(cmd::exams::Args),
    Bench(cmd::bench::Args),
    Phantom(cmd::phantom::Args),
}

fn main() -> ExitCode {
    let filter = EnvFilter::try_from_env("SONOGRADE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let done = match Cli::parse().command {
        Command::Demo(args) => cmd::demo::run(&args),
        Command::Run(args) => cmd::run::run(&args),
        Command::Grade(args) => cmd::grade::run(&args),
        Command::Exams(args) => cmd::exams::run(&args).map_err(Into::into),
        Command::Bench(args) => cmd::bench::run(&args),
        Command::Phantom(args) => cmd::phantom::run(&args).map_err(Into::into),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("sonograde: {}", sonograde::one_line(&*failure.error));
            ExitCode::from(failure.code as u8)
        }
    }
}
