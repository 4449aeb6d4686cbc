//! What a model file must contain (`models/README.md`), checked node by node before anything runs it.

use super::chain::{self, Network};
use super::onnx::{FLOAT, Graph, Port, UINT8};
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

pub(super) fn departs<T>(
    place: impl Into<String>,
    expected: impl Into<String>,
    found: impl Into<String>,
) -> Result<T, Departure> {
    // Names and numbers are the file's, and may be as long as it is.
    let short = |text: String| match text.char_indices().nth(LONGEST_WORDS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    };
    Err(Departure {
        place: short(place.into()),
        expected: short(expected.into()),
        found: short(found.into()),
    })
}

/// The most characters of a file that an error repeats.
const LONGEST_WORDS: usize = 200;
const IR_VERSION: i64 = 8;
const OPSET: i64 = 17;

/// Largest input side: keeps memory bounded whatever a file says.
const MAX_SIDE: usize = 1024;

impl Contract {
    /// Checks `graph` and reads its promises, and the network.
    ///
    /// # Errors
    /// The first [`Departure`].
    pub(super) fn check(graph: &Graph) -> Result<(Self, Network<'_>), Departure> {
        let [height, width] = input(graph)?;
        let [map_height, map_width] = outputs(graph)?;
        let opset = [(String::new(), OPSET)];
        if graph.ir_version != IR_VERSION || graph.opsets != opset {
            let expected = format!("ir_version {IR_VERSION}, opset {OPSET} and no other domain");
            return departs(
                "the file",
                expected,
                format!("ir_version {}, {:?}", graph.ir_version, graph.opsets),
            );
        }
        let network = chain::read(graph, [height, width], [map_height, map_width])?;
        let contract = Self {
            name: name(graph)?,
            version: version(graph)?,
            intended_use: text(graph, "intended_use")?,
            training_data: text(graph, "training_data")?,
            temperature: number(graph, "temperature")?,
            band: [number(graph, "band_low")?, number(graph, "band_high")?],
            width,
            height,
            map_width,
            map_height,
        };
        text(graph, "source")?;
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
        Ok((contract, network))
    }
}

fn name(graph: &Graph) -> Result<String, Departure> {
    let name = text(graph, "name")?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.chars().all(plain) {
        Ok(name)
    } else {
        departs("metadata name", "letters a-z, digits and hyphens", name)
    }
}

fn version(graph: &Graph) -> Result<String, Departure> {
    let version = text(graph, "version")?;
    let numbers: Vec<_> = version.split('.').map(str::parse::<u32>).collect();
    match numbers[..] {
        [Ok(_), Ok(_), Ok(_)] => Ok(version),
        _ => departs("metadata version", "three numbers MAJOR.MINOR.PATCH", version),
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
