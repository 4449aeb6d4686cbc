//! Lamps, buzzer, foot switch and button on GPIO lines.
//!
//! Owning thread: `panel`. It looks at the pipeline's newest state a hundred times a second, and nothing waits for it. A
//! chip that cannot be opened or is pulled out is a fault that the state says; it is opened again for ever. When the thread ends,
//! however it ends, every lamp is dark; a process that is killed has no say in that, and `sonograde panel off` is for whoever
//! outlives it.

mod chip;
mod pattern;
mod pins;
mod press;
mod raspberry_pi;
mod settings;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use tokio::sync::watch;

pub use pattern::{Lamps, State};
pub use pins::PanelError;
pub use press::Press;
pub use settings::Settings;

use crate::pipeline::Live;
use pins::{Down, Pins};
use press::Switch;

/// How often lamps and switches are looked at.
const TICK: Duration = Duration::from_millis(10);
/// How often a chip that is lost is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// Which switch was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// The foot switch.
    FootSwitch,
    /// The button.
    Button,
}

/// What the thread tells the others.
pub trait Notes {
    /// Whether it is to end.
    fn stopping(&self) -> bool;

    /// The panel works (`None`), or why it does not.
    fn fault(&self, fault: Option<String>);

    /// A switch was pressed.
    fn pressed(&self, control: Control, press: Press);
}

/// Runs the panel until it is told to stop or the pipeline is gone.
pub fn run(settings: &Settings, mut live: watch::Receiver<Live>, notes: &impl Notes) {
    let mut face = Face::new();
    let mut said = String::new();
    while !notes.stopping() && live.has_changed().is_ok() {
        let lost = match pins::open(settings) {
            Ok(mut pins) => {
                tracing::info!("the panel is on {}", settings.chip);
                said.clear();
                notes.fault(None);
                match serve(&mut *pins, settings, &mut live, &mut face, notes) {
                    Some(lost) => lost,
                    None => return,
                }
            }
            Err(error) => error,
        };
        let reason = crate::one_line(&lost);
        if reason != said {
            tracing::warn!("no panel: {reason}");
            said.clone_from(&reason);
            notes.fault(Some(reason));
        }
        let until = Instant::now() + AGAIN;
        while Instant::now() < until && !notes.stopping() && live.has_changed().is_ok() {
            std::thread::sleep(TICK);
        }
    }
}

/// Until it is told to stop or the pipeline is gone (`None`), or the chip is lost.
fn serve(
    pins: &mut dyn Pins,
    settings: &Settings,
    live: &mut watch::Receiver<Live>,
    face: &mut Face,
    notes: &impl Notes,
) -> Option<PanelError> {
    let mut switches = Switches::new(settings);
    let mut shown = Lamps::default();
    while !notes.stopping() {
        let lamps = face.lamps(live)?;
        if lamps != shown
            && let Err(lost) = pins.show(lamps)
        {
            return Some(lost);
        }
        shown = lamps;
        match pins.look() {
            Ok(down) => switches.look(down, |control, press| notes.pressed(control, press)),
            Err(lost) => return Some(lost),
        }
        std::thread::sleep(TICK);
    }
    None
}

/// Both switches, and when they were looked at first.
struct Switches {
    began: Instant,
    foot_switch: Switch,
    button: Switch,
}

impl Switches {
    fn new(settings: &Settings) -> Self {
        let switch = || Switch::new(settings.debounce, settings.long_press);
        Self {
            began: Instant::now(),
            foot_switch: switch(),
            button: switch(),
        }
    }

    fn look(&mut self, down: Down, mut pressed: impl FnMut(Control, Press)) {
        let now = self.began.elapsed();
        if let Some(press) = self.foot_switch.look(down.foot_switch, now) {
            pressed(Control::FootSwitch, press);
        }
        if let Some(press) = self.button.look(down.button, now) {
            pressed(Control::Button, press);
        }
    }
}

/// What the panel shows, and since when.
struct Face {
    heard: Instant,
    state: Option<(State, Instant)>,
}

impl Face {
    fn new() -> Self {
        Self {
            heard: Instant::now(),
            state: None,
        }
    }

    /// What is lit now; none once the pipeline is gone.
    fn lamps(&mut self, live: &mut watch::Receiver<Live>) -> Option<Lamps> {
        let now = Instant::now();
        if live.has_changed().ok()? {
            self.heard = now;
        }
        let state = State::of(&live.borrow_and_update(), now - self.heard);
        let since = match self.state {
            Some((same, since)) if same == state => since,
            _ => now,
        };
        self.state = Some((state, since));
        Some(state.lamps(now - since))
    }
}

/// Takes the lines and leaves them dark.
///
/// # Errors
/// [`PanelError`] if they cannot be taken.
pub fn off(settings: &Settings) -> Result<(), PanelError> {
    pins::open(settings).map(drop)
}

/// Shows every state for `each`, and says which; gives the presses that come meanwhile to `pressed`.
///
/// # Errors
/// [`PanelError`] if the lines cannot be taken, or are lost.
pub fn demonstrate(
    settings: &Settings,
    each: Duration,
    mut shows: impl FnMut(State),
    mut pressed: impl FnMut(Control, Press),
) -> Result<(), PanelError> {
    let mut pins = pins::open(settings)?;
    let mut switches = Switches::new(settings);
    for state in State::ALL {
        shows(state);
        let began = Instant::now();
        while began.elapsed() < each {
            pins.show(state.lamps(began.elapsed()))?;
            switches.look(pins.look()?, &mut pressed);
            std::thread::sleep(TICK);
        }
    }
    Ok(())
}
