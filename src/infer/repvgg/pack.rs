//! A layer laid out for a kernel: where its activations lie, its tiles, its weights in the order in which they are read.
//!
//! Activations lie in planes of 8, 16 or 64 channels, each pixel's channels side by side, with a border of one pixel that
//! stays 0: a tile needs no other padding and no im2col. The picture is a plane of its own kind: red, green, blue, nothing.

use std::ops::Range;

use super::kernel::winograd::WinogradFn;
use super::kernel::{APART, GROUP, Kernel, LINE, STEP, Shape, TileFn};
use super::plan::{Layer, strided};
use super::shape::{self, choose};
use super::split::{Split, Taps, split};
use super::winograd;

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
    /// Parts of a row: column n is in part n % parts.
    pub parts: usize,
    /// Bytes from a row to the next.
    pub row: usize,
    /// Bytes from a plane to the next.
    pub plane: usize,
}

impl Map {
    /// The picture.
    pub fn picture(height: usize, width: usize) -> Self {
        let row = ((width + 2) * STEP).next_multiple_of(GROUP);
        Self {
            height,
            width,
            planes: 1,
            pixel: STEP,
            parts: 1,
            row,
            plane: row * (height + 2),
        }
    }

    /// What a layer makes, for a layer of stride `next` to read.
    fn activations(channels: usize, [height, width]: [usize; 2], next: usize, kernel: &dyn Kernel) -> Self {
        let pixel = kernel.plane();
        let parts = if next == 2 { kernel.windows() } else { 1 };
        let row = (width + 2).div_ceil(parts) * parts * pixel;
        // A tile reads three rows of each plane: these must not fall on the same sets of a cache of 4 KiB a way.
        let rows = row * (height + 2);
        let plane = if rows < 4096 {
            rows.next_multiple_of(LINE)
        } else {
            rows + ((3 * row).wrapping_sub(rows) % 4096).next_multiple_of(LINE)
        };
        Self {
            height,
            width,
            // Whole groups for whoever reads them, though a kernel may have halves of them in a plane.
            planes: channels.next_multiple_of(pixel.max(GROUP)) / pixel,
            pixel,
            parts,
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
        (y + 1) * self.row + self.column(x + 1)
    }

    /// Where a column, counted from the border, begins in its row.
    pub fn column(&self, n: usize) -> usize {
        n % self.parts * (self.row / self.parts) + n / self.parts * self.pixel
    }

    /// Where the window of the output pixel at row `y`, column `x` begins.
    pub fn window(&self, stride: usize, y: usize, x: usize) -> usize {
        y * stride * self.row + self.column(x * stride)
    }
}

/// A tile's place in its row.
pub struct Place {
    /// The first output pixel.
    pub x: usize,
    /// How many.
    pub pixels: usize,
    /// Where its window begins in the rows that are read.
    pub window: usize,
    /// Where it begins in the row that is written.
    pub output: usize,
    /// Bytes from there to the second output pixel.
    pub output_pixel: usize,
    /// The tile.
    pub tile: TileFn,
}

/// Tiles beside each other.
pub struct Line {
    /// Output rows.
    pub rows: usize,
    /// The tiles.
    pub places: Vec<Place>,
}

/// Output channels that are computed together.
pub struct Block {
    /// The first.
    pub channel: usize,
    /// How many.
    pub channels: usize,
    /// Tiles of most rows.
    pub line: Line,
    /// Tiles of the rows that are left over, one row high.
    pub rest: Line,
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
    /// How it is computed.
    pub way: Way,
    /// For each output channel, where a window is read whole; without its first row, which is the border's; without its last; without both.
    pub bias: [Vec<i32>; 4],
    /// For each output channel.
    pub factors: Vec<f32>,
}

/// How a layer is computed.
pub enum Way {
    /// Product by product, as the convolution is defined.
    Plain(Plain),
    /// As [`winograd`] says.
    Winograd(Filter),
}

/// A layer with fewer products.
pub struct Filter {
    /// The kernel's function.
    pub run: WinogradFn,
    /// Where the weights lie among those of all layers.
    pub weights: Range<usize>,
}

/// A layer with all its products.
pub struct Plain {
    /// Offsets of the chunks from a window.
    pub chunks: Vec<u32>,
    /// Its output channels.
    pub blocks: Vec<Block>,
}

/// Four bytes of a window: where they begin, and which of an output channel's weights they meet.
struct Step {
    offset: u32,
    taps: [Option<usize>; STEP],
}

impl Packed {
    /// Lays out `layer`, which reads `from` and is read by one of stride `next`, and appends its weights to `bytes`.
    pub fn new(layer: &Layer<'_>, next: usize, from: Map, kernel: &dyn Kernel, bytes: &mut Vec<u8>) -> Self {
        let sides = [from.height, from.width].map(|side| strided(side, layer.stride));
        let to = Map::activations(layer.outputs, sides, next, kernel);
        let way = match kernel.winograd() {
            Some(run) if winograd::fits(layer, &from) => Way::Winograd(Filter {
                run,
                weights: winograd::pack(layer, &from, &to, bytes),
            }),
            _ => Way::Plain(Plain::new(layer, &from, &to, kernel, bytes)),
        };
        let mut packed = Self {
            from,
            to,
            stride: layer.stride,
            way,
            bias: std::array::from_fn(|_| vec![0; to.planes * to.pixel]),
            factors: vec![0.0; to.planes * to.pixel],
        };
        packed.factors[..layer.outputs].copy_from_slice(&layer.factors);
        let zero = i32::from(kernel.zero());
        for (channel, weights) in layer.weights.chunks_exact(layer.inputs * 9).enumerate() {
            // Activations that are stored as a - 128 leave 128 · Σ w to the bias, row by row of the windows.
            let mut rows = [0; 3];
            for window in weights.as_chunks::<9>().0 {
                for (sum, row) in rows.iter_mut().zip(window.as_chunks::<3>().0) {
                    *sum += zero * row.iter().map(|&w| i32::from(w)).sum::<i32>();
                }
            }
            let [first, middle, last] = rows;
            for (n, bias) in packed.bias.iter_mut().enumerate() {
                let [first, last] = [[first, 0][n % 2], [last, 0][n / 2]];
                bias[channel] = layer.bias[channel] + first + middle + last;
            }
        }
        packed
    }

