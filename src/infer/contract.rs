//! What a model file must contain (`models/README.md`), checked node by node before anything runs it.

use std::collections::HashMap;

use super::onnx::{FLOAT, Graph, Node, Port, Tensor, UINT8, Values};
use crate::preprocess;

/// A model's promises, read from a file that keeps the contract.
#[derive(Clone, Debug, PartialEq)]
pub struct Contract {
    /// `name` of the metadata.
    pub name: String,
    /// `version` of the metadata.
    pub version: String,
    /// `intended_use` of the metadata.
    pub intended_use: String,
    /// `training_data` of the metadata.
    pub training_data: String,
    /// Softmax temperature, above 0.
    pub temperature: f32,
    /// Scores from the first to the second are indeterminate.
    pub band: [f32; 2],
    /// Input width in pixels.
    pub width: usize,
    /// Input height in pixels.
    pub height: usize,
    /// Columns of the activation map.
    pub map_width: usize,
    /// Rows of the activation map.
    pub map_height: usize,
}

/// Where a model departs from the contract.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("at {place}: expected {expected}, found {found}")]
pub struct Departure {
    /// `node conv3`, `input pixels`, `metadata temperature`.
    pub place: String,
    /// What the contract says.
    pub expected: String,
    /// What the file says.
    pub found: String,
}

fn departs<T>(
    place: impl Into<String>,
    expected: impl Into<String>,
    found: impl Into<String>,
) -> Result<T, Departure> {
    Err(Departure {
        place: place.into(),
        expected: expected.into(),
        found: found.into(),
    })
}

/// Largest input side: keeps memory bounded whatever a file says.
const MAX_SIDE: usize = 1024;

impl Contract {
    /// Checks `graph` and reads its promises.
    ///
    /// # Errors
    /// The first [`Departure`].
    pub fn check(graph: &Graph) -> Result<Self, Departure> {
        let [height, width] = input(graph)?;
        let [map_height, map_width] = outputs(graph)?;
        let checker = Checker::new(graph);
        checker.quantized_convolutions()?;
        checker.head()?;
        let contract = Self {
            name: text(graph, "name")?,
            version: text(graph, "version")?,
            intended_use: text(graph, "intended_use")?,
            training_data: text(graph, "training_data")?,
            temperature: number(graph, "temperature")?,
            band: [number(graph, "band_low")?, number(graph, "band_high")?],
            width,
            height,
            map_width,
            map_height,
        };
        exactly(graph, "classes", "low,high")?;
        exactly(graph, "preprocessing", preprocess::NAME)?;
        let [low, high] = contract.band;
        if contract.temperature <= 0.0 {
            return departs(
                "metadata temperature",
                "a number above 0",
                contract.temperature.to_string(),
            );
        }
        if !(0.0 <= low && low <= high && high <= 1.0) {
            return departs(
                "metadata band_low, band_high",
                "0 <= band_low <= band_high <= 1",
                format!("{low}, {high}"),
            );
        }
        Ok(contract)
    }
}

fn text(graph: &Graph, key: &str) -> Result<String, Departure> {
    match graph.metadata.get(key) {
        Some(value) if !value.is_empty() => Ok(value.clone()),
        _ => departs(format!("metadata {key}"), "a value", "none"),
    }
}

fn exactly(graph: &Graph, key: &str, wanted: &str) -> Result<(), Departure> {
    let value = text(graph, key)?;
    if value == wanted {
        Ok(())
    } else {
        departs(format!("metadata {key}"), wanted, value)
    }
}

fn number(graph: &Graph, key: &str) -> Result<f32, Departure> {
    let value = text(graph, key)?;
    match value.parse::<f32>() {
        Ok(n) if n.is_finite() => Ok(n),
        _ => departs(format!("metadata {key}"), "a number", value),
    }
}

fn describe(port: &Port) -> String {
    let dims: Vec<String> = port
        .dims
        .iter()
        .map(|d| d.map_or("?".into(), |n| n.to_string()))
        .collect();
    format!("element type {} with shape [{}]", port.data_type, dims.join(","))
}

fn input(graph: &Graph) -> Result<[usize; 2], Departure> {
    let expected =
        format!("one input, u8 (type {UINT8}) [1,3,H,W] with H and W multiples of 32 up to {MAX_SIDE}");
    let [port] = &graph.inputs[..] else {
        return departs("input pixels", expected, format!("{} inputs", graph.inputs.len()));
    };
    let fits = |n: usize| n > 0 && n.is_multiple_of(32) && n <= MAX_SIDE;
    match port.dims[..] {
        [Some(1), Some(3), Some(h), Some(w)]
            if port.name == "pixels" && port.data_type == UINT8 && fits(h) && fits(w) =>
        {
            Ok([h, w])
        }
        _ => departs(
            "input pixels",
            expected,
            format!("input {}: {}", port.name, describe(port)),
        ),
    }
}

