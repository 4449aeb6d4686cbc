//! The network in memory: packed layers, and the buffers that they read and write.

use std::ops::Range;
use std::sync::Arc;

use super::classes::Cells;
use super::lent::Lent;
use super::memory::{Bytes, LINE, fetch};
use super::tile::{FETCHES, Tile};
use super::winograd::{self, Part};
use super::{ClassesFn, GROUP, Kernel, PictureFn, STEP};
use crate::infer::repvgg::pack::{Block, Filter, Map, Packed, Plain, Way};
use crate::infer::repvgg::plan::Plan;
use crate::infer::repvgg::pool::{Alone, Claim, Job};
use crate::infer::repvgg::stage::Stage;

/// A network that is ready to run.
pub struct Net {
    layers: Vec<Stage>,
    /// For each layer, the first unit after it.
    ends: Vec<usize>,
    /// Where each buffer's activations lie, and where they begin among all.
    buffers: Vec<(Map, usize)>,
    activations: Bytes,
    /// Where each thread's room begins among the activations, and how long it is: for the rows of the picture that it works on, then for
    /// Winograd's filtering.
    scratch: (usize, usize),
    weights: Bytes,
    lent: Arc<Lent>,
    picture: PictureFn,
    classes: ClassesFn,
    threads: usize,
    zero: u8,
}

impl Net {
    /// Packs `plan` for `kernel` and as many threads; the picture `[3, height, width]` is what is lent while a frame lasts.
    pub fn new(plan: &Plan<'_>, kernel: &dyn Kernel, threads: usize, lent: Arc<Lent>) -> Self {
        let zero = kernel.zero();
        let mut net = Self {
            layers: Vec::new(),
            ends: Vec::new(),
            buffers: Vec::new(),
            activations: Bytes::filled(0, zero),
            scratch: (0, 0),
            weights: Bytes::filled(0, 0),
            lent,
            picture: kernel.picture(),
            classes: kernel.classes(),
            threads,
            zero,
        };
        let (mut from, mut end) = (None, 0);
        let mut map = Map::picture(plan.height, plan.width);
        let mut weights = Vec::new();
        for (n, layer) in plan.layers.iter().enumerate() {
            let next = plan.layers.get(n + 1).map_or(1, |next| next.stride);
            let packed = Packed::new(layer, next, map, kernel, &mut weights);
            let to = net.buffer(packed.to, from);
            let mut stage = Stage::new(packed, from, to, layer.inputs, threads);
            if let Some(before) = net.layers.last() {
                stage.follow(before, threads);
            }
            net.scratch.1 = net.scratch.1.max(stage.room().next_multiple_of(LINE));
            end += stage.count();
            net.ends.push(end);
            map = stage.packed.to;
            net.layers.push(stage);
            from = Some(to);
        }
        net.scratch.0 = net.length();
        net.activations = Bytes::filled(net.scratch.0 + threads * net.scratch.1, zero);
        net.weights = Bytes::from(&weights[..]);
        net.check();
        net
    }

    /// A buffer for `map` that is not `busy`: each size of activations has two at most.
    fn buffer(&mut self, map: Map, busy: Option<usize>) -> usize {
        let free = |(n, (m, _)): (usize, &(Map, usize))| (*m == map && Some(n) != busy).then_some(n);
        self.buffers.iter().enumerate().find_map(free).unwrap_or_else(|| {
            self.buffers.push((map, self.length()));
            self.buffers.len() - 1
        })
    }

    /// Bytes of all buffers.
    fn length(&self) -> usize {
        let last = self.buffers.last();
        last.map_or(0, |(map, start)| (start + map.bytes()).next_multiple_of(LINE))
    }

