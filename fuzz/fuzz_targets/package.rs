//! A model package: an error or its parts. Nothing is loaded.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use sonograde::package::Package;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(package) = Package::read(bytes, Path::new("fuzzed.tar")) {
        assert!(package.model_bytes() + package.card().len() <= bytes.len());
        let _ = package.figures();
    }
});
