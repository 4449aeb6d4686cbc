//! The curved probe: its own grid of ranges and beams, and the scan conversion of that grid to a pane.

/// Samples along a beam and beams of the grid, the margin that breathing may move into included.
pub(super) const ROWS: usize = 448 + 2 * MARGIN_ROWS;
pub(super) const BEAMS: usize = 256 + 2 * MARGIN_BEAMS;
const MARGIN_ROWS: usize = 16;
const MARGIN_BEAMS: usize = 12;

/// Rows of the pane above the probe's face and below the deepest echo.
const INSET: f32 = 20.0;
/// Radius of the probe's face, mm.
const FACE_MM: f32 = 50.0;
/// Half the opening angle, radians.
const HALF_ANGLE: f32 = 0.56;
/// Bits of the fractional part of grid coordinates: 480 rows and 7 bits fit 16 bits.
const FRACTION_BITS: u32 = 7;
const ONE: u32 = 1 << FRACTION_BITS;

/// Maps between the pane, millimetres and the grid.
#[derive(Clone, Copy)]
pub(super) struct Probe {
    depth_mm: f32,
    /// Width and height of the pane in pixels; the width is even.
    pane: [u32; 2],
    pixels_per_mm: f32,
}

impl Probe {
    pub fn new(depth_mm: f32, pane: [u32; 2]) -> Self {
        Self {
            depth_mm,
            pane,
            pixels_per_mm: (pane[1] as f32 - 2.0 * INSET) / depth_mm,
        }
    }

    pub fn pane(&self) -> [u32; 2] {
        self.pane
    }

    /// Lateral position and depth in mm of a grid sample.
    pub fn place(&self, row: usize, beam: usize) -> [f32; 2] {
        self.place_between(row as f32, beam as f32)
    }

    fn place_between(&self, row: f32, beam: f32) -> [f32; 2] {
        let range = FACE_MM + (row - MARGIN_ROWS as f32) * self.row_mm();
        let angle = (beam - MARGIN_BEAMS as f32) * Self::beam_angle() - HALF_ANGLE;
        [range * libm::sinf(angle), range * libm::cosf(angle) - FACE_MM]
    }

    /// By how many pixels `shift` moves what is seen at a pixel of the pane; nothing outside the sector.
    pub fn moved(&self, [x, y]: [u32; 2], shift: Shift) -> [f32; 2] {
        let Some([row, beam]) = self.grid(x, y) else {
            return [0.0; 2];
        };
        let Shift { rows, beams } = shift.limited();
        let [from, to] =
            [(row, beam), (row - rows, beam - beams)].map(|(r, b)| self.pixel(self.place_between(r, b)));
        [to[0] - from[0], to[1] - from[1]]
    }

    /// Pixel of the pane (may lie outside) that shows a place.
    pub fn pixel(&self, [lateral, depth]: [f32; 2]) -> [f32; 2] {
        [
            self.pane[0] as f32 / 2.0 + lateral * self.pixels_per_mm,
            INSET + depth * self.pixels_per_mm,
        ]
    }

    /// Rows of the pane that show whole centimetres.
    pub fn centimetres(&self) -> impl Iterator<Item = (u32, u32)> + use<> {
        let (last, per_mm) = ((self.depth_mm / 10.0) as u32, self.pixels_per_mm);
        (0..=last).map(move |cm| (cm, (INSET + cm as f32 * 10.0 * per_mm) as u32))
    }

    fn row_mm(&self) -> f32 {
        self.depth_mm / (ROWS - 2 * MARGIN_ROWS) as f32
    }

    fn beam_angle() -> f32 {
        2.0 * HALF_ANGLE / (BEAMS - 2 * MARGIN_BEAMS) as f32
    }

    /// Where a pixel lies on the grid (row, beam), if the probe sees it.
    fn grid(&self, x: u32, y: u32) -> Option<[f32; 2]> {
        let lateral = (x as f32 + 0.5 - self.pane[0] as f32 / 2.0) / self.pixels_per_mm;
        let below = (y as f32 + 0.5 - INSET) / self.pixels_per_mm + FACE_MM;
        let range = libm::hypotf(lateral, below) - FACE_MM;
        let angle = libm::atan2f(lateral, below);
        let seen = (0.0..self.depth_mm).contains(&range) && (-HALF_ANGLE..HALF_ANGLE).contains(&angle);
        seen.then(|| {
            [
                range / self.row_mm() + MARGIN_ROWS as f32,
                (angle + HALF_ANGLE) / Self::beam_angle() + MARGIN_BEAMS as f32,
            ]
        })
    }
}