    /// Every address that `unit` makes lies in its buffer.
    fn check(&self) {
        assert!(self.scratch.0 >= self.length() && self.scratch.0.is_multiple_of(LINE));
        assert!(self.scratch.0 + self.threads * self.scratch.1 <= self.activations.length());
        for stage in &self.layers {
            let Stage { packed, from, to, .. } = stage;
            assert!(from.is_some() == (packed.from.pixel > STEP));
            assert!(from.is_some() || packed.stride == 2);
            let output = &self.buffers[*to];
            assert!(output.0 == packed.to && output.1 + output.0.bytes() <= self.length());
            if let Some(from) = from {
                let input = &self.buffers[*from];
                assert!(input.0 == packed.from && input.1 + input.0.bytes() <= self.length());
                let apart = |a: &(Map, usize), b: &(Map, usize)| a.1 + a.0.bytes() <= b.1;
                assert!(apart(input, output) || apart(output, input));
            }
            match &packed.way {
                Way::Plain(plain) => self.check_plain(stage, plain),
                Way::Winograd(Filter { weights, .. }) => {
                    assert!(packed.stride == 1);
                    assert!(weights.end <= self.weights.length() && weights.start.is_multiple_of(LINE));
                    assert!(weights.len() == winograd::weight_bytes(&packed.from, &packed.to));
                    for map in [packed.from, packed.to] {
                        assert!(map.pixel == GROUP && map.parts == 1);
                        assert!(map.height.is_multiple_of(winograd::TILE));
                        assert!(map.width.is_multiple_of(winograd::TILE));
                    }
                    let sides = |map: &Map| (map.height, map.width);
                    assert!(sides(&packed.from) == sides(&packed.to));
                    assert!(winograd::scratch(&packed.from, &packed.to) <= self.scratch.1);
                }
            }
            assert!(packed.factors.len() == packed.to.planes * packed.to.pixel);
            assert!(packed.bias.iter().all(|bias| bias.len() == packed.factors.len()));
        }
    }

    fn check_plain(&self, stage: &Stage, plain: &Plain) {
        let Stage { packed, rows, .. } = stage;
        let (rows, bytes) = match stage.from {
            Some(_) => (packed.to.height, packed.from.bytes()),
            None => (*rows, self.scratch.1),
        };
        assert!(packed.reads(0..rows).len() * packed.from.row <= bytes);
        let last = packed.from.window(packed.stride, rows - 1, packed.to.width - 1);
        for block in &plain.blocks {
            let reach = plain
                .chunks
                .iter()
                .map(|o| o + GROUP.max(packed.from.pixel) as u32)
                .chain(block.singles.iter().map(|o| o + GROUP as u32));
            assert!(last + reach.max().unwrap_or(0) as usize <= bytes);
            assert!(block.weights.end <= self.weights.length());
            assert!(block.channel + block.channels <= packed.factors.len());
            assert!(self.zero == 0 || block.line.rows == 1);
            assert!(block.rest.rows == 1);
            for place in block.line.places.iter().chain(&block.rest.places) {
                assert!(place.x + place.pixels <= packed.to.width);
                assert!(place.window == packed.from.window(packed.stride, 0, place.x));
                assert!(place.output == packed.to.at(0, place.x));
            }
        }
    }

    /// What `layer` made last, where no later layer has written over it: n, row and column to the [`GROUP`] activations from
    /// channel n · [`GROUP`] on.
    #[cfg(test)]
    pub fn output(&self, layer: usize, _: &Alone) -> impl Fn(usize, usize, usize) -> [u8; GROUP] {
        let (map, start) = &self.buffers[self.layers[layer].to];
        move |n, y, x| {
            assert!((n + 1) * GROUP <= map.planes * map.pixel && y < map.height && x < map.width);
            std::array::from_fn(|lane| {
                let channel = n * GROUP + lane;
                let at = channel / map.pixel * map.plane + map.at(y, x) + channel % map.pixel;
                // SAFETY: nobody has a claim, so nothing is written; plane, row and column lie in the buffer.
                unsafe { self.activations.start().add(start + at).read() ^ self.zero }
            })
        }
    }

