//! A graded picture for people: the activation map over its lesion ROI, what its colours mean, score and label.
//!
//! The map lies over the ROI and nowhere else. Colour bar, score and label stand beside and below, on a canvas that
//! grows to the right and downwards, so that nothing of the picture is covered. Owned by no thread; does no I/O.

use std::convert::Infallible;

use embedded_graphics::Drawable;
use embedded_graphics::Pixel;
use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{OriginDimensions, Point, Size};
use embedded_graphics::mono_font::ascii::{FONT_6X10, FONT_10X20};
use embedded_graphics::mono_font::{MonoFont, MonoTextStyle};
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::RgbColor;
use embedded_graphics::text::{Baseline, Text};
use image::{Rgb, RgbImage};

use crate::exam::record::ActivationMap;
use crate::frame::Rect;

/// Colours of what speaks for a low and for a high grade, as on the bedside page (`picture.js`): neither is one of the gold, grey
/// or blue tints that scanners give contrast.
const FOR_LOW: [u8; 3] = [40, 170, 255];
const FOR_HIGH: [u8; 3] = [255, 30, 170];
/// What the ends of the colour bar may be, in logits: the first that the map keeps within, as on the page.
const ENDS: [f32; 12] = [
    1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 50.0, 100.0, 1000.0,
];
/// How much of the picture the ends of the colour bar cover, 0..1.
const COVER: f32 = 0.6;
/// Colour of the canvas around the picture.
const CANVAS: Rgb<u8> = Rgb([16, 16, 18]);
/// The narrowest canvas in letters, so that text on a tiny picture has a place.
const LETTERS: u32 = 24;

/// Draws `map` over `roi` (pixels of `rgb`; what lies outside is left out) and puts colour bar, score and label around
/// the picture, which grows for them to the right and downwards. Letters are sized by the picture.
pub fn draw(rgb: &mut RgbImage, roi: Rect, map: &ActivationMap, score: f32, label: &str) {
    let (width, height) = rgb.dimensions();
    let type_size = TypeSize::for_picture(width, height);
    let letter = type_size.letter();
    let end = end_of(map);
    blend(rgb, roi, map, end);

    let gap = letter.width / 2;
    let numbers = [format!("+{end}"), format!("-{end}")];
    let number_width = numbers
        .iter()
        .map(|number| number.len() as u32)
        .max()
        .unwrap_or(0)
        * letter.width;
    let bar = Rect {
        x: width + gap,
        y: 0,
        w: letter.width * 2,
        h: height,
    };
    let canvas_width = (bar.x + bar.w + gap + number_width + gap).max(LETTERS * letter.width);
    let mut lines = vec![format!("P(high grade) {score:.3}")];
    lines.extend(wrap(label, ((canvas_width - gap) / letter.width) as usize));
    let strip = 2 * gap + lines.len() as u32 * letter.height;

    let mut canvas = RgbImage::from_pixel(canvas_width, height + strip, CANVAS);
    image::imageops::replace(&mut canvas, rgb, 0, 0);
    for y in 0..bar.h {
        let (colour, strength) = colour(1.0 - 2.0 * y as f32 / (bar.h - 1).max(1) as f32);
        let colour = Rgb(colour.map(|channel| (f32::from(channel) * strength).round() as u8));
        (bar.x..bar.x + bar.w).for_each(|x| canvas.put_pixel(x, y, colour));
    }
    let number_x = bar.x + bar.w + gap;
    type_size.write(&mut canvas, (number_x, 0), &numbers[0]);
    type_size.write(
        &mut canvas,
        (number_x, height.saturating_sub(letter.height)),
        &numbers[1],
    );
    for (line, text) in (0..).zip(&lines) {
        type_size.write(&mut canvas, (gap, height + gap + line * letter.height), text);
    }
    *rgb = canvas;
}

/// The value at the upper end of the colour bar.
fn end_of(map: &ActivationMap) -> f32 {
    let finite = map.values.iter().filter(|value| value.is_finite());
    let most = finite.fold(0.0, |most: f32, value| most.max(value.abs()));
    let widest = ENDS[ENDS.len() - 1];
    ENDS.into_iter().find(|end| *end >= most).unwrap_or(widest)
}

fn blend(rgb: &mut RgbImage, roi: Rect, map: &ActivationMap, end: f32) {
    let columns = bilinear(roi.w, map.width);
    let rows = bilinear(roi.h, map.height);
    let value = |x: usize, y: usize| map.values.get(y * map.width + x).copied().unwrap_or(0.0);
    // Each of the map's rows, as wide as the ROI: all of the ROI's rows between two of them share these.
    let wide = |y: usize| columns.iter().map(move |column| column.mix(|x| value(x, y)));
    let wide: Vec<Vec<f32>> = (0..map.height).map(|y| wide(y).collect()).collect();
    for (y, row) in (roi.y..rgb.height()).zip(&rows) {
        let pair = wide[row.near].iter().zip(&wide[row.far]);
        for (x, (above, below)) in (roi.x..rgb.width()).zip(pair) {
            let level = (above + (below - above) * row.share) / end;
            if level.is_nan() {
                continue;
            }
            let (over, strength) = colour(level);
            let cover = COVER * strength;
            let pixel = &mut rgb.get_pixel_mut(x, y).0;
            for (channel, over) in pixel.iter_mut().zip(over) {
                *channel = rounded(f32::from(*channel) * (1.0 - cover) + f32::from(over) * cover);
            }
        }
    }
}

