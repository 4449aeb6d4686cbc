use proptest::prelude::*;

use super::kernel::{self, Kernel};
use super::plan::{Head, Layer, Plan, strided};
use super::run::Runner;

/// A RepVGG-shaped network with its numbers.
#[derive(Clone, Debug)]
struct Random {
    side: [usize; 2],
    /// Output channels and stride.
    layers: Vec<(usize, usize)>,
    seed: u64,
    /// Weights and picture at the ends of their ranges.
    extreme: bool,
    threads: usize,
}

struct Numbers {
    weights: Vec<Vec<i8>>,
    bias: Vec<Vec<i32>>,
    head: Vec<f32>,
}

const CLASSES: usize = 2;

impl Random {
    fn numbers(&self) -> Numbers {
        let mut random = oorandom::Rand32::new(self.seed);
        let mut numbers = Numbers {
            weights: Vec::new(),
            bias: Vec::new(),
            head: Vec::new(),
        };
        let mut inputs = 3;
        for &(outputs, _) in &self.layers {
            let weight = |_| match random.rand_range(0..4) {
                _ if self.extreme => -127,
                0 => 127,
                1 => -127,
                _ => (random.rand_range(0..255) as i16 - 127) as i8,
            };
            numbers
                .weights
                .push((0..outputs * inputs * 9).map(weight).collect());
            numbers.bias.push(
                (0..outputs)
                    .map(|_| random.rand_range(0..20_000) as i32 - 10_000)
                    .collect(),
            );
            inputs = outputs;
        }
        // Small powers of two: the sums of the head are exact in any order.
        numbers.head = (0..CLASSES * inputs)
            .map(|n| 0.5f32.powi((n % 3) as i32))
            .collect();
        numbers
    }

    fn plan<'a>(&self, numbers: &'a Numbers) -> Plan<'a> {
        let mut inputs = 3;
        let mut layers = Vec::new();
        for (n, &(outputs, stride)) in self.layers.iter().enumerate() {
            // Sums of the extreme network are negative: the factors of a real one are above 0, so they give 0.
            let spread = 40.0 * (9.0 * inputs as f32).sqrt();
            layers.push(Layer {
                name: "conv",
                inputs,
                outputs,
                stride,
                weights: &numbers.weights[n],
                bias: &numbers.bias[n],
                factors: (0..outputs).map(|c| (1.0 + c as f32 / 7.0) / spread).collect(),
            });
            inputs = outputs;
        }
        let head = Head {
            weights: &numbers.head,
            bias: &[1.0, -1.0],
            scale: 1.0,
        };
        let [height, width] = self.side;
        Plan {
            height,
            width,
            layers,
            head,
        }
    }

    fn picture(&self) -> Vec<u8> {
        let mut random = oorandom::Rand32::new(self.seed ^ 1);
        let pixel = |_| {
            if self.extreme {
                255
            } else {
                random.rand_range(0..256) as u8
            }
        };
        (0..3 * self.side[0] * self.side[1]).map(pixel).collect()
    }
}

/// The contract's arithmetic as it is written there: activations `[channels, height, width]` of the last layer.
fn reference(plan: &Plan<'_>, picture: &[u8]) -> (Vec<u8>, usize) {
    let (mut h, mut w, mut x) = (plan.height, plan.width, picture.to_vec());
    for layer in &plan.layers {
        let (oh, ow) = (strided(h, layer.stride), strided(w, layer.stride));
        let mut made = Vec::with_capacity(layer.outputs * oh * ow);
        for c in 0..layer.outputs {
            for (y, x0) in (0..oh).flat_map(|y| (0..ow).map(move |x| (y, x))) {
                let mut sum = i64::from(layer.bias[c]);
                for (i, ky, kx) in (0..layer.inputs * 9).map(|n| (n / 9, n / 3 % 3, n % 3)) {
                    let (row, column) = (y * layer.stride + ky, x0 * layer.stride + kx);
                    if (1..=h).contains(&row) && (1..=w).contains(&column) {
                        let weight = layer.weights[((c * layer.inputs + i) * 3 + ky) * 3 + kx];
                        sum += i64::from(weight) * i64::from(x[(i * h + row - 1) * w + column - 1]);
                    }
                }
                let sum = i32::try_from(sum).expect("proven to fit");
                made.push(
                    (sum as f32 * layer.factors[c])
                        .round_ties_even()
                        .clamp(0.0, 255.0) as u8,
                );
            }
        }
        (h, w, x) = (oh, ow, made);
    }
    (x, h * w)
}

/// The kernel gives what the contract says, also for the second picture in the same buffers.
fn same(plan: &Plan<'_>, numbers: &Numbers, picture: &[u8], kernel: &dyn Kernel, threads: usize) {
    plan.prove().expect("sums that fit");
    let (activations, cells) = reference(plan, picture);
    let runner = Runner::new(plan, kernel, threads);
    for turn in 0..2 {
        let (logits, maps) = runner.run(picture).expect("a picture of that size");
        for (class, map) in maps.chunks(cells).enumerate() {
            let weights = &numbers.head[class * numbers.head.len() / CLASSES..];
            for (cell, value) in map.iter().enumerate() {
                let terms = activations[cell..].iter().step_by(cells).zip(weights);
                let expected: f32 = terms.map(|(&a, w)| f32::from(a) * w).sum();
                assert_eq!(
                    *value,
                    expected,
                    "{} turn {turn} class {class} cell {cell}",
                    kernel.name()
                );
            }
            let mean = map.iter().sum::<f32>() / cells as f32;
            assert!((logits[class] - mean - plan.head.bias[class]).abs() < 1e-3);
        }
    }
}

