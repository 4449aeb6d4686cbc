//! The graph part of the contract: one chain from `pixels` to `logits`, walked node by node, and what it says.

use std::collections::{HashMap, HashSet};

use super::contract::{Departure, departs};
use super::onnx::{Graph, Node, Tensor, Values};

/// The most activations that a body may make, borders counted, channels in sixteens: keeps memory bounded whatever a
/// file says.
const MAX_ACTIVATIONS: usize = 1 << 28;

/// What a chain says: all that an engine needs.
#[derive(Debug)]
pub(super) struct Network<'a> {
    /// Input height and width.
    pub input: [usize; 2],
    /// The body, first to last.
    pub convolutions: Vec<Convolution<'a>>,
    /// `[2, C]`, and C.
    pub head: (&'a [f32], usize),
    /// `[2]`.
    pub bias: &'a [f32],
}

/// A convolution of the body with its bias, ReLU and requantization.
#[derive(Debug)]
pub(super) struct Convolution<'a> {
    /// The node's name.
    pub name: &'a str,
    /// Output channels, input channels, side of the kernel.
    pub dims: [usize; 3],
    /// Of both axes.
    pub stride: usize,
    /// `[co, ci, k, k]`.
    pub weights: &'a [i8],
    /// `[co]`.
    pub scales: &'a [f32],
    /// `[co]`.
    pub bias: &'a [i32],
    /// Scale of what it reads.
    pub input_scale: f32,
    /// Scale of what it makes.
    pub output_scale: f32,
}

/// Walks the chain of a model with this input and this activation map, each height × width.
///
/// # Errors
/// The first node that is not what the contract says.
pub(super) fn read(graph: &Graph, input: [usize; 2], map: [usize; 2]) -> Result<Network<'_>, Departure> {
    let mut chain = Chain::new(graph);
    let mut scale = chain.input()?;
    let mut convolutions = Vec::new();
    let (mut sides, mut activations) = (input, 0usize);
    let head = loop {
        let conv = chain.next("Conv")?;
        if chain.is_head(conv) {
            break conv;
        }
        let mut convolution = chain.convolution(conv, scale)?;
        sides = sides.map(|side| side.div_ceil(convolution.stride));
        let channels = convolution.dims[0].saturating_add(15) / 16 * 16;
        let made = sides.iter().fold(channels, |n, side| n.saturating_mul(side + 2));
        activations = activations.saturating_add(made);
        if activations > MAX_ACTIVATIONS {
            let expected = format!("at most {MAX_ACTIVATIONS} activations up to here");
            return departs(place(conv), expected, activations.to_string());
        }
        chain.next("Relu")?;
        let quantize = chain.next("QuantizeLinear")?;
        scale = chain.activation_scale(quantize)?;
        convolution.output_scale = scale;
        convolutions.push(convolution);
        let dequantize = chain.next("DequantizeLinear")?;
        let again = chain.activation_scale(dequantize)?;
        if again != scale {
            return departs(
                place(dequantize),
                format!("the scale {scale} of {}", quantize.name),
                again.to_string(),
            );
        }
    };
    let strides = convolutions.iter().map(|c| c.stride);
    let stride = strides.fold(1usize, usize::saturating_mul);
    if stride != 32 || input.map(|side| side / 32) != map {
        let found = format!("strides of {stride} and a map of {}x{}", map[0], map[1]);
        return departs(
            place(head),
            "strides that multiply to 32 and a map of H/32 x W/32",
            found,
        );
    }
    let (head, bias) = chain.head(head)?;
    match graph
        .nodes
        .iter()
        .find(|n| !chain.seen.contains(&std::ptr::from_ref(*n)))
    {
        Some(stray) => departs(
            place(stray),
            "no node beside the chain from pixels to logits",
            stray.op.clone(),
        ),
        None => Ok(Network {
            input,
            convolutions,
            head,
            bias,
        }),
    }
}

struct Chain<'a> {
    graph: &'a Graph,
    producers: HashMap<&'a str, &'a Node>,
    consumers: HashMap<&'a str, Vec<&'a Node>>,
    /// The last node of the chain, and what it made.
    last: String,
    value: &'a str,
    /// The nodes that were checked.
    seen: HashSet<*const Node>,
}

