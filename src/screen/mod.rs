//! What is on the scanner's screen: where the contrast pane is, and whether its picture is fit to be scored.
//!
//! Pure. It finds nothing by itself yet: the pane is given by a preset or a rectangle.

mod layout;
mod quality;

pub use layout::{Layout, LayoutError, PanePreset, Screen};
pub use quality::unfit;
