//! What is on the scanner's screen: where the contrast pane is, whether its picture is fit to be scored, and where the lesion
//! has moved to.
//!
//! Pure. `arrangement` says which pane and ROI are in use, from what the user said (`layout`) or what `find` finds as
//! `blocks` of change and their `border`. `quality` judges one picture, `watch` what a picture is beside the one before: `repeat`, `speckle`, and by the
//! correlation of `shift` motion and `follow`. `still` says when all of it is frozen.

mod arrangement;
mod blocks;
mod border;
mod find;
mod follow;
mod layout;
mod quality;
mod repeat;
mod shift;
mod speckle;
mod still;
mod watch;

pub use arrangement::{Arranged, Arrangement, ArrangementError};
pub use find::{Finder, Sight};
pub use follow::Following;
pub use layout::{Layout, LayoutError, PanePreset, Screen};
pub use quality::fitness;
pub use still::Still;
pub use watch::Watch;
