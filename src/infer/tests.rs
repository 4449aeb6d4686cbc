use proptest::prelude::*;

use super::onnx::{Graph, Values};
use super::*;

fn graph() -> Graph {
    onnx::read(SHIPPED).expect("the shipped model").1
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

#[test]
fn a_convolution_that_is_not_quantized_is_named() {
    let conv = |g: &Graph| {
        g.nodes
            .iter()
            .position(|n| n.op == "Conv")
            .expect("a convolution")
    };
    let float_weights = departure(|g| {
        let at = conv(g);
        g.nodes[at].inputs[1] = "nowhere".into();
    });
    assert!(float_weights.place.contains("(Conv)"), "{float_weights}");
    assert!(
        float_weights.expected.contains("DequantizeLinear"),
        "{float_weights}"
    );
    let shifted = departure(|g| {
        for tensor in g.tensors.values_mut() {
            if let Values::I8(values) = &mut tensor.values
                && tensor.dims.len() == 1
            {
                values.fill(1);
            }
        }
    });
    assert!(shifted.expected.contains("zero points 0"), "{shifted}");
    let unquantized = departure(|g| g.nodes.retain(|n| n.op != "QuantizeLinear"));
    assert!(unquantized.expected.contains("QuantizeLinear"), "{unquantized}");
}

#[test]
fn a_map_that_does_not_make_the_logits_is_refused() {
    let node = |g: &mut Graph, op: &str, change: fn(&mut onnx::Node)| {
        let at = g.nodes.iter().position(|n| n.op == op).expect("the node");
        change(&mut g.nodes[at]);
    };
    let mean = departure(|g| node(g, "ReduceMean", |n| drop(n.ints.insert("axes".into(), vec![1]))));
    assert!(mean.expected.contains("mean of activation_map"), "{mean}");
    let sum = departure(|g| node(g, "Add", |n| n.op = "Sub".into()));
    assert_eq!(sum.place, "output logits");
}

#[test]
fn foreign_files_are_refused_in_words() {
    let error = |bytes: &[u8]| {
        let error = Model::from_bytes(bytes, Path::new("m.onnx"))
            .err()
            .expect("not a model");
        crate::one_line(&error)
    };
    assert_eq!(error(b""), "m.onnx is not a usable model: the file is empty");
    assert!(
        error(b"\x89PNG\r\n\x1a\n then more").starts_with("m.onnx is not a usable model: not an ONNX file")
    );
    assert!(error(&SHIPPED[..SHIPPED.len() / 2]).starts_with("m.onnx is not a usable model: "));
    let missing = Model::load(Path::new("/nowhere/m.onnx")).err().expect("no file");
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
        if let Ok((_, graph)) = onnx::read(&bytes) {
            prop_assert!(Contract::check(&graph).is_err());
        }
    }

    #[test]
    fn a_damaged_model_is_an_error_or_a_result(at in 0..SHIPPED.len(), byte in any::<u8>()) {
        let mut bytes = SHIPPED.to_vec();
        bytes[at] = byte;
        if let Ok((_, graph)) = onnx::read(&bytes) {
            let _ = Contract::check(&graph);
        }
    }
}
