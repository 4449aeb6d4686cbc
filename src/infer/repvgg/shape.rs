//! Which tiles a layer is cut into.

use super::kernel::{GROUP, Kernel, Shape};
use super::pack::Map;

/// Blocks of one kind: the tile, the tile of left-over rows, and how many blocks.
pub type Run = (Shape, Shape, usize);

/// The tiles of a layer that makes `to`.
pub fn choose(to: &Map, kernel: &dyn Kernel) -> Vec<Run> {
    let vectors = to.planes * GROUP / kernel.lanes();
    let best = |vectors: usize| {
        let fits = |s: &&Shape| s.vectors == vectors && s.pixels <= to.width && s.rows <= to.height;
        kernel
            .shapes()
            .iter()
            .filter(fits)
            .min_by_key(|s| cost(s, to, kernel))
    };
    let mut found: Option<(usize, Vec<Run>)> = None;
    for main in 1..=vectors {
        let (blocks, left) = (vectors / main, vectors % main);
        let runs: Option<Vec<_>> = [(main, blocks), (left, 1)]
            .into_iter()
            .filter(|(vectors, _)| *vectors > 0)
            .map(|(vectors, blocks)| {
                let shape = *best(vectors)?;
                let rest = |s: &&Shape| s.vectors == vectors && s.pixels == shape.pixels && s.rows == 1;
                Some((shape, *kernel.shapes().iter().find(rest)?, blocks))
            })
            .collect();
        let Some(runs) = runs else { continue };
        let total = runs
            .iter()
            .map(|(shape, _, blocks)| blocks * cost(shape, to, kernel))
            .sum();
        if found.as_ref().is_none_or(|(least, _)| total < *least) {
            found = Some((total, runs));
        }
    }
    found.expect("every kernel has tiles of one row x one pixel").1
}

/// What a block of such tiles takes, in tenths of a product: products, or the wait for the last one's sum; loads.
fn cost(shape: &Shape, to: &Map, kernel: &dyn Kernel) -> usize {
    let products = shape.rows * shape.pixels * shape.vectors;
    let loads = shape.rows * shape.pixels + shape.vectors;
    let tiles = to.height.div_ceil(shape.rows) * to.width.div_ceil(shape.pixels);
    tiles * (10 * products.max(kernel.in_flight()) + 3 * loads)
}
