//! The scanner's screen around the two images: banner, timer, ticks and colour bars, drawn straight
//! into YUYV.

use std::convert::Infallible;

use embedded_graphics::Pixel;
use embedded_graphics::mono_font::ascii::{FONT_6X10, FONT_10X20};
use embedded_graphics::mono_font::{MonoFont, MonoTextStyleBuilder};
use embedded_graphics::pixelcolor::{Rgb888, RgbColor};
use embedded_graphics::prelude::{DrawTarget, Drawable, OriginDimensions, Point, Size};
use embedded_graphics::primitives::{PrimitiveStyle, Rectangle, StyledDrawable};
use embedded_graphics::text::{Baseline, Text};

use super::colour::{ColourMap, bt709, grey};
use super::probe::Probe;
use super::scanner::Scanner;
use crate::frame::{FrameFormat, PixelFormat, Rect};

const WIDTH: u32 = 1920;
const HEIGHT: u32 = 1080;
const BANNER_HEIGHT: u32 = 96;
const GROUND: Rgb888 = Rgb888::new(14, 15, 18);
const BANNER: Rgb888 = Rgb888::new(28, 32, 40);
const BUTTON: Rgb888 = Rgb888::new(58, 66, 82);
const PALE: Rgb888 = Rgb888::new(208, 212, 218);
const DIM: Rgb888 = Rgb888::new(128, 134, 144);
const GOLD: Rgb888 = Rgb888::new(240, 190, 90);

/// The layout of the screen's bytes.
pub(super) fn format() -> FrameFormat {
    FrameFormat::packed(PixelFormat::Yuyv, WIDTH, HEIGHT)
}

/// The picture that the scanner puts out.
pub(super) struct Screen {
    bytes: Vec<u8>,
    contrast: Image,
    b_mode: Option<Image>,
    timer: String,
}

/// A pane and the colours of its levels, as luma and chroma.
struct Image {
    pane: Rect,
    colours: ColourMap,
}

