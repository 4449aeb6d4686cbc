//! What the tests that start the program share.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// The program under test.
pub fn sonograde() -> Command {
    Command::new(env!("CARGO_BIN_EXE_sonograde"))
}

/// A folder that goes away with its value.
pub fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// A grey speckled picture.
pub fn picture(path: &Path, seed: u64) {
    let mut random = oorandom::Rand32::new(seed);
    let picture = image::RgbImage::from_fn(320, 240, |_, _| image::Rgb([random.rand_range(0..200) as u8; 3]));
    picture.save(path).expect("the folder takes a picture");
}