fn outputs(graph: &Graph) -> Result<[usize; 2], Departure> {
    let find = |name: &str, expected: &str| match graph.outputs.iter().find(|o| o.name == name) {
        Some(port) => Ok(port),
        None => departs(format!("output {name}"), expected, "no such output"),
    };
    let expected = "f32 [1,2]: low, high";
    let logits = find("logits", expected)?;
    if logits.data_type != FLOAT || logits.dims != [Some(1), Some(2)] {
        return departs("output logits", expected, describe(logits));
    }
    let expected = format!("f32 [1,2,h,w] with h and w from 1 to {MAX_SIDE}");
    let map = find("activation_map", &expected)?;
    match map.dims[..] {
        [Some(1), Some(2), Some(h), Some(w)]
            if map.data_type == FLOAT && (1..=MAX_SIDE).contains(&h) && (1..=MAX_SIDE).contains(&w) =>
        {
            Ok([h, w])
        }
        _ => departs("output activation_map", expected, describe(map)),
    }
}

struct Checker<'a> {
    graph: &'a Graph,
    producer: HashMap<&'a str, &'a Node>,
}

impl<'a> Checker<'a> {
    fn new(graph: &'a Graph) -> Self {
        let made = |n: &'a Node| n.outputs.iter().map(move |o| (o.as_str(), n));
        Self {
            graph,
            producer: graph.nodes.iter().flat_map(made).collect(),
        }
    }

