//! Lines by the kernel's GPIO character device: every chip that has a driver.

use gpiocdev::Request;
use gpiocdev::line::{Bias, Offset, Value, Values};
use gpiocdev::request::Config;

use super::pattern::Lamps;
use super::pins::{Down, PanelError, Pins};
use super::settings::{Line, Part, Settings};

/// The lines, in one request: they are taken together or not at all.
pub(super) struct Chip {
    request: Request,
    name: String,
    lines: Vec<(Part, Offset)>,
}

impl Chip {
    pub fn open(settings: &Settings) -> Result<Self, PanelError> {
        let failed = |operation| failed(&settings.chip, operation);
        let chip = find(&settings.chip)?;
        let mut config = Config::default();
        config.on_chip(chip.path());
        let mut lines = Vec::new();
        for mapped in &settings.lines {
            let offset = match &mapped.line {
                Line::Offset(offset) => *offset,
                Line::Name(name) => match chip.find_line_info(name) {
                    Some(info) => info.offset,
                    None => {
                        return Err(PanelError::NoLine {
                            chip: settings.chip.clone(),
                            line: mapped.line.clone(),
                        });
                    }
                },
            };
            config.with_line(offset);
            if mapped.active_low {
                config.as_active_low();
            }
            if mapped.part.is_input() {
                // An open switch is up; chips without resistors of their own ignore this.
                let bias = if mapped.active_low {
                    Bias::PullUp
                } else {
                    Bias::PullDown
                };
                config.as_input().with_bias(bias);
            } else {
                config.as_output(Value::Inactive);
            }
            lines.push((mapped.part, offset));
        }
        let mut builder = Request::from_config(config);
        let request = builder.with_consumer("sonograde").request();
        Ok(Self {
            request: request.map_err(failed("take the lines"))?,
            name: settings.chip.clone(),
            lines,
        })
    }
}

impl Pins for Chip {
    fn show(&mut self, lamps: Lamps) -> Result<(), PanelError> {
        let mut values = Values::default();
        for (part, offset) in &self.lines {
            if !part.is_input() {
                values.set(*offset, Value::from(lamps.of(*part)));
            }
        }
        if values.is_empty() {
            return Ok(());
        }
        self.request
            .set_values(&values)
            .map_err(failed(&self.name, "set the lines"))
    }

    fn look(&self) -> Result<Down, PanelError> {
        let mut values = Values::default();
        let read = self.request.values(&mut values);
        read.map_err(failed(&self.name, "read the lines"))?;
        let mut down = Down::default();
        for (part, offset) in &self.lines {
            if part.is_input() && values.get(*offset) == Some(Value::Active) {
                down.note(*part);
            }
        }
        Ok(down)
    }
}

impl Drop for Chip {
    fn drop(&mut self) {
        // Most chips hold what was set last after the lines are given back.
        let _ = self.show(Lamps::default());
    }
}

/// The chip of this path or label.
fn find(chip: &str) -> Result<gpiocdev::chip::Chip, PanelError> {
    let known = gpiocdev::chip::chips().unwrap_or_default();
    for path in known {
        let Ok(found) = gpiocdev::chip::Chip::from_path(&path) else {
            continue;
        };
        if path.as_os_str() == chip || found.info().is_ok_and(|info| info.label == chip) {
            return Ok(found);
        }
    }
    if !chip.starts_with('/') {
        return Err(PanelError::NoChip { chip: chip.into() });
    }
    gpiocdev::chip::Chip::from_path(chip).map_err(failed(chip, "open the device"))
}

fn failed(chip: &str, operation: &'static str) -> impl FnOnce(gpiocdev::Error) -> PanelError {
    let chip = chip.to_owned();
    move |source| PanelError::Chip {
        chip,
        operation,
        source,
    }
}
