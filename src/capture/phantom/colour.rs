//! Display levels to colours.

/// One colour for each display level.
pub(super) type ColourMap = [[u8; 3]; 256];

/// The brown to pale yellow map that scanners use for contrast images.
pub(super) fn amber() -> ColourMap {
    through([
        [0, 0, 0],
        [74, 34, 8],
        [176, 104, 36],
        [240, 184, 92],
        [255, 248, 214],
    ])
}

/// Black through blue to a pale blue.
pub(super) fn blue() -> ColourMap {
    through([
        [0, 0, 0],
        [8, 24, 66],
        [30, 86, 154],
        [112, 178, 228],
        [228, 245, 255],
    ])
}

/// Black through red to a pale yellow, as colour Doppler shows flow towards the probe.
pub(super) fn red() -> ColourMap {
    through([
        [0, 0, 0],
        [96, 0, 0],
        [190, 20, 0],
        [244, 120, 20],
        [255, 236, 150],
    ])
}

/// The map that has these colours at fixed levels and blends between them.
fn through(colours: [[u8; 3]; 5]) -> ColourMap {
    const LEVELS: [usize; 5] = [0, 70, 140, 205, 255];
    std::array::from_fn(|level| {
        let upper = LEVELS.iter().position(|at| *at >= level.max(1)).unwrap_or(4);
        let (from, to) = (LEVELS[upper - 1], LEVELS[upper]);
        let (dark, bright) = (colours[upper - 1], colours[upper]);
        std::array::from_fn(|c| {
            let (dark, bright) = (usize::from(dark[c]), usize::from(bright[c]));
            ((dark * (to - level) + bright * (level - from)) / (to - from)) as u8
        })
    })
}

/// Black to white.
pub(super) fn grey() -> ColourMap {
    std::array::from_fn(|level| [level as u8; 3])
}

/// Red, green and blue as Y, Cb and Cr: ITU-R BT.709-6, 8 bits, limited range.
pub(super) fn bt709([r, g, b]: [u8; 3]) -> [u8; 3] {
    let [r, g, b] = [r, g, b].map(|v| f32::from(v) / 255.0);
    let y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
    [
        (16.0 + 219.0 * y + 0.5) as u8,
        (128.0 + 224.0 * (b - y) / 1.8556 + 0.5) as u8,
        (128.0 + 224.0 * (r - y) / 1.5748 + 0.5) as u8,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_map_brightens_with_every_level() {
        for map in [amber(), blue(), red(), grey()] {
            let sums: Vec<u32> = map
                .iter()
                .map(|c| c.iter().map(|v| u32::from(*v)).sum())
                .collect();
            assert!(sums.is_sorted());
            assert_eq!(map[0], [0, 0, 0]);
        }
        assert_eq!(amber()[255], [255, 248, 214]);
    }

    #[test]
    fn bt709_has_the_values_of_the_standard() {
        assert_eq!(bt709([0, 0, 0]), [16, 128, 128]);
        assert_eq!(bt709([255, 255, 255]), [235, 128, 128]);
        assert_eq!(bt709([255, 0, 0]), [63, 102, 240]);
        assert_eq!(bt709([0, 0, 255]), [32, 240, 118]);
    }
}
