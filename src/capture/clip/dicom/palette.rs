//! PALETTE COLOR: lookup tables of red, green and blue (DICOM PS3.3, sections C.7.6.3.1.5, C.7.6.3.1.6, C.7.9.2).

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::header::Header;
use crate::capture::clip::fault::Fault;

/// Descriptor, data and segmented data of one colour.
type Source = (Tag, Tag, Tag);

const SOURCES: [Source; 3] = [
    (
        tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
        tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
        tags::SEGMENTED_RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    ),
    (
        tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
        tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
        tags::SEGMENTED_GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    ),
    (
        tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
        tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
        tags::SEGMENTED_BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    ),
];

/// Colours by stored value.
#[derive(Debug)]
pub struct Palette {
    /// The stored value of the first colour; values below it have that colour too.
    first: u16,
    /// One at least; values beyond the last have the last one's colour.
    colours: Vec<[u8; 3]>,
}

impl Palette {
    pub fn read(header: &Header) -> Result<Self, Fault> {
        let mut first = 0;
        let mut wide = false;
        let mut tables = Vec::new();
        for (descriptor, data, segmented) in SOURCES {
            let described = header.words(descriptor).unwrap_or_default();
            let [count, begin, bits] = described[..] else {
                return Err(Fault::corrupt(format!(
                    "the palette's descriptor {descriptor} is missing or damaged"
                )));
            };
            let count = if count == 0 { 1 << 16 } else { usize::from(count) };
            wide = match bits {
                8 => false,
                16 => true,
                _ => {
                    return Err(Fault::corrupt(format!(
                        "{descriptor} gives {bits} bits; expected 8 or 16"
                    )));
                }
            };
            let table = match (header.bytes(data), header.bytes(segmented)) {
                // One word for each entry, or one byte: the length tells, as writers err in the descriptor.
                (Some(bytes), _) if bytes.len() / 2 >= count => words(bytes),
                (Some(bytes), _) => bytes.iter().copied().map(u16::from).collect(),
                (None, Some(bytes)) if wide => expand(&words(bytes), count, wide)?,
                (None, Some(bytes)) => {
                    let entries: Vec<u16> = bytes.iter().copied().map(u16::from).collect();
                    expand(&entries, count, wide)?
                }
                (None, None) => {
                    return Err(Fault::corrupt(format!(
                        "the palette has neither {data} nor {segmented}"
                    )));
                }
            };
            if table.len() < count {
                let entries = table.len();
                return Err(Fault::corrupt(format!(
                    "the palette's {data} has {entries} of {count} entries"
                )));
            }
            first = begin;
            tables.push(table);
        }
        // Some writers say 16 bits and fill 8.
        let wide = wide && tables.iter().flatten().any(|&entry| entry > 255);
        let level = |entry: u16| if wide { (entry >> 8) as u8 } else { entry as u8 };
        let [red, green, blue] = &tables[..] else {
            unreachable!("one table for each source");
        };
        let colours = red
            .iter()
            .zip(green)
            .zip(blue)
            .map(|((&r, &g), &b)| [level(r), level(g), level(b)]);
        Ok(Self {
            first,
            colours: colours.collect(),
        })
    }

    /// What a stored value looks like.
    pub fn colour(&self, stored: u16) -> [u8; 3] {
        let last = self.colours.len() - 1;
        self.colours[usize::from(stored.saturating_sub(self.first)).min(last)]
    }
}

fn words(bytes: &[u8]) -> Vec<u16> {
    bytes
        .chunks_exact(2)
        .map(|w| u16::from_le_bytes([w[0], w[1]]))
        .collect()
}

/// A table stored as segments (PS3.3, section C.7.9.2), of at least `count` entries if it is whole.
fn expand(data: &[u16], count: usize, wide: bool) -> Result<Vec<u16>, Fault> {
    let mut table = Vec::new();
    let mut at = 0;
    while table.len() < count && at + 1 < data.len() {
        if data[at] == 2 {
            // Segments from elsewhere once more: how many, and the byte at which they begin.
            let offset = match (wide, data.get(at + 2..at + if wide { 4 } else { 6 })) {
                (true, Some(&[low, high])) => (usize::from(high) << 16 | usize::from(low)) / 2,
                (false, Some(&[a, b, c, d])) => u32::from_le_bytes([a, b, c, d].map(|b| b as u8)) as usize,
                _ => return Err(Fault::corrupt("a segment of the palette ends early")),
            };
            let mut there = offset;
            for _ in 0..data[at + 1] {
                if table.len() == count {
                    break;
                }
                there = segment(data, there, &mut table, count)?;
            }
            at += if wide { 4 } else { 6 };
        } else {
            at = segment(data, at, &mut table, count)?;
        }
    }
    Ok(table)
}

/// Appends the segment at `at`, discrete or linear, and gives where the next one begins.
fn segment(data: &[u16], at: usize, table: &mut Vec<u16>, count: usize) -> Result<usize, Fault> {
    let early = || Fault::corrupt("a segment of the palette ends early");
    let Some(&[kind, length]) = data.get(at..at + 2) else {
        return Err(early());
    };
    let room = usize::from(length).min(count - table.len());
    match (kind, table.last()) {
        (0 | 1, _) if length == 0 => Err(Fault::corrupt("a segment of the palette is empty")),
        (0, _) => {
            let end = at + 2 + usize::from(length);
            let entries = data.get(at + 2..end).ok_or_else(early)?;
            table.extend_from_slice(&entries[..room]);
            Ok(end)
        }
        (1, Some(&from)) => {
            let (from, to) = (f64::from(from), f64::from(*data.get(at + 2).ok_or_else(early)?));
            let step = (to - from) / f64::from(length);
            table.extend((1..=room).map(|n| (from + step * n as f64).round_ties_even() as u16));
            Ok(at + 3)
        }
        _ => Err(Fault::corrupt(format!(
            "a segment of the palette is of kind {kind}; expected 0, 1 or 2"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_unfold() {
        // Two single levels, a ramp of four, and the ramp's shape once more from where it ended.
        let data = [0, 2, 0, 1000, 1, 4, 3000, 2, 1, 8, 0];
        let table = expand(&data, 256, true).expect("well formed");
        assert_eq!(table, [0, 1000, 1500, 2000, 2500, 3000, 3000, 3000, 3000, 3000]);
        assert_eq!(expand(&data, 3, true).expect("well formed"), [0, 1000, 1500]);
        for end in 0..data.len() {
            let _ = expand(&data[..end], 256, true);
        }
        assert!(expand(&[1, 4, 9], 256, true).is_err(), "a ramp from nowhere");
        assert!(
            expand(&[2, 1, 0, 0], 256, true).is_err(),
            "a repetition of itself"
        );
    }
}