impl<'a> Chain<'a> {
    fn new(graph: &'a Graph) -> Self {
        let (mut producers, mut consumers) = (HashMap::new(), HashMap::<_, Vec<_>>::new());
        for node in &graph.nodes {
            for output in &node.outputs {
                producers.insert(output.as_str(), node);
            }
            for input in &node.inputs {
                consumers.entry(input.as_str()).or_default().push(node);
            }
        }
        let last = "input pixels".to_owned();
        Self {
            graph,
            producers,
            consumers,
            last,
            value: "pixels",
            seen: HashSet::new(),
        }
    }

    /// The only node that reads the last value, which must be an `op`.
    fn next(&mut self, op: &str) -> Result<&'a Node, Departure> {
        let found = match self.consumers.get(self.value).map(Vec::as_slice) {
            Some([node]) if node.op == op && node.outputs.len() == 1 && node.domain.is_empty() => {
                self.last = place(node);
                self.value = &node.outputs[0];
                if !self.seen.insert(*node) {
                    return departs(place(node), "a chain that comes to an end", "a circle");
                }
                return Ok(node);
            }
            Some([node]) => place(node),
            readers => format!("{} nodes", readers.map_or(0, <[_]>::len)),
        };
        departs(self.last.clone(), format!("one {op} node after it"), found)
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

    /// The dequantized bytes of the picture; gives their scale.
    fn input(&mut self) -> Result<f32, Departure> {
        let dequantize = self.next("DequantizeLinear")?;
        let scale = self.activation_scale(dequantize)?;
        if scale != 1.0 / 255.0 {
            return departs(
                place(dequantize),
                "scale 1/255 for the picture's bytes",
                scale.to_string(),
            );
        }
        Ok(scale)
    }

    /// The scale of a u8 activation with zero point 0.
    fn activation_scale(&self, node: &Node) -> Result<f32, Departure> {
        let (scale, zero) = (
            self.constant(node, 1, "the scale")?,
            self.constant(node, 2, "the zero point")?,
        );
        match (&scale.values, &zero.values) {
            (Values::F32(s), Values::U8(z)) if scale.dims.is_empty() && good(s) && z[..] == [0] => Ok(s[0]),
            _ => {
                let found = format!("{:?}, {:?}", scale.values, zero.values);
                departs(place(node), "one scale above 0 and a u8 zero point of 0", found)
            }
        }
    }

