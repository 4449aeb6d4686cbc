use std::sync::LazyLock;

use proptest::prelude::*;

use super::onnx::{Graph, Values};
use super::*;

static SHIPPED: LazyLock<Vec<u8>> = LazyLock::new(shipped_file);

fn graph() -> Graph {
    onnx::read(&SHIPPED).expect("the shipped model")
}

/// What the contract says of the shipped model after `change`.
fn departure(change: impl FnOnce(&mut Graph)) -> Departure {
    let mut graph = graph();
    change(&mut graph);
    Contract::check(&graph).expect_err("a departure from the contract")
}

#[test]
fn the_shipped_model_keeps_the_contract_and_says_what_it_is() {
    let model = Model::shipped().expect("the shipped model");
    let contract = model.contract();
    assert_eq!((contract.width, contract.height), (224, 224));
    assert_eq!((contract.map_width, contract.map_height), (7, 7));
    assert_eq!(model.identity().intended_use, "demonstration");
    assert!(model.identity().label().starts_with("DEMONSTRATION MODEL."));
    assert_eq!(model.identity().sha256.len(), 64);
}

#[test]
fn logits_are_the_mean_of_the_map_plus_the_bias() {
    let model = Model::shipped().expect("the shipped model");
    let bias = |pixels: &[u8]| {
        let outputs = model.run(pixels).expect("a run");
        outputs.logits[1] - outputs.map.iter().sum::<f32>() / outputs.map.len() as f32
    };
    let grey = bias(&vec![128; model.input_bytes()]);
    let ramp: Vec<u8> = (0..model.input_bytes()).map(|n| (n / 7) as u8).collect();
    assert!(
        (grey - bias(&ramp)).abs() < 1e-3,
        "the same bias for every picture"
    );
}

#[test]
fn each_departure_is_named_with_its_place() {
    let place = |change: fn(&mut Graph)| departure(change).place;
    assert_eq!(place(|g| g.inputs[0].data_type = onnx::FLOAT), "input pixels");
    assert_eq!(place(|g| g.inputs[0].dims[2] = Some(225)), "input pixels");
    assert_eq!(place(|g| g.inputs[0].dims[2] = None), "input pixels");
    assert_eq!(
        place(|g| g.outputs.retain(|o| o.name != "logits")),
        "output logits"
    );
    assert_eq!(
        place(|g| g.outputs.retain(|o| o.name != "activation_map")),
        "output activation_map"
    );
    assert_eq!(place(|g| g.ir_version = 9), "the file");
    assert_eq!(place(|g| g.opsets.push(("com.microsoft".into(), 1))), "the file");
    assert_eq!(
        place(|g| drop(g.metadata.insert("version".into(), "1".into()))),
        "metadata version"
    );
    assert_eq!(
        place(|g| drop(g.metadata.insert("name".into(), "../x".into()))),
        "metadata name"
    );
    assert_eq!(
        place(|g| drop(g.metadata.remove("temperature"))),
        "metadata temperature"
    );
    assert_eq!(
        place(|g| drop(g.metadata.insert("temperature".into(), "0".into()))),
        "metadata temperature"
    );
    assert_eq!(
        place(|g| drop(g.metadata.insert("band_low".into(), "0.99".into()))),
        "metadata band_low, band_high"
    );
    assert_eq!(
        place(|g| drop(g.metadata.insert("preprocessing".into(), "x".into()))),
        "metadata preprocessing"
    );
    assert_eq!(
        place(|g| drop(g.metadata.insert("classes".into(), "high,low".into()))),
        "metadata classes"
    );
}

/// The first node of kind `op`, changed.
fn node(graph: &mut Graph, op: &str, change: impl FnOnce(&mut onnx::Node)) {
    let found = graph.nodes.iter_mut().find(|n| n.op == op);
    change(found.expect("the shipped model has such a node"));
}