/// How far the tissue has moved, in rows and beams.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Shift {
    pub rows: f32,
    pub beams: f32,
}

impl Shift {
    /// As far as the grid's margin goes.
    fn limited(self) -> Self {
        let limit = |v: f32, margin: usize| v.clamp(3.0 - margin as f32, margin as f32 - 3.0);
        Self {
            rows: limit(self.rows, MARGIN_ROWS),
            beams: limit(self.beams, MARGIN_BEAMS),
        }
    }
}

/// Scan conversion as a table: for every pixel inside the sector, where on the grid it is read.
pub(super) struct ScanConverter {
    spans: Vec<Span>,
    /// Row and beam of each pixel of each span, [`FRACTION_BITS`] bits of fraction.
    sources: Vec<[u16; 2]>,
    /// Pixels of one span.
    line: Vec<u8>,
}

/// Neighbouring pixels of one row inside the sector; begins and ends on even pixels.
struct Span {
    x: u32,
    y: u32,
    len: usize,
}

impl ScanConverter {
    pub fn new(probe: Probe) -> Self {
        let (mut spans, mut sources) = (Vec::new(), Vec::new());
        let [width, height] = probe.pane;
        for y in 0..height {
            let mut open: Option<Span> = None;
            for x in (0..width).step_by(2) {
                match (probe.grid(x, y), probe.grid(x + 1, y)) {
                    (Some(left), Some(right)) => {
                        sources.extend([left, right].map(|at| at.map(|v| (v * ONE as f32) as u16)));
                        open.get_or_insert(Span { x, y, len: 0 }).len += 2;
                    }
                    _ => spans.extend(open.take()),
                }
            }
            spans.extend(open);
        }
        Self {
            spans,
            sources,
            line: vec![0; width as usize],
        }
    }

    /// Reads `grid` (one byte a sample) bilinearly for every pixel of the sector and gives each span's bytes to
    /// `put` as (x, y, bytes).
    pub fn convert(&mut self, grid: &[u8], shift: Shift, mut put: impl FnMut(u32, u32, &[u8])) {
        let whole = |v: f32| (v * ONE as f32) as i32;
        let shift = shift.limited();
        let (rows, beams) = (whole(shift.rows), whole(shift.beams));
        let mut rest = &self.sources[..];
        for span in &self.spans {
            let (sources, tail) = rest.split_at(span.len);
            rest = tail;
            for (byte, [row, beam]) in self.line.iter_mut().zip(sources) {
                *byte = bilinear(
                    grid,
                    (i32::from(*row) + rows) as u32,
                    (i32::from(*beam) + beams) as u32,
                );
            }
            put(span.x, span.y, &self.line[..span.len]);
        }
    }
}

#[inline]
fn bilinear(grid: &[u8], row: u32, beam: u32) -> u8 {
    let at = (row >> FRACTION_BITS) as usize * BEAMS + (beam >> FRACTION_BITS) as usize;
    let (down, right) = (row & (ONE - 1), beam & (ONE - 1));
    let near = &grid[at..at + BEAMS + 2];
    let across = |i: usize| u32::from(near[i]) * (ONE - right) + u32::from(near[i + 1]) * right;
    let value = across(0) * (ONE - down) + across(BEAMS) * down;
    ((value + (1 << (2 * FRACTION_BITS - 1))) >> (2 * FRACTION_BITS)) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_shown_at_the_pixel_of_its_place() {
        let probe = Probe::new(110.0, [600, 600]);
        for (row, beam) in [(100, 100), (240, 140), (400, 180)] {
            let [x, y] = probe.pixel(probe.place(row, beam));
            let [r, b] = probe.grid(x as u32, y as u32).expect("inside the sector");
            assert!(
                (r - row as f32).abs() < 1.5 && (b - beam as f32).abs() < 1.5,
                "{r} {b}"
            );
        }
    }

    #[test]
    fn a_flat_grid_converts_to_a_flat_sector_whatever_the_shift() {
        let mut converter = ScanConverter::new(Probe::new(130.0, [720, 400]));
        for shift in [0.0, 3.3, -9.9, 1e9, -1e9] {
            let shift = Shift {
                rows: shift,
                beams: shift,
            };
            let mut pixels = 0;
            converter.convert(&vec![77; ROWS * BEAMS], shift, |_, _, bytes| {
                assert!(bytes.iter().all(|b| *b == 77));
                pixels += bytes.len();
            });
            assert!(pixels > 120_000, "{pixels}");
        }
    }
}