    /// The node that makes input `n` of `node`, which must be an `op`.
    fn made_by(&self, node: &Node, n: usize, op: &str) -> Result<&'a Node, Departure> {
        let name = node.inputs.get(n).map_or("", String::as_str);
        match self.producer.get(name) {
            Some(made) if made.op == op => Ok(made),
            Some(other) => departs(
                place(node),
                format!("input {n} from {op}"),
                format!("{} ({})", other.op, other.name),
            ),
            None => departs(
                place(node),
                format!("input {n} from {op}"),
                format!("\"{name}\", which no node makes"),
            ),
        }
    }

    fn constant(&self, node: &Node, n: usize, what: &str) -> Result<&'a Tensor, Departure> {
        let name = node.inputs.get(n).map_or("", String::as_str);
        match self.graph.tensors.get(name) {
            Some(tensor) => Ok(tensor),
            None => departs(
                place(node),
                format!("input {n}, {what}, as an initializer"),
                format!("\"{name}\""),
            ),
        }
    }

    fn quantized_convolutions(&self) -> Result<(), Departure> {
        for node in &self.graph.nodes {
            match node.op.as_str() {
                "QuantizeLinear" => {
                    self.made_by(node, 0, "Relu")?;
                    self.activation_scale(node)?;
                }
                "Conv" if !makes(node, "activation_map") => self.quantized_convolution(node)?,
                _ => {}
            }
        }
        if self.graph.nodes.iter().any(|n| n.op == "QuantizeLinear") {
            return Ok(());
        }
        departs(
            "the graph",
            "quantized convolutions (QDQ, u8 activations, s8 weights)",
            "no QuantizeLinear node",
        )
    }

    fn quantized_convolution(&self, conv: &Node) -> Result<(), Departure> {
        self.activation(self.made_by(conv, 0, "DequantizeLinear")?)?;
        let dequantize = self.made_by(conv, 1, "DequantizeLinear")?;
        let weights = self.constant(dequantize, 0, "the weights")?;
        let (Values::I8(_), [channels, _, _, _]) = (&weights.values, &weights.dims[..]) else {
            return departs(
                place(conv),
                "s8 weights [co,ci,k,k]",
                format!("weights of shape {:?}", weights.dims),
            );
        };
        self.per_channel(conv, dequantize, *channels)?;
        if conv.inputs.get(2).is_some_and(|b| !b.is_empty()) {
            let dequantize = self.made_by(conv, 2, "DequantizeLinear")?;
            let bias = self.constant(dequantize, 0, "the bias")?;
            if !matches!(bias.values, Values::I32(_)) || bias.dims != [*channels] {
                return departs(
                    place(conv),
                    format!("an i32 bias [{channels}]"),
                    format!("a bias of shape {:?}", bias.dims),
                );
            }
            self.per_channel(conv, dequantize, *channels)?;
        }
        Ok(())
    }

    /// One scale for each output channel, all zero points 0.
    fn per_channel(&self, conv: &Node, dequantize: &Node, channels: usize) -> Result<(), Departure> {
        let scale = self.constant(dequantize, 1, "the scales")?;
        let good = matches!(&scale.values, Values::F32(s) if s.iter().all(|s| s.is_finite() && *s > 0.0));
        let axis = dequantize.ints.get("axis").map_or(1, |a| a[0]);
        if scale.dims != [channels] || !good || axis != 0 {
            let expected = format!("{channels} scales above 0 along axis 0");
            return departs(
                place(conv),
                expected,
                format!("scales of shape {:?} along axis {axis}", scale.dims),
            );
        }
        if dequantize.inputs.len() > 2 {
            let zero = self.constant(dequantize, 2, "the zero points")?;
            let zeros = match &zero.values {
                Values::I8(z) => z.iter().all(|z| *z == 0),
                Values::I32(z) => z.iter().all(|z| *z == 0),
                _ => false,
            };
            if !zeros {
                return departs(place(conv), "zero points 0 for weights and bias", "others");
            }
        }
        Ok(())
    }

    /// A dequantized activation: the input's bytes over 255, or what a QuantizeLinear made.
    fn activation(&self, dequantize: &Node) -> Result<(), Departure> {
        let scale = self.activation_scale(dequantize)?;
        if dequantize.inputs.first().is_some_and(|i| i == "pixels") {
            if (f64::from(scale) * 255.0 - 1.0).abs() > 1e-6 {
                return departs(
                    place(dequantize),
                    "scale 1/255 for the picture's bytes",
                    scale.to_string(),
                );
            }
            return Ok(());
        }
        self.made_by(dequantize, 0, "QuantizeLinear").map(|_| ())
    }

    /// The scale of a u8 activation with zero point 0.
    fn activation_scale(&self, node: &Node) -> Result<f32, Departure> {
        let (scale, zero) = (
            self.constant(node, 1, "the scale")?,
            self.constant(node, 2, "the zero point")?,
        );
        match (&scale.values, &zero.values) {
            (Values::F32(s), Values::U8(z))
                if s.len() == 1 && s[0].is_finite() && s[0] > 0.0 && z[..] == [0] =>
            {
                Ok(s[0])
            }
            _ => departs(
                place(node),
                "one scale above 0 and a u8 zero point of 0",
                format!("{:?}, {:?}", scale.values, zero.values),
            ),
        }
    }

    /// `logits` = spatial mean of `activation_map` + bias; `activation_map` = 1×1 convolution of the last activation.
    fn head(&self) -> Result<(), Departure> {
        let find = |name: &str| self.producer.get(name).copied();
        let Some(map) = find("activation_map").filter(|n| n.op == "Conv") else {
            return departs("output activation_map", "a Conv node", "another");
        };
        self.activation(self.made_by(map, 0, "DequantizeLinear")?)?;
        let weights = self.constant(map, 1, "the classifier's weights")?;
        if !matches!(weights.values, Values::F32(_))
            || !matches!(weights.dims[..], [2, _, 1, 1])
            || map.inputs.len() > 2
        {
            return departs(
                place(map),
                "f32 weights [2,C,1,1] and no bias",
                format!("weights of shape {:?}", weights.dims),
            );
        }
        let Some(add) = find("logits").filter(|n| n.op == "Add" && n.inputs.len() == 2) else {
            return departs("output logits", "an Add node: mean of the map + bias", "another");
        };
        let bias = usize::from(self.producer.contains_key(add.inputs[0].as_str()));
        let mean = self.made_by(add, 1 - bias, "ReduceMean")?;
        let bias = self.constant(add, bias, "the bias")?;
        if !matches!(&bias.values, Values::F32(b) if b.len() == 2) {
            return departs(
                place(add),
                "an f32 bias [2]",
                format!("a bias of shape {:?}", bias.dims),
            );
        }
        let axes = mean.ints.get("axes").map(Vec::as_slice);
        let keep = mean.ints.get("keepdims").is_none_or(|k| k[0] != 0);
        if mean.inputs.first().map(String::as_str) != Some("activation_map") || axes != Some(&[2, 3]) || keep
        {
            return departs(
                place(mean),
                "the mean of activation_map over axes 2 and 3, keepdims 0",
                format!("axes {axes:?}"),
            );
        }
        Ok(())
    }
}

fn makes(node: &Node, name: &str) -> bool {
    node.outputs.iter().any(|o| o == name)
}

fn place(node: &Node) -> String {
    format!("node {} ({})", node.name, node.op)
}