    /// The class maps of the last layer's activations: for each class, its weights for each channel of all planes.
    ///
    /// # Panics
    /// If a class has more or fewer weights.
    pub fn classes(&self, weights: &[Vec<f32>], _: &Alone) -> Vec<f32> {
        let (layer, map) = self.last();
        assert!(weights.iter().all(|class| class.len() == map.planes * map.pixel));
        let mut maps = vec![0.0; weights.len() * map.height * map.width];
        let (_, start) = self.buffers[self.layers[layer].to];
        // SAFETY: `check` has shown that the map lies in the buffer. Nobody has a claim, so nothing is written. The kernel was made
        // where its instructions exist.
        unsafe {
            let cells = Cells {
                activations: self.activations.start().add(start),
                map: &map,
                zero: self.zero,
                weights,
            };
            (self.classes)(&cells, &mut maps);
        }
        maps
    }

    /// Where the activations of the last layer lie.
    pub fn last(&self) -> (usize, Map) {
        let last = self.layers.len() - 1;
        (last, self.layers[last].packed.to)
    }
}

impl Job for Net {
    fn stages(&self) -> &[usize] {
        &self.ends
    }

    fn unit(&self, claim: &Claim<'_>) {
        let stage = &self.layers[claim.stage()];
        let first = claim.stage().checked_sub(1).map_or(0, |before| self.ends[before]);
        let (group, part) = (
            (claim.unit() - first) / stage.units,
            (claim.unit() - first) % stage.units,
        );
        // Lane by lane: neighbouring parts are one thread's.
        let part = if stage.units.is_multiple_of(self.threads) {
            part % self.threads * (stage.units / self.threads) + part / self.threads
        } else {
            part
        };
        let input = match stage.from {
            Some(from) => self.activations.start().wrapping_add(self.buffers[from].1),
            None => self.picture(stage, part, claim),
        };
        match &stage.packed.way {
            Way::Plain(plain) => {
                for block in plain.blocks.iter().skip(group * stage.blocks).take(stage.blocks) {
                    self.plain(stage, plain, block, part, input, claim);
                }
            }
            Way::Winograd(filter) => self.filter(stage, filter, part, input, claim),
        }
    }
}

impl Net {
    /// Lays the picture's rows that a unit reads in the thread's room, and says where the first row of all would lie beside them.
    ///
    /// # Panics
    /// If the picture has another size.
    fn picture(&self, stage: &Stage, part: usize, claim: &Claim<'_>) -> *const u8 {
        let Stage { packed, .. } = stage;
        let rows = packed.reads(stage.rows_of(part));
        let room = self.room(claim);
        let before = rows.start * packed.from.row;
        self.lent.read(|pixels| {
            assert_eq!(pixels.len(), 3 * packed.from.height * packed.from.width);
            // SAFETY: `check` has shown that a unit's rows fit into the thread's room, which is this claim's alone. The kernel was made
            // where its instructions exist.
            unsafe { (self.picture)(pixels, &packed.from, rows, room, self.zero) };
        });
        room.wrapping_sub(before)
    }

    /// The room of the thread that has the claim: no other has it meanwhile.
    fn room(&self, claim: &Claim<'_>) -> *mut u8 {
        self.activations
            .start()
            .wrapping_add(self.scratch.0 + claim.thread() * self.scratch.1)
    }