#[test]
fn a_convolution_that_is_not_quantized_is_named() {
    let expected = |change: fn(&mut Graph)| {
        let departure = departure(change);
        assert!(departure.place.starts_with("node "), "{departure}");
        departure.expected
    };
    let weights = |change: fn(&mut Vec<i8>)| {
        departure(|g| {
            let of_a_kernel = g.tensors.values_mut().filter(|t| t.dims.len() == 4);
            of_a_kernel.for_each(|t| {
                if let Values::I8(w) = &mut t.values {
                    change(w)
                }
            });
        })
        .expected
    };
    assert!(expected(|g| node(g, "Conv", |n| n.inputs[1] = "nowhere".into())).contains("DequantizeLinear"));
    assert!(
        expected(|g| g.nodes.retain(|n| n.op != "QuantizeLinear"))
            .contains("one QuantizeLinear node after it")
    );
    assert!(expected(|g| node(g, "Relu", |n| n.op = "Sigmoid".into())).contains("one Relu node after it"));
    assert!(
        expected(|g| node(g, "Conv", |n| drop(n.ints.insert("pads".into(), vec![0; 4])))).contains("pads 1")
    );
    assert!(
        expected(|g| node(g, "Conv", |n| drop(n.ints.insert("auto_pad".into(), vec![0])))).contains("pads 1")
    );
    assert!(
        expected(|g| node(g, "Conv", |n| drop(n.ints.insert("strides".into(), vec![1, 1]))))
            .contains("to 32")
    );
    assert!(weights(|w| w[0] = -128).contains("-127..127"));
    let zero_points = departure(|g| {
        let points = g.tensors.values_mut().filter(|t| t.dims.len() == 1);
        points.for_each(|t| {
            if let Values::I8(z) = &mut t.values {
                z.fill(1)
            }
        });
    });
    assert!(zero_points.expected.contains("zero points 0"), "{zero_points}");
    let scales = departure(|g| {
        for (name, tensor) in &mut g.tensors {
            if let (true, Values::F32(scales)) = (name.contains("bias"), &mut tensor.values) {
                scales.iter_mut().for_each(|s| *s *= 1.01);
            }
        }
    });
    assert!(
        scales.expected.contains("input scale x weight scales"),
        "{scales}"
    );
}

#[test]
fn a_head_that_does_not_make_the_logits_is_refused() {
    let mean = departure(|g| node(g, "ReduceMean", |n| drop(n.ints.insert("axes".into(), vec![1]))));
    assert_eq!(mean.expected, "axes 2 and 3, keepdims 0");
    let sum = departure(|g| node(g, "Add", |n| n.op = "Sub".into()));
    assert_eq!(sum.expected, "one Add node after it");
}

#[test]
fn a_body_that_would_not_fit_into_memory_is_refused() {
    let large = departure(|g| {
        let weights = g.tensors.get_mut("conv00.weight").expect("the first layer");
        let channels = 1 << 15;
        weights.dims[0] = channels;
        weights.values = Values::I8(vec![1; channels * 27]);
        let scales = |n: usize| Values::F32(vec![1.0 / 255.0; n]);
        g.tensors.get_mut("conv00.weight.scale").expect("scales").values = Values::F32(vec![1.0; channels]);
        g.tensors.get_mut("conv00.weight.zero").expect("zeros").values = Values::I8(vec![0; channels]);
        g.tensors.get_mut("conv00.bias.scale").expect("scales").values = scales(channels);
        let bias = g.tensors.get_mut("conv00.bias").expect("the bias");
        (bias.dims, bias.values) = (vec![channels], Values::I32(vec![0; channels]));
    });
    assert!(large.expected.contains("activations"), "{large}");
}

#[test]
fn a_model_that_is_no_repvgg_falls_back_and_says_so() {
    let mut graph = graph();
    // A bias that could leave i32 is within the contract and beyond the engine.
    if let Values::I32(bias) = &mut graph.tensors.get_mut("conv03.bias").expect("a bias").values {
        bias[0] = i32::MAX;
    }
    let (_, network) = Contract::check(&graph).expect("still the contract");
    let Err(repvgg::Unfit::Network(reason)) = repvgg::Engine::new(&network, 1, None) else {
        panic!("the engine took a sum that may leave i32");
    };
    assert!(
        reason.contains("conv03") && reason.contains("channel 0"),
        "{reason}"
    );
}