fn random() -> impl Strategy<Value = Random> {
    let layer = (1usize..70, 1usize..=2);
    let layers = (1usize..40, proptest::collection::vec(layer, 0..4))
        .prop_map(|(first, rest)| [(first, 2)].into_iter().chain(rest).collect::<Vec<_>>());
    (
        layers,
        1usize..40,
        1usize..40,
        any::<u64>(),
        any::<bool>(),
        1usize..4,
    )
        .prop_map(|(layers, height, width, seed, extreme, threads)| Random {
            side: [height, width],
            layers,
            seed,
            extreme,
            threads,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_kernel_gives_what_the_contract_says_on_any_shape(random in random()) {
        let numbers = random.numbers();
        let (plan, picture) = (random.plan(&numbers), random.picture());
        for kernel in kernel::available() {
            same(&plan, &numbers, &picture, &*kernel, random.threads);
        }
    }
}

/// Layers of stride 1 whose sides are multiples of 4, of enough tiles: what a kernel may compute by Winograd's filtering.
fn filtered() -> impl Strategy<Value = Random> {
    let layers = proptest::collection::vec(1usize..120, 2..4)
        .prop_map(|channels| channels.into_iter().zip([2, 1, 1]).collect::<Vec<_>>());
    let sides = proptest::array::uniform2(4usize..9).prop_map(|sides| sides.map(|side| 8 * side));
    (layers, sides, any::<u64>(), any::<bool>(), 1usize..4).prop_map(
        |(layers, side, seed, extreme, threads)| Random {
            side,
            layers,
            seed,
            extreme,
            threads,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn filtering_gives_what_the_contract_says(random in filtered()) {
        let numbers = random.numbers();
        let (plan, picture) = (random.plan(&numbers), random.picture());
        for kernel in kernel::available() {
            same(&plan, &numbers, &picture, &*kernel, random.threads);
        }
    }
}

/// A thread begins a layer while others are busy with the last one: many frames in which they come to it in any order.
#[test]
fn threads_that_run_ahead_of_each_other_change_nothing() {
    let random = Random {
        side: [28, 28],
        layers: [(16, 2)].into_iter().chain([(16, 1); 8]).collect(),
        seed: 5,
        extreme: false,
        threads: 1,
    };
    let numbers = random.numbers();
    let (plan, picture) = (random.plan(&numbers), random.picture());
    let alone = Runner::new(&plan, &*kernel::available()[0], 1).run(&picture);
    for kernel in kernel::available() {
        for threads in 2..=4 {
            let runner = Runner::new(&plan, &*kernel, threads);
            for frame in 0..50 {
                let name = kernel.name();
                assert_eq!(
                    runner.run(&picture),
                    alone,
                    "{name}, {threads} threads, frame {frame}"
                );
            }
        }
    }
}

/// The most that the contract's weights can make of a picture: every product at its end.
#[test]
fn the_largest_sums_are_exact() {
    for (outputs, last) in [(480, 17), (333, 16)] {
        let random = Random {
            side: [8, 9],
            layers: vec![(16, 2), (outputs, 1), (last, 2)],
            seed: 3,
            extreme: true,
            threads: 2,
        };
        let mut numbers = random.numbers();
        // Activations at 255 in the middle, then weights of one sign against them.
        numbers.weights[0].fill(127);
        numbers.weights[1].fill(127);
        for (n, weights) in numbers.weights[2].chunks_mut(outputs * 9).enumerate() {
            weights.fill(if n % 2 == 0 { 127 } else { -127 });
        }
        let mut plan = random.plan(&numbers);
        let factor = 255.0 / (outputs * 9 * 255 * 127) as f32;
        plan.layers[2].factors.fill(factor);
        let picture = random.picture();
        let (activations, _) = reference(&plan, &picture);
        assert!(activations.contains(&255) && activations.contains(&0));
        for kernel in kernel::available() {
            same(&plan, &numbers, &picture, &*kernel, 2);
        }
    }
}

#[test]
fn a_sum_that_could_leave_i32_is_refused_in_words() {
    let random = Random {
        side: [4, 4],
        layers: vec![(2, 2)],
        seed: 1,
        extreme: false,
        threads: 1,
    };
    let mut numbers = random.numbers();
    numbers.bias[0][1] = i32::MIN;
    let reason = random
        .plan(&numbers)
        .prove()
        .expect_err("a bias beyond all bounds");
    assert!(reason.contains("channel 1"), "{reason}");
    let mut plan = random.plan(&numbers);
    plan.layers[0].bias = &[0, 0];
    plan.layers[0].factors[0] = f32::INFINITY;
    assert!(plan.prove().expect_err("an endless factor").contains("channel 0"));
}

#[test]
fn a_kernel_that_is_not_there_is_named() {
    let reason = kernel::choose(Some("abacus")).err().expect("no such kernel");
    assert!(
        reason.contains("no kernel abacus") && reason.contains("scalar"),
        "{reason}"
    );
    assert_eq!(
        kernel::choose(Some("scalar")).ok().map(|k| k.name()),
        Some("scalar")
    );
}
