//! Sonograde: grades clear cell renal cell carcinoma from contrast-enhanced ultrasound, on the ultrasound cart.
//!
//! Data runs down this list once and never back up: a frame is captured, what is on the screen is found, the
//! lesion is cut out and scaled, the network gives a score and an activation map, the exam turns scores into a
//! verdict, the store keeps both, and the page shows them.

pub mod capture;
pub mod cmd;
pub mod exam;
pub mod frame;
pub mod overlay;
pub mod store;
