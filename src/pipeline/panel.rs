//! What the `panel` thread tells the others, and what is asked for with a switch.

use std::sync::{Arc, PoisonError};

use tokio::sync::watch;

use super::{Command, Control, Live, Shared};
use crate::exam::record::MarkKind;
use crate::panel::{self, Notes, Press};

/// Where presses and faults of the panel go.
pub(crate) struct Pressed {
    shared: Arc<Shared>,
    control: Control,
    live: watch::Receiver<Live>,
}

impl Pressed {
    pub(super) fn new(shared: Arc<Shared>, control: Control, live: watch::Receiver<Live>) -> Self {
        Self {
            shared,
            control,
            live,
        }
    }
}

impl Notes for Pressed {
    fn stopping(&self) -> bool {
        self.shared.stopping()
    }

    fn fault(&self, fault: Option<String>) {
        *self
            .shared
            .panel_fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = fault;
    }

    fn pressed(&self, control: panel::Control, press: Press) {
        tracing::info!(?control, ?press, "pressed");
        let running = self.live.borrow().exam.as_ref().is_some_and(|exam| !exam.ended);
        self.control.tell(asked(control, press, running));
    }
}

/// What is asked for with a switch, while an exam runs or does not. The foot that has the probe's hand beside it begins and ends
/// the exam; the button is for whoever injects.
pub(crate) fn asked(control: panel::Control, press: Press, running: bool) -> Command {
    use crate::panel::Control::{Button, FootSwitch};
    match (control, press) {
        (FootSwitch, Press::Short) if running => Command::Mark(MarkKind::Picture),
        (FootSwitch, Press::Short) => Command::Start,
        (FootSwitch, Press::Long) => Command::Stop,
        (Button, Press::Short) => Command::Mark(MarkKind::Injection),
        (Button, Press::Long) => Command::Mark(MarkKind::Flash),
    }
}

impl Shared {
    /// Why there is no panel.
    pub(super) fn panel_fault(&self) -> Option<String> {
        self.panel_fault
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
