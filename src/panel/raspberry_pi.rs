//! Lines by `rppal`, straight from the registers of a Raspberry Pi.

use rppal::gpio::{Gpio, InputPin, Level, OutputPin};

use super::pattern::Lamps;
use super::pins::{Down, PanelError, Pins};
use super::settings::{Line, Part, Settings};

/// Pins by BCM number, and whether they are on at 0 V.
pub(super) struct RaspberryPi {
    lamps: Vec<(Part, bool, OutputPin)>,
    switches: Vec<(Part, bool, InputPin)>,
}

impl RaspberryPi {
    pub fn open(settings: &Settings) -> Result<Self, PanelError> {
        let gpio = Gpio::new()?;
        let mut pins = Self {
            lamps: Vec::new(),
            switches: Vec::new(),
        };
        for mapped in &settings.lines {
            let Line::Offset(number) = mapped.line else {
                continue; // `Settings` lets no name through.
            };
            let pin = gpio.get(u8::try_from(number).unwrap_or(u8::MAX))?;
            match (mapped.part.is_input(), mapped.active_low) {
                (true, true) => pins.switches.push((mapped.part, true, pin.into_input_pullup())),
                (true, false) => pins
                    .switches
                    .push((mapped.part, false, pin.into_input_pulldown())),
                (false, true) => pins.lamps.push((mapped.part, true, pin.into_output_high())),
                (false, false) => pins.lamps.push((mapped.part, false, pin.into_output_low())),
            }
        }
        Ok(pins)
    }
}

impl Pins for RaspberryPi {
    fn show(&mut self, lamps: Lamps) -> Result<(), PanelError> {
        for (part, active_low, pin) in &mut self.lamps {
            pin.write(Level::from(lamps.of(*part) != *active_low));
        }
        Ok(())
    }

    fn look(&self) -> Result<Down, PanelError> {
        let mut down = Down::default();
        for (part, active_low, pin) in &self.switches {
            if pin.is_high() != *active_low {
                down.note(*part);
            }
        }
        Ok(down)
    }
}

impl Drop for RaspberryPi {
    fn drop(&mut self) {
        let _ = self.show(Lamps::default());
    }
}
