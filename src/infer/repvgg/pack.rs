//! A layer laid out for a kernel: where its activations lie, its tiles, its weights in the order in which they are read.
//!
//! Activations lie in planes of [`GROUP`] channels, each pixel's channels side by side, with a border of one pixel that
//! stays 0: a tile needs no other padding and no im2col.

use std::ops::Range;

use super::kernel::{APART, CHUNK, GROUP, Kernel, STEP, Shape};
use super::plan::{Layer, strided};
use super::split::{Split, Taps, split};

/// Where the activations of a layer lie in their buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Map {
    /// Rows, without the border.
    pub height: usize,
    /// Pixels of a row, without the border.
    pub width: usize,
    /// Planes.
    pub planes: usize,
    /// Bytes of a pixel in a plane.
    pub pixel: usize,
    /// Bytes from a row to the next.
    pub row: usize,
    /// Bytes from a plane to the next.
    pub plane: usize,
}

impl Map {
    /// The picture: a plane for each colour.
    pub fn picture(height: usize, width: usize) -> Self {
        let row = (width + 2).next_multiple_of(GROUP);
        Self {
            height,
            width,
            planes: 3,
            pixel: 1,
            row,
            plane: row * (height + 2),
        }
    }

    /// What a layer makes.
    pub fn activations(channels: usize, height: usize, width: usize) -> Self {
        let row = (width + 2) * GROUP;
        // A tile reads three rows of each plane: these must not fall on the same sets of a cache of 4 KiB a way.
        let rows = row * (height + 2);
        let plane = if rows < 4096 {
            rows.next_multiple_of(64)
        } else {
            rows + ((3 * row).wrapping_sub(rows) % 4096).next_multiple_of(64)
        };
        Self {
            height,
            width,
            planes: channels.div_ceil(GROUP),
            pixel: GROUP,
            row,
            plane,
        }
    }

    /// Bytes of all of it; a step may read the 16 bytes after the last pixel.
    pub fn bytes(&self) -> usize {
        self.planes * self.plane + GROUP
    }

    /// Where the pixel at row `y`, column `x` begins in its plane.
    pub fn at(&self, y: usize, x: usize) -> usize {
        (y + 1) * self.row + (x + 1) * self.pixel
    }

    /// Where the window of the output pixel at row `y`, column `x` begins.
    pub fn window(&self, stride: usize, y: usize, x: usize) -> usize {
        y * stride * self.row + x * stride * self.pixel
    }
}

/// Output channels that are computed together.
pub struct Block {
    /// The first.
    pub channel: usize,
    /// Tiles of most rows.
    pub shape: Shape,
    /// Tiles of the rows that are left over, one row high.
    pub rest: Shape,
    /// Where its weights lie among those of all layers.
    pub weights: Range<usize>,
    /// Whether four steps' products are added up in 16 bits.
    pub joint: bool,
    /// Offsets of its single steps from a window.
    pub singles: Vec<u32>,
}

/// A layer as a kernel runs it.
pub struct Packed {
    /// What it reads.
    pub from: Map,
    /// What it writes.
    pub to: Map,
    /// Of both axes.
    pub stride: usize,
    /// Which of [`APART`] its windows are.
    pub apart: usize,
    /// Offsets of the chunks from a window.
    pub chunks: Vec<u32>,
    /// Its output channels.
    pub blocks: Vec<Block>,
    /// For each output channel.
    pub bias: Vec<i32>,
    /// For each output channel.
    pub factors: Vec<f32>,
}

/// Four bytes of a window: where they begin, and which weights they meet (input channel, row, column).
struct Step {
    offset: u32,
    taps: [Option<[usize; 3]>; STEP],
}