/// Between which two values of the map a pixel lies, and its share of the second.
struct Between {
    near: usize,
    far: usize,
    share: f32,
}

impl Between {
    fn mix(&self, value: impl Fn(usize) -> f32) -> f32 {
        let (near, far) = (value(self.near), value(self.far));
        near + (far - near) * self.share
    }
}

/// For each of `pixels` where it lies among `values`, whose outer halves are flat; nothing if there are none.
fn bilinear(pixels: u32, values: usize) -> Vec<Between> {
    let Some(last) = values.checked_sub(1) else {
        return Vec::new();
    };
    let place = |pixel| {
        let at = (pixel as f32 + 0.5) * values as f32 / pixels as f32 - 0.5;
        let at = at.clamp(0.0, last as f32);
        let near = (at as usize).min(last);
        Between {
            near,
            far: (near + 1).min(last),
            share: at.fract(),
        }
    };
    (0..pixels).map(place).collect()
}

/// The colour of a level from -1 (for low) to 1 (for high), and how strong it is, 0..1.
fn colour(level: f32) -> ([u8; 3], f32) {
    let colour = if level < 0.0 { FOR_LOW } else { FOR_HIGH };
    (colour, libm::powf(level.abs().min(1.0), 0.7))
}

/// The same as `f32::round`, of which plain x86-64 makes a call for each channel.
fn rounded(value: f32) -> u8 {
    let whole = value as u8;
    whole.saturating_add(u8::from(value - f32::from(whole) >= 0.5))
}

/// Lines of at most `letters` letters, broken at spaces where there are any.
fn wrap(text: &str, letters: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        for piece in word.chars().collect::<Vec<_>>().chunks(letters.max(1)) {
            let piece: String = piece.iter().collect();
            match lines.last_mut() {
                Some(line) if line.is_empty() => *line = piece,
                Some(line) if line.chars().count() + 1 + piece.chars().count() <= letters => {
                    line.push(' ');
                    line.push_str(&piece);
                }
                _ => lines.push(piece),
            }
        }
    }
    lines
}

/// A font and how many pixels each of its dots takes each way.
struct TypeSize {
    font: &'static MonoFont<'static>,
    dot: u32,
}

impl TypeSize {
    fn for_picture(width: u32, height: u32) -> Self {
        match width.min(height) {
            0..400 => Self {
                font: &FONT_6X10,
                dot: 1,
            },
            shorter => Self {
                font: &FONT_10X20,
                dot: (shorter / 540).max(1),
            },
        }
    }

    /// Size of one letter in pixels.
    fn letter(&self) -> Size {
        self.font.character_size * self.dot
    }

    fn write(&self, canvas: &mut RgbImage, at: (u32, u32), text: &str) {
        let style = MonoTextStyle::new(self.font, Rgb888::WHITE);
        let mut ink = Ink {
            canvas,
            at,
            dot: self.dot,
        };
        let Ok(_) = Text::with_baseline(text, Point::zero(), style, Baseline::Top).draw(&mut ink);
    }
}

/// Where letters are drawn: each dot becomes a square.
struct Ink<'a> {
    canvas: &'a mut RgbImage,
    at: (u32, u32),
    dot: u32,
}

impl OriginDimensions for Ink<'_> {
    fn size(&self) -> Size {
        Size::new(self.canvas.width() / self.dot, self.canvas.height() / self.dot)
    }
}

