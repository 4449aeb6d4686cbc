//! Large blocks of active cells on a grid.

/// Cells this far apart belong to one block: speckle leaves gaps.
const REACH: usize = 1;
/// An edge row or column belongs to its block if this share of the block's width or height in it is active, in percent.
const FILLED_PERCENT: usize = 4;

/// Columns and rows: from, to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub x: [usize; 2],
    pub y: [usize; 2],
}

impl Block {
    /// Whether another block has the same edges, but for a cell.
    pub fn about(&self, other: &Self) -> bool {
        let edges = |block: &Self| [block.x, block.y].concat();
        edges(self)
            .iter()
            .zip(edges(other))
            .all(|(a, b)| a.abs_diff(b) <= 1)
    }
}

/// The blocks that cover at least `least` cells, top to bottom.
pub(super) fn find(active: &[bool], columns: usize, least: usize) -> Vec<Block> {
    let rows = active.len() / columns;
    let mut seen = vec![false; active.len()];
    let mut blocks = Vec::new();
    for start in 0..active.len() {
        if !active[start] || seen[start] {
            continue;
        }
        let mut members = vec![start];
        seen[start] = true;
        let mut next = 0;
        while let Some(&at) = members.get(next) {
            next += 1;
            let (x, y) = (at % columns, at / columns);
            let near = |v: usize, all: usize| v.saturating_sub(REACH + 1)..(v + REACH + 2).min(all);
            for row in near(y, rows) {
                for other in near(x, columns).map(|x| row * columns + x) {
                    if active[other] && !seen[other] {
                        seen[other] = true;
                        members.push(other);
                    }
                }
            }
        }
        let block = extent(&members, columns, rows);
        if (block.x[1] - block.x[0]) * (block.y[1] - block.y[0]) >= least && members.len() * 4 >= least {
            blocks.push(block);
        }
    }
    blocks
}

/// The rectangle of a block without what only sticks out.
fn extent(members: &[usize], columns: usize, rows: usize) -> Block {
    let side = |of: &dyn Fn(usize) -> usize, all: usize, across: usize| {
        let mut filled = vec![0; all];
        members.iter().for_each(|at| filled[of(*at)] += 1);
        let wanted = (across * FILLED_PERCENT / 100).max(1);
        let first = filled.iter().position(|n| *n >= wanted).unwrap_or(0);
        let last = filled.iter().rposition(|n| *n >= wanted).unwrap_or(0);
        [first, last + 1]
    };
    let spread = |of: &dyn Fn(usize) -> usize| {
        let (low, high) = members.iter().fold((usize::MAX, 0), |(low, high), at| {
            (low.min(of(*at)), high.max(of(*at)))
        });
        high + 1 - low
    };
    let (x, y): (&dyn Fn(usize) -> usize, &dyn Fn(usize) -> usize) = (&|at| at % columns, &|at| at / columns);
    Block {
        x: side(x, columns, spread(y)),
        y: side(y, rows, spread(x)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_found_apart_and_text_is_not_one() {
        let columns = 100;
        let inside =
            |x: usize, y: usize, [x0, x1, y0, y1]: [usize; 4]| (x0..x1).contains(&x) && (y0..y1).contains(&y);
        let active: Vec<bool> = (0..columns * 60usize)
            .map(|n| {
                let (x, y) = (n % columns, n / columns);
                let speckle = n.wrapping_mul(2_654_435_761) % 8 != 0;
                speckle && (inside(x, y, [5, 40, 10, 50]) || inside(x, y, [50, 95, 10, 50]))
                    || inside(x, y, [5, 30, 2, 4])
            })
            .collect();
        let expected = [[5, 40], [50, 95]].map(|x| Block { x, y: [10, 50] });
        assert_eq!(find(&active, columns, 180), expected);
    }
}