impl Packed {
    /// Lays out `layer`, which reads `from`, and appends its blocks' weights to `bytes`, step by step: [`STEP`] for each channel.
    pub fn new(layer: &Layer<'_>, from: Map, kernel: &dyn Kernel, bytes: &mut Vec<u8>) -> Self {
        let to = Map::activations(
            layer.outputs,
            strided(from.height, layer.stride),
            strided(from.width, layer.stride),
        );
        let apart = APART
            .iter()
            .position(|&apart| apart == from.pixel * layer.stride)
            .expect("the plan's strides are those that kernels have tiles for");
        let steps = steps(layer, &from);
        let whole = steps.len() / CHUNK * CHUNK * usize::from(from.pixel == GROUP);
        let mut packed = Self {
            from,
            to,
            stride: layer.stride,
            apart,
            chunks: steps[..whole]
                .iter()
                .step_by(CHUNK)
                .map(|step| step.offset)
                .collect(),
            blocks: Vec::new(),
            bias: vec![0; to.planes * GROUP],
            factors: vec![0.0; to.planes * GROUP],
        };
        packed.factors[..layer.outputs].copy_from_slice(&layer.factors);
        for (channel, bias) in layer.bias.iter().enumerate() {
            // Activations that are stored as a - 128 leave 128 · Σ w to the bias.
            let weights = &layer.weights[channel * layer.inputs * 9..][..layer.inputs * 9];
            let sum: i32 = weights.iter().map(|&w| i32::from(w)).sum();
            packed.bias[channel] = bias + i32::from(kernel.zero()) * sum;
        }
        let mut channel = 0;
        for (shape, rest, blocks) in super::shape::choose(&to, kernel) {
            for _ in 0..blocks {
                let channels = shape.vectors * kernel.lanes();
                let mut taps = taps(layer, &steps, channel, channels);
                let split = if kernel.saturates() {
                    split(&mut taps, channels, whole)
                } else {
                    Split {
                        joint: false,
                        more: Vec::new(),
                    }
                };
                let weights = bytes.len();
                let more = split.more.iter().flat_map(|(_, taps)| taps);
                bytes.extend(taps.iter().chain(more).flatten().map(|w| w.cast_unsigned()));
                let chunks = &mut bytes[weights..][..whole * channels * STEP];
                chunks
                    .chunks_exact_mut(CHUNK * channels * STEP)
                    .for_each(|chunk| kernel.arrange(chunk));
                bytes.resize(bytes.len().next_multiple_of(64), 0);
                let more = split.more.iter().map(|(step, _)| steps[*step].offset);
                let singles = steps[whole..]
                    .iter()
                    .map(|step| step.offset)
                    .chain(more)
                    .collect();
                packed.blocks.push(Block {
                    channel,
                    shape,
                    rest,
                    weights: weights..bytes.len(),
                    joint: split.joint,
                    singles,
                });
                channel += channels;
            }
        }
        packed
    }
}

/// The steps of a window in the order of memory: all of one plane's rows, then the next plane's.
fn steps(layer: &Layer<'_>, from: &Map) -> Vec<Step> {
    let mut steps = Vec::new();
    for plane in 0..from.planes {
        for ky in 0..3 {
            let offset = plane * from.plane + ky * from.row;
            if from.pixel == 1 {
                let taps = std::array::from_fn(|kx| (kx < 3).then_some([plane, ky, kx]));
                steps.push(Step {
                    offset: offset as u32,
                    taps,
                });
                continue;
            }
            for (kx, n) in (0..3).flat_map(|kx| (0..CHUNK).map(move |n| (kx, n * STEP))) {
                let first = plane * GROUP + n;
                let taps = std::array::from_fn(|j| (first + j < layer.inputs).then_some([first + j, ky, kx]));
                steps.push(Step {
                    offset: (offset + kx * GROUP + n) as u32,
                    taps,
                });
            }
        }
    }
    steps
}

/// The weights of `channels` from `first` on, step by step; 0 beyond the channels that there are.
fn taps(layer: &Layer<'_>, steps: &[Step], first: usize, channels: usize) -> Vec<Taps> {
    let mut taps = vec![[0; STEP]; steps.len() * channels];
    let size = layer.inputs * 9;
    for channel in 0..channels.min(layer.outputs.saturating_sub(first)) {
        let weights = &layer.weights[(first + channel) * size..][..size];
        for (step, taps) in steps.iter().zip(taps.chunks_exact_mut(channels)) {
            taps[channel] = step
                .taps
                .map(|tap| tap.map_or(0, |[input, ky, kx]| weights[(input * 3 + ky) * 3 + kx]));
        }
    }
    taps
}
