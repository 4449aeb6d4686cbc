//! `sonograde config`: whether a config can be used, what is in force, and what the defaults are.

use std::path::PathBuf;

use clap::Subcommand;
use toml::{Table, Value};

use super::Failure;
use crate::config::{self, Config, Text};

/// Checks the daemon's config, and shows what is in force.
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
    /// Says whether the file can be used, or which line cannot
    Check,
    /// The file with every default filled in, and with what was set at the bedside
    Show,
    /// A config to begin with: every key with its default and what it means
    Default,
}

/// Runs the action.
///
/// # Errors
/// [`Failure`] for a file that cannot be read or used.
pub fn run(args: &Args) -> Result<(), Failure> {
    match args.action {
        Action::Default => print!("{}", config::DEFAULT),
        Action::Check => {
            Config::load(&args.config)?;
            println!("{}: good", args.config.display());
        }
        Action::Show => {
            let text = Text::read(&args.config)?;
            text.parse()?;
            print!("{}", in_force(text.table()?));
        }
    }
    Ok(())
}

/// A good config with the defaults of what it leaves out.
fn in_force(config: Table) -> String {
    let defaults = config::DEFAULT.parse::<Table>();
    let mut all = defaults.expect("the default config is TOML, as a test shows");
    fill(&mut all, config);
    all.to_string()
}

fn fill(defaults: &mut Table, given: Table) {
    for (key, value) in given {
        match (defaults.get_mut(&key), value) {
            // A source of another kind has other keys.
            (Some(Value::Table(defaults)), Value::Table(given))
                if defaults.get("kind") == given.get("kind") =>
            {
                fill(defaults, given);
            }
            (_, value) => {
                defaults.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Config {
        toml::from_str(text).expect("a good config")
    }

    /// The text is written by hand: it says what the program does when nothing is said.
    #[test]
    fn the_defaults_that_are_printed_are_those_in_force() {
        let least = "[source]\nkind = \"v4l2\"\ndevice = \"/dev/sonograde-capture\"\n[store]\npath = \"/var/lib/sonograde/store\"\n";
        assert_eq!(
            format!("{:?}", parse(config::DEFAULT)),
            format!("{:?}", parse(least))
        );
    }

    /// Every line that is commented out in the defaults can be used as it stands.
    #[test]
    fn the_examples_in_the_defaults_are_good() {
        let lines = config::DEFAULT.lines().map(|line| match line.strip_prefix("# ") {
            Some(example) if example.contains(" = ") || example.starts_with('[') => example,
            _ => line,
        });
        let key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
        let all: Vec<&str> = lines.filter(|line| !line.starts_with("path = \"/etc")).collect();
        let text = all.join("\n").replace("RW...", key);
        let config = parse(&text.replace("\"...\"", &format!("\"{}\"", "0".repeat(64))));
        assert_eq!(config.web.network.expect("a network").users.len(), 1);
        assert_eq!(config.panel.expect("a panel").lines.len(), 6);
        assert!(config.screen.roi.is_some());
    }

    #[test]
    fn what_is_shown_is_the_file_over_the_defaults() {
        let text = "[source]\nkind = \"phantom\"\nseed = 4\n[store]\npath = \"/x\"\n[exam]\nidle_s = 9\n";
        let shown = in_force(text.parse().expect("TOML"));
        assert_eq!(format!("{:?}", parse(&shown)), format!("{:?}", parse(text)));
        assert!(
            shown.contains("key_frame_every_s = 5") && shown.contains("idle_s = 9"),
            "{shown}"
        );
        assert!(!shown.contains("device"), "a phantom has none: {shown}");
    }
}
