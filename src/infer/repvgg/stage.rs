//! A layer as threads take it: its units, and what of them can be made early.

use std::ops::Range;

use super::kernel::{GROUP, winograd};
use super::pack::{Packed, Plain, Way};

/// A layer, its buffers and its units.
pub struct Stage {
    /// How it is computed.
    pub packed: Packed,
    /// Index into the buffers; none where the picture is read.
    pub from: Option<usize>,
    /// Index into the buffers.
    pub to: usize,
    /// Output rows of a unit, where the layer is computed plainly.
    pub rows: usize,
    /// Blocks of a unit, where the layer is computed plainly; all where it reads the picture, so that what is laid out of it serves them all.
    pub blocks: usize,
    /// Units of as many blocks, or of the whole layer where it is computed by Winograd's filtering.
    pub units: usize,
    /// For each thread, the rows of its units that it can make while others are still busy with the layer before.
    pub early: Vec<Range<usize>>,
}

/// The most products of a unit: some forty microseconds of work.
const UNIT: usize = 1 << 24;
/// What it takes to requantize a sum, in products.
const REQUANTIZE: usize = 64;

impl Stage {
    /// Cuts a layer of so many `inputs` into units for `threads`.
    pub fn new(packed: Packed, from: Option<usize>, to: usize, inputs: usize, threads: usize) -> Self {
        let (rows, blocks, units) = match &packed.way {
            Way::Plain(plain) => {
                let (rows, blocks) = shares(&packed, plain, inputs, threads);
                let blocks = if from.is_some() {
                    blocks
                } else {
                    plain.blocks.len()
                };
                (rows, blocks, packed.to.height.div_ceil(rows))
            }
            Way::Winograd(_) => {
                let parts = winograd::tiles(&packed.to).div_ceil(winograd::TILES);
                (0, 0, parts.next_multiple_of(threads))
            }
        };
        Self {
            packed,
            from,
            to,
            rows,
            blocks,
            units,
            early: vec![0..0; threads],
        }
    }

    /// How many units it has.
    pub fn count(&self) -> usize {
        match &self.packed.way {
            Way::Plain(plain) => self.units * plain.blocks.len().div_ceil(self.blocks),
            Way::Winograd(_) => self.units,
        }
    }

    /// Bytes that a unit needs beside the buffers.
    pub fn room(&self) -> usize {
        let Packed { from, to, way, .. } = &self.packed;
        match way {
            Way::Plain(_) if self.from.is_some() => 0,
            Way::Plain(_) => self.packed.reads(0..self.rows).len() * from.row + GROUP,
            Way::Winograd(_) => winograd::scratch(from, to),
        }
    }

    /// The output rows of a unit of a block.
    pub fn rows_of(&self, part: usize) -> Range<usize> {
        let first = part * self.rows;
        first..(first + self.rows).min(self.packed.to.height)
    }

    /// For each of `threads` the output rows of its units, where each has rows of its own, the same of all blocks.
    fn rows_of_threads(&self, threads: usize) -> Option<Vec<Range<usize>>> {
        let parts = self.units / threads;
        let rows = |n: usize| self.rows_of(n * parts).start..self.rows_of((n + 1) * parts - 1).end;
        let own = matches!(self.packed.way, Way::Plain(_)) && self.units.is_multiple_of(threads);
        own.then(|| (0..threads).map(rows).collect())
    }

    /// Fills in [`Stage::early`] after `before`: rows that are made of what the thread itself has made, and that nobody else reads as what
    /// the layer before is made of, which may lie in the same buffer.
    pub fn follow(&mut self, before: &Self, threads: usize) {
        let (Some(own), Some(made)) = (self.rows_of_threads(threads), before.rows_of_threads(threads)) else {
            return;
        };
        let early = |thread: usize| {
            // As the buffers count them, from the border's.
            let made_here = made[thread].start + 1..made[thread].end + 1;
            let border = |row: usize| row == 0 || row > self.packed.from.height;
            let others = || made.iter().enumerate().filter(|(n, _)| *n != thread);
            let free = |row: &usize| {
                let mut read = self.packed.reads(*row..row + 1);
                let written_over = Some(self.to) == before.from
                    && others().any(|(_, rows)| before.packed.reads(rows.clone()).contains(&(row + 1)));
                read.all(|row| border(row) || made_here.contains(&row)) && !written_over
            };
            let first = own[thread].clone().find(free).unwrap_or(own[thread].end);
            first..first + (first..own[thread].end).take_while(free).count()
        };
        self.early = (0..threads).map(early).collect();
    }
}

/// Output rows and blocks of a unit of a layer of so many `inputs`.
fn shares(packed: &Packed, plain: &Plain, inputs: usize, threads: usize) -> (usize, usize) {
    let tallest = plain.blocks.iter().map(|b| b.line.rows).max().unwrap_or(1);
    let widest = plain.blocks.iter().map(|b| b.channels).max().unwrap_or(1);
    let work = |rows: usize| rows * packed.to.width * widest * (inputs * 9 + REQUANTIZE);
    // Halves of halves, so that the units of a layer are alike and threads end it together. Where each thread can have
    // rows of its own, most of what it reads is what it wrote itself, though its last row be too few for a tile.
    let mut parts = work(packed.to.height).div_ceil(UNIT).next_power_of_two();
    let own = packed.to.height.is_multiple_of(threads);
    if own {
        parts = parts.next_multiple_of(threads);
    }
    let mut rows = packed.to.height.div_ceil(parts);
    if !own {
        rows = rows.next_multiple_of(tallest);
    }
    let blocks = (UNIT / 2 / work(rows)).clamp(1, plain.blocks.len());
    (rows, blocks)
}
