//! What the `panel` thread tells the others.

use std::sync::PoisonError;

use super::Shared;
use crate::panel::{Control, Notes, Press};

impl Notes for Shared {
    fn stopping(&self) -> bool {
        self.stopping()
    }

    fn fault(&self, fault: Option<String>) {
        *self.panel_fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    fn pressed(&self, control: Control, press: Press) {
        tracing::info!(?control, ?press, "pressed");
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
