//! The panel's lines, whatever drives them.

use super::chip::Chip;
use super::pattern::Lamps;
use super::raspberry_pi::RaspberryPi;
use super::settings::{Line, Part, RASPBERRY_PI, Settings};

/// Lines that were taken. Dropped, they are dark and given back.
pub(super) trait Pins {
    /// Lights what is lit.
    fn show(&mut self, lamps: Lamps) -> Result<(), PanelError>;

    /// Which switches are down. Fails when the chip is gone, even where there is no switch.
    fn look(&self) -> Result<Down, PanelError>;
}

/// Which switches are down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Down {
    pub foot_switch: bool,
    pub button: bool,
}

/// Why the panel cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PanelError {
    /// No chip of this path or label.
    #[error("no GPIO chip {chip}; `gpiodetect` lists path and label of those there are")]
    NoChip {
        /// As the config names it.
        chip: String,
    },
    /// No line of this name.
    #[error("the GPIO chip {chip} has no line {line}; `gpioinfo` lists its lines")]
    NoLine {
        /// As the config names it.
        chip: String,
        /// The name that was looked for.
        line: Line,
    },
    /// The kernel said no.
    #[error("cannot {operation} of the GPIO chip {chip}")]
    Chip {
        /// As the config names it.
        chip: String,
        /// What was tried.
        operation: &'static str,
        /// Its answer.
        #[source]
        source: gpiocdev::Error,
    },
    /// `rppal` said no.
    #[error("cannot take the lines of this Raspberry Pi; is it one, and may this user open /dev/gpiomem?")]
    RaspberryPi(#[from] rppal::gpio::Error),
}

/// Takes the lines, all dark.
pub(super) fn open(settings: &Settings) -> Result<Box<dyn Pins>, PanelError> {
    Ok(match settings.chip == RASPBERRY_PI {
        true => Box::new(RaspberryPi::open(settings)?),
        false => Box::new(Chip::open(settings)?),
    })
}

impl Lamps {
    /// Whether this one is on.
    pub(super) fn of(self, part: Part) -> bool {
        match part {
            Part::Green => self.green,
            Part::Amber => self.amber,
            Part::Red => self.red,
            Part::Buzzer => self.buzzer,
            Part::FootSwitch | Part::Button => false,
        }
    }
}

impl Down {
    /// Notes that a switch is down.
    pub fn note(&mut self, part: Part) {
        match part {
            Part::FootSwitch => self.foot_switch = true,
            Part::Button => self.button = true,
            Part::Green | Part::Amber | Part::Red | Part::Buzzer => {}
        }
    }
}
