//! Sonograde: grades clear cell renal cell carcinoma from contrast-enhanced ultrasound, on the ultrasound cart.
//!
//! Data runs down this list once and never back up: a frame is captured, what is on the screen is found, the
//! lesion is cut out and scaled, the network gives a score and an activation map, the exam turns scores into a
//! verdict, the store keeps both, and the page shows them.

pub mod cmd;
pub mod config;
pub mod findings;
pub mod health;
pub mod journal;
pub mod process;
pub mod tls;
pub mod words;
pub mod frame;
pub mod capture;
pub mod screen;
pub mod preprocess;
pub mod infer;
pub mod package;
pub mod grader;
pub mod exam;
pub mod overlay;
pub mod report;
pub mod lines;
pub mod evaluate;
pub mod store;
pub mod dicom;
pub mod uplink;
pub mod export;
pub mod audit;
pub mod pipeline;
pub mod web;
pub mod panel;

/// An error and its causes on one line.
pub fn one_line(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |e| e.source());
    causes.fold(error.to_string(), |line, cause| format!("{line}: {cause}"))
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
