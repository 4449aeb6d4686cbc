//! Letters on the page, which holds no font: the two that every PDF viewer has (Helvetica, in Windows' western code page) and, for
//! other alphabets of Europe, dots. What neither has is not drawn at all, so that no name is misspelt.

use std::convert::Infallible;

use embedded_graphics::Drawable;
use embedded_graphics::Pixel;
use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{OriginDimensions, Point, Size};
use embedded_graphics::mono_font::{
    MonoFont, MonoTextStyle, iso_8859_2, iso_8859_3, iso_8859_4, iso_8859_5, iso_8859_7, iso_8859_9,
    iso_8859_10, iso_8859_13, iso_8859_14, iso_8859_16,
};
use embedded_graphics::pixelcolor::BinaryColor;
use embedded_graphics::text::{Baseline, Text};

/// Widths of space to tilde in thousandths of the size (Adobe's metrics of the 14 standard fonts).
const PLAIN: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556,
    556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278,
    500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469,
    556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500,
    278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];
const BOLD: [u16; 95] = [
    278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556,
    556, 556, 556, 556, 556, 333, 333, 584, 584, 584, 611, 975, 722, 722, 722, 722, 667, 611, 778, 722, 278,
    556, 722, 611, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333, 278, 333, 584,
    556, 333, 556, 611, 556, 611, 556, 333, 611, 611, 278, 278, 556, 278, 889, 611, 611, 611, 611, 389, 556,
    333, 611, 556, 778, 556, 556, 500, 389, 280, 389, 584,
];
/// Width of the other letters, about.
const OTHER: u16 = 620;
/// What the code page has between ASCII and Latin-1, from 128 on; a space where it has nothing.
const BETWEEN: &str = "€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ";

/// Alphabets of dots, Latin ones first.
const DOTTED: [&MonoFont<'static>; 10] = [
    &iso_8859_2::FONT_10X20,
    &iso_8859_9::FONT_10X20,
    &iso_8859_4::FONT_10X20,
    &iso_8859_13::FONT_10X20,
    &iso_8859_16::FONT_10X20,
    &iso_8859_10::FONT_10X20,
    &iso_8859_3::FONT_10X20,
    &iso_8859_14::FONT_10X20,
    &iso_8859_5::FONT_10X20,
    &iso_8859_7::FONT_10X20,
];
/// Height of a dot as a share of the size, so that their capitals are as high as Helvetica's.
const DOT: f32 = 0.055;

/// A text as it can be drawn.
pub(super) enum Letters {
    /// Its codes in Windows' western code page.
    Codes(Vec<u8>),
    /// In dots of this font.
    Dots(&'static MonoFont<'static>),
}

/// How `text` can be drawn, if it can.
pub(super) fn of(text: &str) -> Option<Letters> {
    if let Some(codes) = text.chars().map(code).collect() {
        return Some(Letters::Codes(codes));
    }
    let has = |font: &MonoFont, c: char| {
        let index = |c| font.glyph_mapping.index(c);
        c == '?' || index(c) != index(char::REPLACEMENT_CHARACTER)
    };
    let font = DOTTED.into_iter().find(|font| text.chars().all(|c| has(font, c)));
    font.map(Letters::Dots)
}

fn code(c: char) -> Option<u8> {
    match u32::from(c) {
        code @ (32..=126 | 160..=255) => u8::try_from(code).ok(),
        _ => {
            let place = BETWEEN.chars().position(|known| known == c)?;
            u8::try_from(128 + place).ok()
        }
    }
}

/// How wide `text` is at this size; a little off for letters that are not ASCII.
pub(super) fn width(text: &str, size: f32, bold: bool) -> f32 {
    match of(text) {
        Some(Letters::Dots(font)) => {
            (text.chars().count() as u32 * font.character_size.width) as f32 * DOT * size
        }
        _ => {
            let table = if bold { &BOLD } else { &PLAIN };
            let of = |c: char| {
                (c as usize)
                    .checked_sub(32)
                    .and_then(|at| table.get(at))
                    .unwrap_or(&OTHER)
            };
            text.chars().map(|c| f32::from(*of(c))).sum::<f32>() * size / 1000.0
        }
    }
}

/// The dots of `text` as bars `[x, y, width, height]` at this size: x to the right, y downwards from the base line.
pub(super) fn dots(text: &str, font: &'static MonoFont<'static>, size: f32) -> Vec<[f32; 4]> {
    let mut bars = Bars(Vec::new());
    let style = MonoTextStyle::new(font, BinaryColor::On);
    let Ok(_) = Text::with_baseline(text, Point::zero(), style, Baseline::Alphabetic).draw(&mut bars);
    let dot = DOT * size;
    let scaled = |[x, y, length]: [i32; 3]| [x as f32 * dot, y as f32 * dot, length as f32 * dot, dot];
    bars.0.into_iter().map(scaled).collect()
}

/// Dots that lie beside each other in a row: column, row, how many.
struct Bars(Vec<[i32; 3]>);

impl OriginDimensions for Bars {
    fn size(&self) -> Size {
        Size::new(1 << 20, 1 << 20)
    }
}

impl DrawTarget for Bars {
    type Color = BinaryColor;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<BinaryColor>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(at, colour) in pixels {
            if colour == BinaryColor::Off {
                continue;
            }
            match self.0.last_mut() {
                Some([x, y, length]) if *y == at.y && *x + *length == at.x => *length += 1,
                _ => self.0.push([at.x, at.y, 1]),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_europe_are_drawn_and_others_are_not_misspelt() {
        for name in ["Müller, Jörg", "García–Núñez", "O’Neill", "Œuvré Š"] {
            assert!(matches!(of(name), Some(Letters::Codes(_))), "{name}");
        }
        for name in [
            "Wałęsa, Łucja",
            "Dvořák, Jiří",
            "Erdoğan, İbrahim",
            "Иванов, Пётр",
            "Παπαδόπουλος",
            "Āboliņš",
        ] {
            let Some(Letters::Dots(font)) = of(name) else {
                panic!("{name}");
            };
            let bars = dots(name, font, 10.0);
            assert!(
                bars.len() > 10 * name.chars().count() / 2,
                "{name}: {}",
                bars.len()
            );
            let right = bars.iter().map(|[x, _, w, _]| x + w).fold(0.0, f32::max);
            assert!(right <= width(name, 10.0, false), "{name}");
        }
        for name in ["山田^太郎", "أحمد", "Ив山"] {
            assert!(of(name).is_none(), "{name}");
        }
    }

    #[test]
    fn the_code_page_is_the_viewers() {
        for (letter, wanted) in [
            ('A', 65),
            ('ü', 252),
            ('€', 128),
            ('Š', 138),
            ('Ž', 142),
            ('‘', 145),
            ('—', 151),
            ('Ÿ', 159),
        ] {
            assert_eq!(code(letter), Some(wanted), "{letter}");
        }
        assert_eq!((code('\n'), code('ł')), (None, None));
    }
}