    /// A unit's rows of a block; `input` is where the first row of all that is read lies, or would.
    fn plain(
        &self,
        stage: &Stage,
        plain: &Plain,
        block: &Block,
        part: usize,
        input: *const u8,
        claim: &Claim<'_>,
    ) {
        let Stage { packed, units, .. } = stage;
        let output = self.buffers[stage.to].1;
        let activations = self.activations.start();
        let (from, to) = (&packed.from, &packed.to);
        let rows = stage.rows_of(part);
        let Block {
            channel, line, rest, ..
        } = block;
        // The next block's weights follow this one's. Each tile asks for its share of them, on each of the threads that share the
        // block; where each has a block of its own, for its share of this thread's next.
        let tiles = to.height / line.rows * line.places.len() + to.height % line.rows * rest.places.len();
        let (blocks, parts) = if *units == 1 {
            (self.threads, 1)
        } else {
            (1, self.threads)
        };
        let share = (block.weights.len() * parts).div_ceil(tiles);
        let ahead = block.weights.start
            + block.weights.len() * blocks
            + rows.start / line.rows * line.places.len() * share % block.weights.len();
        // A row of a window.
        let third = plain.chunks.len() / 3;
        // First what can be made before the others have come so far.
        let Range { start, end } = &stage.early[claim.thread()];
        let [first, last] = [start, end].map(|row| *row.clamp(&rows.start, &rows.end));
        if first < last && *channel == 0 {
            fetch_later(packed, first..last, &rows, input);
        }
        // SAFETY: `check` has shown that the addresses that are made here lie in the buffers. The claim is the only one of
        // this unit, whose rows and channels no other unit writes; what is read was written by earlier stages, which are done once the claim
        // has waited, or, for the early rows, by this thread, and nobody reads these in the stage before. The kernel was made where its
        // instructions exist.
        unsafe {
            let pixels = activations.add(output + channel / to.pixel * to.plane + channel % to.pixel);
            let mut tile = Tile {
                input,
                input_row: packed.stride * from.row,
                joint: block.joint,
                chunks: &plain.chunks,
                top: 0,
                bottom: 0,
                singles: &block.singles,
                weights: self.weights.start().add(block.weights.start),
                ahead: self.weights.start().wrapping_add(ahead),
                stride_ahead: share.div_ceil(FETCHES * plain.chunks.len().max(1)),
                bias: packed.bias[0].as_ptr().add(*channel),
                factors: packed.factors.as_ptr().add(*channel),
                output: pixels,
                output_pixel: 0,
                output_row: to.row,
                output_plane: to.plane,
            };
            let in_turn = [first..last, rows.start..first, last..rows.end];
            for (n, Range { start: mut y, end }) in in_turn.into_iter().enumerate() {
                if n == 1 {
                    claim.wait();
                }
                while y < end {
                    let line = if y + line.rows <= end { line } else { rest };
                    let below = (y + line.rows - 1) * packed.stride + 2;
                    let border = [y == 0, below > from.height].map(|border| usize::from(border && third > 0));
                    [tile.top, tile.bottom] = border.map(|border| border * third);
                    tile.bias = packed.bias[border[0] + 2 * border[1]].as_ptr().add(*channel);
                    for place in &line.places {
                        tile.input = input.wrapping_add(y * packed.stride * from.row + place.window);
                        tile.output = pixels.add(y * to.row + place.output);
                        tile.output_pixel = place.output_pixel;
                        (place.tile)(&tile);
                        tile.ahead = tile.ahead.wrapping_add(share);
                    }
                    y += line.rows;
                }
            }
        }
    }

    /// A unit's tiles of a layer by Winograd's filtering.
    fn filter(&self, stage: &Stage, filter: &Filter, part: usize, input: *const u8, claim: &Claim<'_>) {
        let Stage { packed, units, .. } = stage;
        let tiles = winograd::tiles(&packed.to);
        let activations = self.activations.start();
        claim.wait();
        // SAFETY: `check` has shown that the buffers are as long as their maps say, and that each thread has room. The claim is the
        // only one of this unit and of this thread; what is read was written by earlier stages. The kernel was made where its
        // instructions exist.
        unsafe {
            (filter.run)(&Part {
                input,
                from: &packed.from,
                output: activations.add(self.buffers[stage.to].1),
                to: &packed.to,
                tiles: tiles * part / units..tiles * (part + 1) / units,
                weights: self.weights.start().add(filter.weights.start),
                bias: &packed.bias[0],
                factors: &packed.factors,
                scratch: self.room(claim),
            });
        }
    }
}

/// Asks for what a unit's other rows read beyond the early ones: another core has just made it, and it comes while those are computed.
fn fetch_later(packed: &Packed, early: Range<usize>, rows: &Range<usize>, input: *const u8) {
    let (from, here) = (&packed.from, packed.reads(early));
    for row in packed.reads(rows.clone()).filter(|row| !here.contains(row)) {
        for plane in 0..from.planes {
            let start = input.wrapping_add(plane * from.plane + row * from.row);
            for byte in (0..from.row).step_by(LINE) {
                fetch(start.wrapping_add(byte));
            }
        }
    }
}
