//! `sonograde web`: users of the page on other machines.

use std::io::{BufRead, IsTerminal, Write};

use super::{Code, Failure};
use crate::web::{self, Role};

/// Users of the page on other machines.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Prints a user for the config; asks for the PIN, or reads it from standard input.
    User {
        /// What they log in as.
        name: String,
        /// What they may: view, operate (change and export exams too), admin (look at the box itself too).
        #[arg(long, value_enum)]
        role: Role,
        /// A program: makes a token, which is said once, instead of a PIN.
        #[arg(long)]
        token: bool,
    },
}

/// Prints a `[[web.network.users]]` with a hash, so that no PIN is ever written down.
///
/// # Errors
/// [`Failure`]: a PIN that is too short, no random numbers, no output.
pub fn run(args: &Args) -> Result<(), Failure> {
    let Command::User { name, role, token } = &args.command;
    let other = |words: String| Failure::new(Code::Other, words);
    let secret = if *token {
        let (token, hash) = web::token().map_err(|error| other(error.to_string()))?;
        eprintln!("Authorization: Bearer {token}");
        eprintln!("It is not shown again.");
        ("token_sha256", hash)
    } else {
        let pin = read_pin().map_err(|error| other(format!("cannot read the PIN: {error}")))?;
        ("pin_hash", web::pin_hash(&pin).map_err(other)?)
    };
    let role = serde_json::to_value(role).map_err(|error| other(error.to_string()))?;
    let (name, hash) = (toml::Value::from(name.as_str()), secret.1);
    let written = writeln!(
        std::io::stdout(),
        "[[web.network.users]]\nname = {name}\nrole = {role}\n{} = \"{hash}\"",
        secret.0
    );
    written.map_err(|error| Failure::new(Code::Output, error))
}

/// A line of standard input. A terminal shows stars for nothing: it shows nothing.
fn read_pin() -> std::io::Result<String> {
    use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
    let stdin = std::io::stdin();
    let mut pin = String::new();
    if !stdin.is_terminal() {
        stdin.lock().read_line(&mut pin)?;
        return Ok(pin.trim_end_matches(['\r', '\n']).to_owned());
    }
    eprint!("PIN, at least {} characters: ", web::SHORTEST_PIN);
    let before = tcgetattr(&stdin)?;
    let mut quiet = before.clone();
    quiet.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Now, &quiet)?;
    let read = stdin.lock().read_line(&mut pin);
    tcsetattr(&stdin, OptionalActions::Now, &before)?;
    eprintln!();
    read.map(|_| pin.trim_end_matches(['\r', '\n']).to_owned())
}
