//! `[panel]` of the config.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;

/// A line of a chip.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a line's name (\"LED_RED\") or its offset (17)"
)]
pub enum Line {
    /// Its number on the chip; on a Raspberry Pi its BCM number.
    Offset(u32),
    /// Its name, as `gpioinfo` lists it.
    Name(String),
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offset(offset) => write!(f, "{offset}"),
            Self::Name(name) => write!(f, "\"{name}\""),
        }
    }
}

/// What a line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The green lamp.
    Green,
    /// The amber lamp.
    Amber,
    /// The red lamp.
    Red,
    /// The buzzer.
    Buzzer,
    /// The foot switch.
    FootSwitch,
    /// The button.
    Button,
}

impl Part {
    /// Whether we read the line; the others we write.
    pub fn is_input(self) -> bool {
        matches!(self, Self::FootSwitch | Self::Button)
    }
}

/// A line that is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapped {
    /// What for.
    pub part: Part,
    /// Which.
    pub line: Line,
    /// Whether 0 V means lit or pressed.
    pub active_low: bool,
}

/// Which lines there are, and how switches are read.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Section")]
pub struct Settings {
    /// The chip: its path, its label, or `raspberry-pi`, whose lines have BCM numbers.
    pub chip: String,
    /// The lines, at least one.
    pub lines: Vec<Mapped>,
    /// A switch's level counts once it is the same for this long.
    pub debounce: Duration,
    /// A press is long from here on.
    pub long_press: Duration,
}

/// The name of the chip that `rppal` drives.
pub const RASPBERRY_PI: &str = "raspberry-pi";

/// `[panel]` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    /// `/dev/gpiochip0`, a chip's label, or `raspberry-pi`.
    chip: String,
    green: Option<Line>,
    amber: Option<Line>,
    red: Option<Line>,
    buzzer: Option<Line>,
    foot_switch: Option<Line>,
    button: Option<Line>,
    /// Parts that are on at 0 V.
    #[serde(default)]
    active_low: Vec<Part>,
    #[serde(default = "thirty")]
    debounce_ms: u16,
    #[serde(default = "thousand")]
    long_press_ms: u16,
}

fn thirty() -> u16 {
    30
}

fn thousand() -> u16 {
    1000
}

impl TryFrom<Section> for Settings {
    type Error = String;

    fn try_from(section: Section) -> Result<Self, String> {
        let all = [
            (Part::Green, section.green),
            (Part::Amber, section.amber),
            (Part::Red, section.red),
            (Part::Buzzer, section.buzzer),
            (Part::FootSwitch, section.foot_switch),
            (Part::Button, section.button),
        ];
        let mut lines: Vec<Mapped> = Vec::new();
        for (part, line) in all {
            let Some(line) = line else { continue };
            if let Some(other) = lines.iter().find(|mapped| mapped.line == line) {
                return Err(format!(
                    "line {line} is given to both {:?} and {part:?}",
                    other.part
                ));
            }
            let foreign = match &line {
                Line::Offset(offset) => *offset > u8::MAX.into(),
                Line::Name(_) => true,
            };
            if section.chip == RASPBERRY_PI && foreign {
                return Err(format!(
                    "line {line}: chip = \"{RASPBERRY_PI}\" takes BCM numbers; names need chip = \"/dev/gpiochipN\""
                ));
            }
            let active_low = section.active_low.contains(&part);
            lines.push(Mapped {
                part,
                line,
                active_low,
            });
        }
        if lines.is_empty() {
            return Err(
                "no line is mapped; expected one of green, amber, red, buzzer, foot_switch, button".into(),
            );
        }
        if section.long_press_ms <= section.debounce_ms {
            return Err(format!(
                "long_press_ms = {} must be more than debounce_ms = {}",
                section.long_press_ms, section.debounce_ms
            ));
        }
        Ok(Self {
            chip: section.chip,
            lines,
            debounce: Duration::from_millis(section.debounce_ms.into()),
            long_press: Duration::from_millis(section.long_press_ms.into()),
        })
    }
}