impl Screen {
    /// A screen whose images are still black. `seed` numbers the invented patient.
    pub fn new(seed: u64, scanner: &Scanner, probe: Probe) -> Self {
        let image = |pane, colours: &ColourMap| Image {
            pane,
            colours: colours.map(bt709),
        };
        let mut screen = Self {
            bytes: vec![0; format().bytes()],
            contrast: image(scanner.contrast, &scanner.colours),
            b_mode: scanner.b_mode.map(|pane| image(pane, &grey())),
            timer: String::new(),
        };
        screen.fill(format().area(), GROUND);
        screen.fill(
            Rect {
                x: 0,
                y: 0,
                w: WIDTH,
                h: BANNER_HEIGHT,
            },
            BANNER,
        );
        screen.text(
            24,
            16,
            &format!("PHANTOM^DEMO  ID SIM-{seed:06}"),
            PALE,
            &FONT_10X20,
        );
        screen.text(24, 52, "SIMULATED EXAM - NOT A PATIENT", GOLD, &FONT_10X20);
        screen.text(820, 16, "SONOGRADE PHANTOM", PALE, &FONT_10X20);
        screen.text(820, 52, "Renal CEUS  C5-1 sim", DIM, &FONT_10X20);
        let index = format!("MI 0.{:02}  TIs 0.1", scanner.mechanical_index);
        screen.text(1500, 16, &index, PALE, &FONT_10X20);
        screen.text(1500, 52, "15 Hz  Low MI", DIM, &FONT_10X20);
        let contrast = (scanner.contrast, "CONTRAST", &scanner.colours);
        let greys = grey();
        let b_mode = scanner.b_mode.map(|pane| (pane, "2D", &greys));
        for (pane, title, colours) in std::iter::once(contrast).chain(b_mode) {
            screen.fill(pane, Rgb888::BLACK);
            screen.text(pane.x as i32, pane.y as i32 - 30, title, PALE, &FONT_10X20);
            screen.depth_scale(pane, probe);
            screen.colour_bar(pane, colours);
        }
        screen.text(
            24,
            1036,
            "SIMULATED PICTURE  Research use only. Not for diagnosis.",
            DIM,
            &FONT_10X20,
        );
        screen
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Writes the time since injection, in tenths of a second; `None` before it.
    pub fn timer(&mut self, tenths: Option<u64>) {
        let text = match tenths {
            None => "T --:--.-".to_owned(),
            Some(n) => format!("T {:02}:{:02}.{}", n / 600, n / 10 % 60, n % 10),
        };
        if text != self.timer {
            let Rect { x, y, w, .. } = self.contrast.pane;
            self.text((x + w - 180) as i32, y as i32 - 30, &text, GOLD, &FONT_10X20);
            self.timer = text;
        }
    }

    /// Writes display levels of the contrast image, from pixel (x, y) of its pane on; `x` and the
    /// number of levels are even.
    pub fn contrast(&mut self, x: u32, y: u32, levels: &[u8]) {
        self.contrast.write(&mut self.bytes, (x, y), levels);
    }

    /// As [`Screen::contrast`] in other colours, given as luma and chroma.
    pub fn paint(&mut self, x: u32, y: u32, levels: &[u8], colours: &ColourMap) {
        let Rect { x: left, y: top, .. } = self.contrast.pane;
        write(&mut self.bytes, (left + x, top + y), levels, colours);
    }

    /// Draws a menu over the contrast image.
    pub fn menu(&mut self) {
        let Rect { x, y, w, h } = self.contrast.pane;
        self.fill(self.contrast.pane, BANNER);
        for (n, row) in (y + 16..y + h - 34).step_by(40).enumerate() {
            let button = Rect {
                x: x + 16,
                y: row,
                w: w - 32,
                h: 30,
            };
            self.fill(button, if n == 2 { GOLD } else { BUTTON });
            let words = ["Preset", "Depth", "Gain", "Dynamic range", "Frame rate", "Map"];
            let line = format!("{:<16} {}", words[n % words.len()], 10 + 7 * n);
            self.text(x as i32 + 28, row as i32 + 5, &line, PALE, &FONT_10X20);
        }
    }

    /// As [`Screen::contrast`] for the B-mode image, if there is one.
    pub fn b_mode(&mut self, x: u32, y: u32, levels: &[u8]) {
        if let Some(image) = &self.b_mode {
            image.write(&mut self.bytes, (x, y), levels);
        }
    }

    fn depth_scale(&mut self, pane: Rect, probe: Probe) {
        for (cm, y) in probe.centimetres() {
            let long = cm % 5 == 0;
            let tick = Rect {
                x: pane.x - if long { 18 } else { 12 },
                y: pane.y + y,
                w: if long { 12 } else { 6 },
                h: 2,
            };
            self.fill(tick, DIM);
            if long {
                let (x, y) = (pane.x as i32 - 38, (pane.y + y) as i32 - 4);
                self.text(x, y, &cm.to_string(), DIM, &FONT_6X10);
            }
        }
    }

    /// Where the colours of a pane are: the brightest on top, a pixel each.
    pub fn colour_bar_of(pane: Rect) -> Rect {
        Rect {
            x: pane.x + pane.w + 24,
            y: pane.y,
            w: 16,
            h: 256,
        }
    }

    fn colour_bar(&mut self, pane: Rect, map: &ColourMap) {
        let bar = Self::colour_bar_of(pane);
        for (level, [r, g, b]) in map.iter().enumerate() {
            let line = Rect {
                y: bar.y + 255 - level as u32,
                h: 1,
                ..bar
            };
            self.fill(line, Rgb888::new(*r, *g, *b));
        }
    }

    fn fill(&mut self, Rect { x, y, w, h }: Rect, colour: Rgb888) {
        let area = Rectangle::new(Point::new(x as i32, y as i32), Size::new(w, h));
        let Ok(()) = area.draw_styled(&PrimitiveStyle::with_fill(colour), self);
    }

    fn text(&mut self, x: i32, y: i32, text: &str, colour: Rgb888, font: &MonoFont<'_>) {
        let ground = if y < BANNER_HEIGHT as i32 { BANNER } else { GROUND };
        let style = MonoTextStyleBuilder::new()
            .font(font)
            .text_color(colour)
            .background_color(ground)
            .build();
        let Ok(_) = Text::with_baseline(text, Point::new(x, y), style, Baseline::Top).draw(self);
    }
}

impl Image {
    fn write(&self, bytes: &mut [u8], (x, y): (u32, u32), levels: &[u8]) {
        write(bytes, (self.pane.x + x, self.pane.y + y), levels, &self.colours);
    }
}

/// Writes levels from pixel (x, y) of the screen on.
fn write(bytes: &mut [u8], (x, y): (u32, u32), levels: &[u8], colours: &ColourMap) {
    let at = format().places[0].stride * y as usize + 2 * x as usize;
    let pairs = bytes[at..].chunks_exact_mut(4).zip(levels.chunks_exact(2));
    for (pair, levels) in pairs {
        pair.copy_from_slice(&yuyv(colours, [levels[0], levels[1]]));
    }
}

/// Two neighbouring levels in 4:2:2: luma, Cb, luma, Cr. `colours` are luma and chroma.
pub(super) fn yuyv(colours: &ColourMap, levels: [u8; 2]) -> [u8; 4] {
    let [left, right] = levels.map(|level| colours[usize::from(level)]);
    let mean = |c: usize| (u16::from(left[c]) + u16::from(right[c])).div_ceil(2) as u8;
    [left[0], mean(1), right[0], mean(2)]
}

impl OriginDimensions for Screen {
    fn size(&self) -> Size {
        Size::new(WIDTH, HEIGHT)
    }
}

impl DrawTarget for Screen {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(&mut self, pixels: I) -> Result<(), Infallible> {
        for Pixel(Point { x, y }, colour) in pixels {
            if !(0..WIDTH as i32).contains(&x) || !(0..HEIGHT as i32).contains(&y) {
                continue;
            }
            let [luma, cb, cr] = bt709([colour.r(), colour.g(), colour.b()]);
            let pair = format().places[0].stride * y as usize + (x as usize / 2) * 4;
            self.bytes[pair + (x as usize % 2) * 2] = luma;
            self.bytes[pair + 1] = cb;
            self.bytes[pair + 3] = cr;
        }
        Ok(())
    }
}