#[test]
fn both_engines_say_who_they_are_and_nearly_agree() {
    let run = |engine: Choice| {
        let model = Model::open(None, engine.into()).expect("the shipped model");
        let pixels: Vec<u8> = (0..model.input_bytes()).map(|n| (n / 5) as u8).collect();
        (model.engine().to_owned(), model.run(&pixels).expect("a run"))
    };
    let ((auto, ours), (tract, theirs)) = (run(Choice::Auto), run(Choice::Tract));
    assert!(
        auto.starts_with("repvgg ") && tract.starts_with("tract"),
        "{auto}, {tract}"
    );
    let near = ours
        .logits
        .iter()
        .zip(theirs.logits)
        .all(|(a, b)| (a - b).abs() < 0.05);
    assert!(near, "{:?}, {:?}", ours.logits, theirs.logits);
}

#[test]
fn a_node_beside_the_chain_is_refused() {
    let stray = departure(|g| {
        let (mut inputs, outputs) = (vec!["logits".to_owned()], vec!["more".to_owned()]);
        inputs.push("logits".into());
        let (name, op) = ("stray".into(), "Mul".into());
        g.nodes.push(onnx::Node {
            name,
            op,
            domain: String::new(),
            inputs,
            outputs,
            ints: Default::default(),
        });
    });
    assert_eq!(stray.place, "node stray (Mul)");
}

/// Fuzzing found it: 6 KB went round until the bound on activations, a million convolutions later.
#[test]
fn a_chain_that_runs_in_a_circle_is_refused_at_once() {
    let circle = departure(|g| {
        let second = g.nodes.iter_mut().find(|n| n.outputs == ["conv01.f32"]);
        second.expect("the second layer").outputs = vec!["conv00.f32".into()];
    });
    assert_eq!(
        (circle.place.as_str(), circle.found.as_str()),
        ("node conv01.sum (Conv)", "a circle")
    );
}

/// An error once repeated every number of a tensor that should have had one.
#[test]
fn an_error_does_not_repeat_the_file() {
    let long = departure(|g| {
        let scale = g.tensors.get_mut("conv00.scale").expect("a scale");
        (scale.dims, scale.values) = (vec![100_000], Values::F32(vec![0.5; 100_000]));
    });
    assert!(
        long.found.len() < 300 && long.found.starts_with("F32([0.5, 0.5"),
        "{}",
        long.found.len()
    );
}

#[test]
fn foreign_files_are_refused_in_words() {
    let error = |bytes: &[u8]| {
        let error = Model::from_bytes(bytes, Path::new("m.onnx"), Runtime::default())
            .err()
            .expect("not a model");
        crate::one_line(&error)
    };
    assert_eq!(error(b""), "m.onnx is not a usable model: the file is empty");
    assert!(
        error(b"\x89PNG\r\n\x1a\n then more").starts_with("m.onnx is not a usable model: not an ONNX file")
    );
    assert!(error(&SHIPPED[..SHIPPED.len() / 2]).starts_with("m.onnx is not a usable model: "));
    let missing = Model::open(Some(Path::new("/nowhere/m.onnx")), Runtime::default())
        .err()
        .expect("no file");
    assert!(
        missing
            .to_string()
            .contains("cannot read the model /nowhere/m.onnx")
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2048)) {
        if let Ok(graph) = onnx::read(&bytes) {
            prop_assert!(Contract::check(&graph).is_err());
        }
    }

    /// Damage in what describes the tensors, which is before and behind their bytes, and in the bytes.
    #[test]
    fn a_damaged_model_is_an_error_or_a_result(
        damage in proptest::collection::vec((0..SHIPPED.len(), any::<u8>()), 1..4),
        ends in proptest::collection::vec((0usize..4000, any::<bool>(), any::<u8>()), 0..4),
    ) {
        let mut bytes = SHIPPED.to_vec();
        for (at, byte) in damage {
            bytes[at] = byte;
        }
        for (at, front, byte) in ends {
            let last = bytes.len() - 1;
            bytes[if front { at } else { last - at }] = byte;
        }
        let runtime = Choice::Repvgg.into();
        if let Ok(model) = Model::from_bytes(&bytes, Path::new("m.onnx"), runtime) {
            prop_assert!(model.run(&vec![200; model.input_bytes()]).is_ok());
        }
    }
}