impl DrawTarget for Ink<'_> {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(dot, colour) in pixels {
            let (Ok(x), Ok(y)) = (u32::try_from(dot.x), u32::try_from(dot.y)) else {
                continue;
            };
            let (left, top) = (self.at.0 + x * self.dot, self.at.1 + y * self.dot);
            for (x, y) in (0..self.dot).flat_map(|y| (0..self.dot).map(move |x| (left + x, top + y))) {
                if let Some(pixel) = self.canvas.get_pixel_mut_checked(x, y) {
                    *pixel = Rgb([colour.r(), colour.g(), colour.b()]);
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABEL: &str = "DEMONSTRATION MODEL. Research use only. Not for diagnosis.";

    fn map(width: usize, height: usize, values: &[f32]) -> ActivationMap {
        ActivationMap {
            width,
            height,
            values: values.to_vec(),
        }
    }

    fn drawn(size: u32, roi: Rect, map: &ActivationMap) -> RgbImage {
        let mut picture = RgbImage::from_pixel(size, size, Rgb([100, 100, 100]));
        draw(&mut picture, roi, map, 0.731, LABEL);
        picture
    }

    #[test]
    fn the_map_covers_its_roi_alone_and_more_the_higher_it_is() {
        let roi = Rect {
            x: 50,
            y: 20,
            w: 100,
            h: 60,
        };
        let picture = drawn(224, roi, &map(2, 1, &[-1.0, 3.0]));
        assert_eq!(picture.get_pixel(50, 20).0, over(FOR_LOW, 1.0 / 3.0));
        assert_eq!(picture.get_pixel(149, 79).0, over(FOR_HIGH, 1.0));
        let picture = drawn(224, roi, &map(2, 1, &[1.0, 3.0]));
        for (x, y, _) in picture
            .enumerate_pixels()
            .filter(|(x, y, _)| *x < 224 && *y < 224)
        {
            let inside = (50..150).contains(&x) && (20..80).contains(&y);
            assert_eq!(picture.get_pixel(x, y).0 != [100; 3], inside, "{x},{y}");
        }
    }

    /// What grey 100 becomes.
    fn over(colour: [u8; 3], level: f32) -> [u8; 3] {
        let cover = COVER * level.powf(0.7);
        colour.map(|over| (100.0 * (1.0 - cover) + f32::from(over) * cover).round() as u8)
    }

    #[test]
    fn between_the_maps_values_colours_run_evenly_through_nothing() {
        let picture = drawn(401, Rect::full(401, 401), &map(2, 2, &[-1.0, 1.0, -1.0, 1.0]));
        assert_eq!(picture.get_pixel(200, 200).0, [100; 3], "0 is no colour");
        let (left, right) = (picture.get_pixel(150, 200).0, picture.get_pixel(250, 200).0);
        let level = 4.0 * 50.0 / 401.0;
        for (found, wanted) in [(left, over(FOR_LOW, level)), (right, over(FOR_HIGH, level))] {
            assert!(
                found.iter().zip(wanted).all(|(a, b)| a.abs_diff(b) <= 1),
                "{found:?} for {wanted:?}"
            );
        }
    }

    #[test]
    fn the_bar_is_that_of_the_page() {
        let page = include_str!("web/page/picture.js");
        let list = |values: &[u32]| values.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
        for text in [
            format!("TOWARDS_LOW = [{}]", list(&FOR_LOW.map(u32::from))),
            format!("TOWARDS_HIGH = [{}]", list(&FOR_HIGH.map(u32::from))),
            format!("STEPS = [{}]", list(&ENDS.map(|end| end as u32))),
            String::from("Math.abs(value)) ** 0.7"),
        ] {
            assert!(page.contains(&text), "the page draws it without {text}");
        }
        assert_eq!(end_of(&map(2, 1, &[-2.5, 1.0])), 3.0);
    }

    #[test]
    fn the_canvas_grows_for_bar_score_and_the_whole_label() {
        for size in [1, 64, 224, 600, 1080, 2160] {
            let picture = drawn(size, Rect::full(size, size), &map(7, 7, &[0.5; 49]));
            let letter = TypeSize::for_picture(size, size).letter();
            let letters = (picture.width() - letter.width / 2) / letter.width;
            assert!(picture.width() > size && letters >= LETTERS - 1, "{size}");
            let lines = 1 + wrap(LABEL, letters as usize).len() as u32;
            assert!(picture.height() - size >= lines * letter.height, "{size}");
            let ink = picture
                .enumerate_pixels()
                .filter(|(_, y, p)| *y >= size && p.0 == [255; 3])
                .count() as u32;
            let dots = letter.width * letter.height;
            assert!(ink > 60 * dots / 8, "{size}: {ink} of {dots} to a letter");
        }
        assert_eq!(
            wrap(LABEL, 40),
            ["DEMONSTRATION MODEL. Research use only.", "Not for diagnosis."]
        );
        assert_eq!(wrap("abcdefg hi", 3), ["abc", "def", "g", "hi"]);
    }

    #[test]
    fn a_roi_outside_and_a_map_without_values_do_no_harm() {
        let far = Rect {
            x: u32::MAX,
            y: 3,
            w: 9,
            h: 9,
        };
        let past = Rect {
            x: 60,
            y: 60,
            w: 500,
            h: 500,
        };
        for roi in [far, past, Rect::full(64, 64)] {
            for map in [
                map(0, 0, &[]),
                map(3, 3, &[1.0]),
                map(1, 1, &[f32::NAN]),
                map(2, 1, &[f32::MAX, -f32::MAX]),
            ] {
                assert!(drawn(64, roi, &map).height() > 64);
            }
        }
    }
}
