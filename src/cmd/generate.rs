//! `sonograde generate`, hidden: what a package holds beside the program, made from the program itself.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap_complete::Shell;
use clap_complete::aot::generate_to;

use super::{Code, Failure};
use crate::store::SCHEMA;

/// Writes manual pages, shell completions and the store's schema number.
#[derive(clap::Args)]
#[command(hide = true)]
pub struct Args {
    /// The folder to write to; made if missing.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Writes everything for the program's command line `cli`.
///
/// # Errors
/// [`Failure`] if the folder cannot be written.
pub fn run(args: &Args, cli: clap::Command) -> Result<(), Failure> {
    write(&args.out, cli).map_err(|e| {
        let words = format!("cannot write to {}: {e}", args.out.display());
        Failure::new(Code::Output, words)
    })
}

fn write(out: &Path, cli: clap::Command) -> io::Result<()> {
    let mut cli = cli.disable_help_subcommand(true);
    let (man, completions) = (out.join("man"), out.join("completions"));
    fs::create_dir_all(&man)?;
    fs::create_dir_all(&completions)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        generate_to(shell, &mut cli, "sonograde", &completions)?;
    }
    clap_mangen::generate_to(cli, &man)?;
    fs::write(out.join("schema"), format!("{SCHEMA}\n"))
}
