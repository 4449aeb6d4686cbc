//! An ONNX file for tract, which may panic inside: the daemon catches that.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use sonograde::infer::{Choice, Model, Runtime};

fuzz_target!(
    // libFuzzer's hook would end the process at a panic that is caught; one that is not still does.
    init: std::panic::set_hook(Box::new(|_| ())),
    |bytes: &[u8]| {
        let runtime = Runtime {
            engine: Choice::Tract,
            ..Runtime::default()
        };
        let _ = Model::from_bytes(bytes, Path::new("fuzzed.onnx"), runtime);
    }
);
