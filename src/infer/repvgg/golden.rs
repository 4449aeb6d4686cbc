//! Every layer of the shipped model beside onnxruntime's.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::kernel::{self, GROUP};
use super::lower;
use super::run::Runner;
use crate::infer::{Contract, onnx, shipped_file};

#[derive(serde::Deserialize)]
struct Golden {
    sha256: String,
    picture: String,
    step: usize,
    layers: Vec<GoldenLayer>,
}

#[derive(serde::Deserialize)]
struct GoldenLayer {
    output: String,
    shape: [usize; 3],
    values: Vec<u8>,
}

/// `models/golden/layers.json`, made by `layers.py` beside it.
#[test]
fn every_layer_gives_what_onnxruntime_gives() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/golden");
    let text = std::fs::read_to_string(folder.join("layers.json")).expect("layers.json");
    let golden: Golden = serde_json::from_str(&text).expect("golden layers");
    let file = shipped_file();
    let model = crate::hex(&Sha256::digest(&file));
    assert_eq!(golden.sha256, model, "run models/golden/layers.py");
    let picture = image::open(folder.join(&golden.picture))
        .expect("a picture")
        .to_rgb8();
    let plane = |channel: usize| picture.pixels().map(move |p| p.0[channel]);
    let pixels: Vec<u8> = (0..3).flat_map(plane).collect();
    let graph = onnx::read(&file).expect("the shipped model");
    let (_, network) = Contract::check(&graph).expect("the shipped model");
    let plan = lower::lower(&network).expect("a RepVGG");
    assert_eq!(golden.layers.len(), plan.layers.len());
    for kernel in kernel::available() {
        let runner = Runner::new(&plan, &*kernel, 1);
        let mut values = 0;
        let check = |layer: usize, net: &kernel::net::Net, alone: &super::pool::Alone| {
            let GoldenLayer {
                output,
                shape: [channels, height, width],
                values: expected,
            } = &golden.layers[layer];
            let read = net.output(layer, alone);
            for (n, &expected) in expected.iter().enumerate() {
                let at = (n + 1) * golden.step % (channels * height * width);
                let (channel, y, x) = (at / (height * width), at / width % height, at % width);
                let got = read(channel / GROUP, y, x)[channel % GROUP];
                let name = kernel.name();
                assert!(
                    got.abs_diff(expected) <= 1,
                    "{name} {output} [{channel},{y},{x}]: {got}, not {expected}"
                );
                values += 1;
            }
        };
        runner.layers(&pixels, check).expect("a picture of that size");
        assert!(values > 10_000);
    }
}
