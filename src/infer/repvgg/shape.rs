//! Which tiles a layer is cut into.

use super::kernel::{GROUP, Kernel, Shape};
use super::pack::Map;

/// Tiles beside each other: output rows × the whole width. For each the first pixel; the last may overlap the one before it.
pub type Line = Vec<(usize, Shape)>;

/// Blocks of one kind.
pub struct Run {
    /// Vectors of channels.
    pub vectors: usize,
    /// How most rows are cut.
    pub line: Line,
    /// How each row that is left over is cut.
    pub rest: Line,
    /// How many blocks.
    pub blocks: usize,
}

/// The tiles of a layer that makes so many channels of `to`.
pub fn choose(channels: usize, to: &Map, kernel: &dyn Kernel) -> Vec<Run> {
    let vectors = channels.next_multiple_of(GROUP) / kernel.lanes();
    let mut found: Option<(usize, Vec<Run>)> = None;
    for main in 1..=vectors {
        let (mut total, mut runs) = (0, Vec::new());
        for (vectors, blocks) in [(main, vectors / main), (vectors % main, 1)] {
            if vectors > 0
                && let Some((cost, line, rest)) = lines(vectors, to, kernel)
            {
                total += blocks * cost;
                runs.push(Run {
                    vectors,
                    line,
                    rest,
                    blocks,
                });
            }
        }
        let made: usize = runs.iter().map(|run| run.vectors * run.blocks).sum();
        if made == vectors && found.as_ref().is_none_or(|(least, _)| total < *least) {
            found = Some((total, runs));
        }
    }
    found.expect("every kernel has tiles of one row x one pixel").1
}

/// The best lines for a block of `vectors`, and what the block takes with them.
fn lines(vectors: usize, to: &Map, kernel: &dyn Kernel) -> Option<(usize, Line, Line)> {
    let (least, rest) = line(1, vectors, to, kernel)?;
    (1..=to.height)
        .filter_map(|rows| {
            let (cost, line) = line(rows, vectors, to, kernel)?;
            let total = to.height / rows * cost + to.height % rows * least;
            Some((total, line, rest.clone()))
        })
        .min_by_key(|(total, ..)| *total)
}

/// The best line of `rows`, where the kernel has tiles of that height, and what it takes: one shape as often as it fits, and
/// one for what is left of the width.
fn line(rows: usize, vectors: usize, to: &Map, kernel: &dyn Kernel) -> Option<(usize, Line)> {
    let fits = |s: &&Shape| s.vectors == vectors && s.rows == rows && s.pixels <= to.width;
    let shapes = || kernel.shapes().iter().filter(fits);
    let cut = |shape: &Shape| {
        let (times, left) = (to.width / shape.pixels, to.width % shape.pixels);
        let mut tiles: Vec<_> = (0..times).map(|n| (n * shape.pixels, *shape)).collect();
        let mut total = times * cost(shape, kernel);
        if left > 0 {
            let last = shapes()
                .filter(|s| s.pixels >= left)
                .min_by_key(|s| cost(s, kernel))?;
            tiles.push((to.width - last.pixels, *last));
            total += cost(last, kernel);
        }
        Some((total, tiles))
    };
    shapes().filter_map(cut).min_by_key(|(total, _)| *total)
}

/// What a tile takes, in tenths of a product: products, or the wait for the last one's sum; loads.
fn cost(shape: &Shape, kernel: &dyn Kernel) -> usize {
    let pixels = shape.rows * shape.pixels.next_multiple_of(kernel.windows());
    10 * (pixels * shape.vectors).max(kernel.in_flight()) + 3 * (pixels + shape.vectors)
}
