//! An ONNX file for the engine of our own: an error or a model that ran.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use sonograde::infer::{Choice, Model, Runtime};

fuzz_target!(|bytes: &[u8]| {
    let runtime = Runtime {
        engine: Choice::Repvgg,
        threads: std::num::NonZeroUsize::new(1),
        ..Runtime::default()
    };
    let _ = Model::from_bytes(bytes, Path::new("fuzzed.onnx"), runtime);
});