    /// A convolution of the body, whose input has `input_scale`; the scale of its output follows.
    fn convolution(&mut self, conv: &'a Node, input_scale: f32) -> Result<Convolution<'a>, Departure> {
        let (weights, scales) = self.dequantized(conv, 1, "the weights")?;
        let [channels, inputs, kernel, width] = weights.dims[..] else {
            return departs(
                place(conv),
                "weights [co,ci,k,k]",
                format!("shape {:?}", weights.dims),
            );
        };
        let weights = match &weights.values {
            Values::I8(w) if kernel == width && scales.len() == channels && w.iter().all(|w| *w != -128) => w,
            _ => {
                let found = format!("weights {:?} with {} scales", weights.dims, scales.len());
                return departs(
                    place(conv),
                    "s8 weights -127..127 with a scale for each output channel",
                    found,
                );
            }
        };
        let (bias, bias_scales) = self.dequantized(conv, 2, "the bias")?;
        let follows = |(bias, weight): (&f32, &f32)| (bias / (input_scale * weight) - 1.0).abs() <= 1e-6;
        let bias = match &bias.values {
            Values::I32(values) if bias.dims == [channels] && bias_scales.len() == channels => values,
            _ => {
                return departs(
                    place(conv),
                    format!("an i32 bias [{channels}]"),
                    format!("a bias {:?}", bias.dims),
                );
            }
        };
        if !bias_scales.iter().zip(scales).all(follows) {
            return departs(place(conv), "bias scales = input scale x weight scales", "others");
        }
        Ok(Convolution {
            name: &conv.name,
            dims: [channels, inputs, kernel],
            stride: self.geometry(conv, kernel)?,
            weights,
            scales,
            bias,
            input_scale,
            output_scale: 0.0,
        })
    }

    /// Kernel 3 with padding 1, or kernel 1 without; one stride for both axes, which it gives.
    fn geometry(&self, conv: &Node, kernel: usize) -> Result<usize, Departure> {
        let ints =
            |name: &str, absent: &[i64]| conv.ints.get(name).cloned().unwrap_or_else(|| absent.to_vec());
        let (strides, pads) = (ints("strides", &[1, 1]), ints("pads", &[0; 4]));
        let plain = ints("dilations", &[1, 1]) == [1, 1] && ints("group", &[1]) == [1];
        let padded = match kernel {
            3 => pads == [1; 4],
            1 => pads == [0; 4],
            _ => false,
        };
        match strides[..] {
            [a, b]
                if a == b
                    && (1..=2).contains(&a)
                    && plain
                    && padded
                    && !conv.ints.contains_key("auto_pad") =>
            {
                Ok(a as usize)
            }
            _ => {
                let found =
                    format!("kernel {kernel}, strides {strides:?}, pads {pads:?}, or another attribute");
                departs(
                    place(conv),
                    "3x3 with pads 1 or 1x1 without, strides 1,1 or 2,2, dilations and group 1",
                    found,
                )
            }
        }
    }

    /// Input `n` of `conv`: a constant and its scales along axis 0, with zero points 0.
    fn dequantized(
        &mut self,
        conv: &Node,
        n: usize,
        what: &str,
    ) -> Result<(&'a Tensor, &'a [f32]), Departure> {
        let name = conv.inputs.get(n).map_or("", String::as_str);
        let expected = || format!("{what} from a DequantizeLinear of their own");
        let node = match self.producers.get(name) {
            Some(node) if node.op == "DequantizeLinear" && self.consumers[name].len() == 1 => *node,
            Some(other) => return departs(place(conv), expected(), place(other)),
            None => {
                return departs(
                    place(conv),
                    expected(),
                    format!("\"{name}\", which no node makes"),
                );
            }
        };
        self.seen.insert(node);
        if node.inputs.len() > 2 {
            let zero = self.constant(node, 2, "the zero points")?;
            let zeros = match &zero.values {
                Values::I8(z) => z.iter().all(|z| *z == 0),
                Values::I32(z) => z.iter().all(|z| *z == 0),
                _ => false,
            };
            if !zeros {
                return departs(place(node), "zero points 0", "others");
            }
        }
        match &self.constant(node, 1, "the scales")?.values {
            Values::F32(scales) if good(scales) && node.ints.get("axis").is_some_and(|a| a[..] == [0]) => {
                Ok((self.constant(node, 0, what)?, scales))
            }
            other => departs(
                place(node),
                "f32 scales above 0 along axis 0",
                format!("{other:?}"),
            ),
        }
    }

    /// The head's weights are constants as they are; those of the body are dequantized.
    fn is_head(&self, conv: &Node) -> bool {
        conv.inputs
            .get(1)
            .is_some_and(|weights| self.graph.tensors.contains_key(weights))
    }

    /// `activation_map` = 1×1 convolution of the last activation, `logits` = its spatial mean + bias; gives the weights
    /// with their channels, and the bias.
    #[expect(clippy::type_complexity, reason = "named by the fields that it fills")]
    fn head(&mut self, conv: &Node) -> Result<((&'a [f32], usize), &'a [f32]), Departure> {
        let tensor = self.constant(conv, 1, "the classifier's weights")?;
        let plain = conv.inputs.len() == 2 && self.value == "activation_map" && self.geometry(conv, 1)? == 1;
        let weights = match (&tensor.values, &tensor.dims[..]) {
            (Values::F32(weights), [2, channels, 1, 1]) if plain => (&weights[..], *channels),
            _ => {
                let found = format!("weights {:?}, output {}", tensor.dims, self.value);
                return departs(
                    place(conv),
                    "f32 weights [2,C,1,1], no bias, stride 1, output activation_map",
                    found,
                );
            }
        };
        let mean = self.next("ReduceMean")?;
        let axes = mean.ints.get("axes").map(Vec::as_slice);
        if axes != Some(&[2, 3]) || mean.ints.get("keepdims").is_none_or(|k| k[..] != [0]) {
            return departs(place(mean), "axes 2 and 3, keepdims 0", format!("axes {axes:?}"));
        }
        let made = self.value;
        let add = self.next("Add")?;
        let other = usize::from(add.inputs.first().is_some_and(|i| i == made));
        let bias = self.constant(add, other, "the bias")?;
        match &bias.values {
            Values::F32(b) if b.len() == 2 && self.value == "logits" => Ok((weights, b)),
            _ => departs(
                place(add),
                "an f32 bias [2] and the output logits",
                format!("a bias {:?}", bias.dims),
            ),
        }
    }
}

/// At least one scale, each finite and above 0.
fn good(scales: &[f32]) -> bool {
    !scales.is_empty() && scales.iter().all(|s| s.is_finite() && *s > 0.0)
}

fn place(node: &Node) -> String {
    format!("node {} ({})", node.name, node.op)
}
