//! An ONNX file as plain nodes and tensors, so that the contract can be checked without naming tract.

use std::collections::{BTreeMap, HashMap};

use tract_onnx::pb::{ModelProto, TensorProto, TypeProto, tensor_shape_proto, type_proto};
use tract_onnx::prelude::Framework;

/// The parts of a graph that the contract speaks of.
#[derive(Debug, Default)]
pub struct Graph {
    /// `ir_version`.
    pub ir_version: i64,
    /// Operator sets: domain (empty for ONNX's own) and version.
    pub opsets: Vec<(String, i64)>,
    /// Inputs that are not initializers.
    pub inputs: Vec<Port>,
    /// Outputs.
    pub outputs: Vec<Port>,
    /// Nodes in file order.
    pub nodes: Vec<Node>,
    /// Initializers by name.
    pub tensors: HashMap<String, Tensor>,
    /// `metadata_props`.
    pub metadata: BTreeMap<String, String>,
}

/// An input or output.
#[derive(Debug)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// `TensorProto.DataType`.
    pub data_type: i32,
    /// Sizes; `None` where the file leaves one open.
    pub dims: Vec<Option<usize>>,
}

/// One operator.
#[derive(Debug)]
pub struct Node {
    /// Its name, or its first output's where it has none.
    pub name: String,
    /// `Conv`, `Relu`, …
    pub op: String,
    /// Its operator set; empty for ONNX's own.
    pub domain: String,
    /// Names of its inputs; empty for one left out.
    pub inputs: Vec<String>,
    /// Names of its outputs.
    pub outputs: Vec<String>,
    /// Every attribute, single integers as lists of one; what is no integer counts as 0.
    pub ints: HashMap<String, Vec<i64>>,
}

/// An initializer.
#[derive(Debug)]
pub struct Tensor {
    /// Sizes, outermost first; empty for a scalar.
    pub dims: Vec<usize>,
    /// Its values.
    pub values: Values,
}

/// The element types that the contract uses.
#[derive(Debug, PartialEq)]
pub enum Values {
    /// Unsigned bytes.
    U8(Vec<u8>),
    /// Signed bytes.
    I8(Vec<i8>),
    /// 32-bit integers.
    I32(Vec<i32>),
    /// 64-bit integers.
    I64(Vec<i64>),
    /// Floats.
    F32(Vec<f32>),
    /// Any other `TensorProto.DataType`.
    Other(i32),
}

/// `TensorProto.DataType` values (onnx.proto3).
pub const FLOAT: i32 = 1;
/// Unsigned byte.
pub const UINT8: i32 = 2;
const INT8: i32 = 3;
const INT32: i32 = 6;
const INT64: i32 = 7;

/// Decodes `bytes`.
///
/// # Errors
/// What is wrong with the bytes, in words.
pub fn read(bytes: &[u8]) -> Result<Graph, String> {
    if bytes.is_empty() {
        return Err("the file is empty".into());
    }
    let proto = tract_onnx::onnx()
        .proto_model_for_read(&mut &*bytes)
        .map_err(|e| format!("not an ONNX file ({})", e.root_cause()))?;
    graph(proto)
}

fn graph(proto: ModelProto) -> Result<Graph, String> {
    let source = proto.graph.ok_or("not an ONNX file (it holds no graph)")?;
    let tensors = source
        .initializer
        .into_iter()
        .map(|t| Ok((t.name.clone(), tensor(t)?)))
        .collect::<Result<HashMap<_, _>, String>>()?;
    let port = |p: &tract_onnx::pb::ValueInfoProto| {
        let (data_type, dims) = p.r#type.as_ref().map_or((0, Vec::new()), kind);
        Port {
            name: p.name.clone(),
            data_type,
            dims,
        }
    };
    Ok(Graph {
        ir_version: proto.ir_version,
        opsets: proto
            .opset_import
            .iter()
            .map(|set| (set.domain.clone(), set.version))
            .collect(),
        inputs: source
            .input
            .iter()
            .filter(|i| !tensors.contains_key(&i.name))
            .map(port)
            .collect(),
        outputs: source.output.iter().map(port).collect(),
        nodes: source.node.iter().map(node).collect(),
        metadata: proto
            .metadata_props
            .iter()
            .map(|p| (p.key.clone(), p.value.clone()))
            .collect(),
        tensors,
    })
}

fn kind(t: &TypeProto) -> (i32, Vec<Option<usize>>) {
    let Some(type_proto::Value::TensorType(tensor)) = &t.value else {
        return (0, Vec::new());
    };
    let dims = tensor.shape.iter().flat_map(|s| &s.dim).map(|d| match d.value {
        Some(tensor_shape_proto::dimension::Value::DimValue(n)) => usize::try_from(n).ok(),
        _ => None,
    });
    (tensor.elem_type, dims.collect())
}

fn node(n: &tract_onnx::pb::NodeProto) -> Node {
    let ints = |a: &tract_onnx::pb::AttributeProto| {
        let values = if a.ints.is_empty() {
            vec![a.i]
        } else {
            a.ints.clone()
        };
        (a.name.clone(), values)
    };
    Node {
        name: if n.name.is_empty() {
            n.output.first().cloned().unwrap_or_default()
        } else {
            n.name.clone()
        },
        op: n.op_type.clone(),
        domain: n.domain.clone(),
        inputs: n.input.clone(),
        outputs: n.output.clone(),
        ints: n.attribute.iter().map(ints).collect(),
    }
}

fn tensor(t: TensorProto) -> Result<Tensor, String> {
    let dims = t
        .dims
        .iter()
        .map(|&d| usize::try_from(d).ok())
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| format!("initializer {} has a negative size", t.name))?;
    let raw = !t.raw_data.is_empty();
    let values = match t.data_type {
        UINT8 if raw => Values::U8(t.raw_data),
        UINT8 => Values::U8(t.int32_data.into_iter().map(|v| v as u8).collect()),
        // The network's weights: where they lie, they stay.
        INT8 if raw => Values::I8(t.raw_data.into_iter().map(u8::cast_signed).collect()),
        INT8 => Values::I8(t.int32_data.into_iter().map(|v| v as i8).collect()),
        INT32 if raw => Values::I32(numbers(&t.raw_data, i32::from_le_bytes)),
        INT32 => Values::I32(t.int32_data),
        INT64 if raw => Values::I64(numbers(&t.raw_data, i64::from_le_bytes)),
        INT64 => Values::I64(t.int64_data),
        FLOAT if raw => Values::F32(numbers(&t.raw_data, f32::from_le_bytes)),
        FLOAT => Values::F32(t.float_data),
        other => Values::Other(other),
    };
    let wanted = dims.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
    if !matches!(values, Values::Other(_)) && wanted != Some(values.len()) {
        return Err(format!(
            "initializer {}: {} values, expected {dims:?}; values outside the file are not read",
            t.name,
            values.len()
        ));
    }
    Ok(Tensor { dims, values })
}

/// Numbers that a file keeps as little-endian bytes.
fn numbers<T, const N: usize>(raw: &[u8], from: impl Fn([u8; N]) -> T) -> Vec<T> {
    raw.as_chunks().0.iter().map(|&c| from(c)).collect()
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Self::U8(v) => v.len(),
            Self::I8(v) => v.len(),
            Self::I32(v) => v.len(),
            Self::I64(v) => v.len(),
            Self::F32(v) => v.len(),
            Self::Other(_) => 0,
        }
    }
}
