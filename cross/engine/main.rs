//! The engine's plan, kernels and threads alone: `cargo test` runs their tests by every kernel that the machine has;
//! `sonograde-engine KERNEL PICTURES` runs a RepVGG-A0 of 224 × 224 with weights of chance so many times and prints the
//! milliseconds of each, for `cross/instructions.sh`.

#[path = "../../src/infer"]
mod infer {
    #[expect(dead_code, reason = "what the program asks of the engine beyond this")]
    pub mod repvgg {
        pub mod kernel;
        pub mod pack;
        pub mod plan;
        pub mod pool;
        pub mod run;
        pub mod shape;
        pub mod split;
        pub mod stage;
        #[cfg(test)]
        mod tests;
        pub mod winograd;
    }
}

use std::time::Instant;

use infer::repvgg::plan::{Head, Layer, Plan};
use infer::repvgg::{kernel, run::Runner};

/// Output channels of RepVGG-A0's stages, and how many layers each has; the first layer of each has stride 2.
const STAGES: [(usize, usize); 5] = [(48, 1), (48, 2), (96, 4), (192, 14), (1280, 1)];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(name), Some(pictures)) = (arguments.next(), arguments.next().and_then(|n| n.parse().ok()))
    else {
        return eprintln!("sonograde-engine KERNEL PICTURES");
    };
    let kernel = match kernel::choose(Some(&name)) {
        Ok(kernel) => kernel,
        Err(reason) => return eprintln!("{reason}"),
    };
    let mut random = oorandom::Rand32::new(1);
    let shapes: Vec<[usize; 3]> = STAGES
        .into_iter()
        .flat_map(|(outputs, layers)| (0..layers).map(move |n| [outputs, if n == 0 { 2 } else { 1 }]))
        .scan(3, |inputs, [outputs, stride]| {
            Some([std::mem::replace(inputs, outputs), outputs, stride])
        })
        .collect();
    // The sum of three dice: most weights are small, as in a network that has learnt.
    let mut weight = || (0..3).map(|_| random.rand_range(0..85) as i8 - 42).sum();
    let weights: Vec<Vec<i8>> = shapes
        .iter()
        .map(|[inputs, outputs, _]| (0..inputs * outputs * 9).map(|_| weight()).collect())
        .collect();
    let (bias, head) = (vec![100; 1280], vec![0.01; 2 * 1280]);
    let layers = shapes
        .iter()
        .zip(&weights)
        .map(|(&[inputs, outputs, stride], weights)| Layer {
            name: "conv",
            inputs,
            outputs,
            stride,
            weights,
            bias: &bias[..outputs],
            factors: vec![1.0 / (40.0 * (9.0 * inputs as f32).sqrt()); outputs],
        });
    let plan = Plan {
        height: 224,
        width: 224,
        layers: layers.collect(),
        head: Head {
            weights: &head,
            bias: &[0.0; 2],
            scale: 0.02,
        },
    };
    let runner = Runner::new(&plan, &*kernel, 1);
    let picture: Vec<u8> = (0..3 * 224 * 224).map(|n| (n * 7 % 251) as u8).collect();
    for _ in 0..pictures {
        let start = Instant::now();
        let result = runner.run(&picture);
        println!("{:.4}", start.elapsed().as_secs_f64() * 1e3);
        assert!(result.is_ok());
    }
}
