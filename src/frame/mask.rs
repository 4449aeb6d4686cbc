//! Nothing of a picture but its pane.

use super::{FrameFormat, Plane, Range, Rect};

/// Makes everything black that lies outside `pane`, which lies inside the picture. A chroma sample that a pixel of the
/// pane shares with one outside stays, so that the pane is what it was.
///
/// # Panics
/// If `bytes` are fewer than [`FrameFormat::bytes`].
pub fn black_outside(format: &FrameFormat, pane: Rect, bytes: &mut [u8]) {
    let [left, right] = [pane.x, pane.x + pane.w];
    for (plane, place) in format.planes() {
        let lines_each = 1 + u32::from(plane.halved_rows);
        let rows = (pane.y / lines_each) as usize..(pane.y + pane.h).div_ceil(lines_each) as usize;
        let start = (left / plane.unit_pixels) as usize * plane.unit_bytes;
        let end = right.div_ceil(plane.unit_pixels) as usize * plane.unit_bytes;
        let black = black_row(format, plane);
        // A unit on an edge of the pane has pixels inside and outside.
        let first = left - left % plane.unit_pixels;
        let last = right.next_multiple_of(plane.unit_pixels);
        let beside: Vec<usize> = (first..left)
            .chain(right..last)
            .flat_map(|x| {
                let own = plane.channels.iter().filter(|channel| !channel.halved);
                own.map(move |channel| channel.offset + x as usize * channel.step)
            })
            .collect();
        for row in 0..plane.rows(format.height) {
            let line = &mut bytes[place.offset + row * place.stride..][..black.len()];
            if !rows.contains(&row) {
                line.copy_from_slice(&black);
                continue;
            }
            line[..start].copy_from_slice(&black[..start]);
            line[end..].copy_from_slice(&black[end..]);
            beside.iter().for_each(|&at| line[at] = black[at]);
        }
    }
}

/// One row of black pixels.
fn black_row(format: &FrameFormat, plane: &Plane) -> Vec<u8> {
    let mut row = vec![0; plane.row_bytes(format.width)];
    let darkest = match format.range {
        Range::Limited => 16,
        Range::Full => 0,
    };
    for channel in plane.channels {
        let chroma = format.pixels.is_yuv() && channel.index > 0;
        let level = if chroma { 128 } else { darkest };
        let samples = row.iter_mut().skip(channel.offset).step_by(channel.step);
        samples.for_each(|sample| *sample = level);
    }
    row
}