    /// The rows, counted from the border's, that some output rows are made of.
    pub fn reads(&self, rows: Range<usize>) -> Range<usize> {
        rows.start * self.stride..(rows.end - 1) * self.stride + 3
    }
}

impl Plain {
    /// The weights go to `bytes` block by block, step by step: [`STEP`] for each channel.
    fn new(layer: &Layer<'_>, from: &Map, to: &Map, kernel: &dyn Kernel, bytes: &mut Vec<u8>) -> Self {
        let kind = if from.pixel == STEP {
            APART.len() - 1
        } else {
            layer.stride - 1
        };
        let steps = steps(layer, from, kernel);
        let chunk = kernel.plane() / STEP;
        let whole = if from.pixel == STEP && kernel.windows() == 1 {
            0
        } else {
            steps.len()
        };
        let place = |&(x, shape): &(usize, Shape)| Place {
            x,
            pixels: shape.pixels,
            window: from.window(layer.stride, 0, x),
            output: to.at(0, x),
            output_pixel: to.at(0, x + 1).wrapping_sub(to.at(0, x)),
            tile: shape.tiles[kind],
        };
        let line = |tiles: &shape::Line| Line {
            rows: tiles.first().map_or(1, |(_, shape)| shape.rows),
            places: tiles.iter().map(place).collect(),
        };
        let mut blocks = Vec::new();
        let mut channel = 0;
        for run in choose(layer.outputs, to, kernel) {
            for _ in 0..run.blocks {
                let channels = run.vectors * kernel.lanes();
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
                for taps in std::iter::once(&taps).chain(split.more.iter().map(|(_, taps)| taps)) {
                    bytes.extend(taps.as_flattened().iter().map(|w| w.cast_unsigned()));
                }
                kernel.arrange(&mut bytes[weights..][..whole * channels * STEP], channels);
                bytes.resize(bytes.len().next_multiple_of(LINE), 0);
                let more = split.more.iter().map(|(step, _)| steps[*step].offset);
                let singles = steps[whole..]
                    .iter()
                    .map(|step| step.offset)
                    .chain(more)
                    .collect();
                blocks.push(Block {
                    channel,
                    channels,
                    line: line(&run.line),
                    rest: line(&run.rest),
                    weights: weights..bytes.len(),
                    joint: split.joint,
                    singles,
                });
                channel += channels;
            }
        }
        let chunks = steps[..whole].iter().step_by(chunk);
        Self {
            chunks: chunks.map(|step| step.offset).collect(),
            blocks,
        }
    }
}

/// The steps of a window: its first row in all planes, then the next, so that a row that is the border's can be left out. Where a kernel
/// takes the picture by chunks, steps that meet no weight fill the last of a row.
fn steps(layer: &Layer<'_>, from: &Map, kernel: &dyn Kernel) -> Vec<Step> {
    let mut bytes = 3 * from.pixel;
    if kernel.windows() > 1 {
        bytes = bytes.next_multiple_of(kernel.plane());
    }
    let mut steps = Vec::new();
    for (ky, plane) in (0..3).flat_map(|ky| (0..from.planes).map(move |plane| (ky, plane))) {
        for byte in (0..bytes).step_by(STEP) {
            let (kx, n) = (byte / from.pixel, byte % from.pixel);
            let first = plane * from.pixel + n;
            let tap = |j| (kx < 3 && first + j < layer.inputs).then_some(((first + j) * 3 + ky) * 3 + kx);
            steps.push(Step {
                offset: (plane * from.plane + ky * from.row + from.column(kx) + n) as u32,
                taps: std::array::from_fn(tap),
            });
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
            taps[channel] = step.taps.map(|tap| tap.map_or(0, |n| weights[n]));
        }
    }
    taps
}
