//! One sheet of A4, drawn from the top left in points, as PDF.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use pdf_writer::types::{LineCapStyle, LineJoinStyle};
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref, Str, TextStr};

use super::letters::{self, Letters};

/// Width and height of the sheet in points.
pub(super) const SIZE: [f32; 2] = [595.0, 842.0];
/// Quality of the pictures.
const JPEG: u8 = 90;

/// Red, green and blue, 0 to 1.
pub(super) type Colour = [f32; 3];
pub(super) const INK: Colour = [0.07, 0.07, 0.09];
pub(super) const FAINT: Colour = [0.4, 0.4, 0.44];

/// How letters look.
#[derive(Clone, Copy)]
pub(super) struct Face {
    pub size: f32,
    pub bold: bool,
    pub colour: Colour,
}

/// A sheet that is being drawn.
pub(super) struct Sheet {
    content: Content,
    pictures: Vec<(Vec<u8>, [u32; 2])>,
    /// What stands for a text that cannot be drawn.
    undrawable: String,
}

impl Sheet {
    /// `undrawable` stands for texts in letters that there are not; it is drawable itself.
    pub fn new(undrawable: String) -> Self {
        Self {
            content: Content::new(),
            pictures: Vec::new(),
            undrawable,
        }
    }

    /// Draws `text` from `x` on with its base line at `y`, cut where it is wider than `width`.
    pub fn text(&mut self, [x, y]: [f32; 2], width: f32, face: Face, text: &str) {
        let known = if letters::of(text).is_some() {
            text
        } else {
            &self.undrawable
        };
        let text = cut(known, width, face);
        let Face { size, bold, colour } = face;
        let [r, g, b] = colour;
        self.content.save_state();
        self.content.set_fill_rgb(r, g, b);
        match letters::of(&text) {
            Some(Letters::Codes(codes)) => {
                self.content
                    .begin_text()
                    .set_font(Name(if bold { b"B" } else { b"P" }), size)
                    .next_line(x, SIZE[1] - y)
                    .show(Str(&codes))
                    .end_text();
            }
            Some(Letters::Dots(font)) => {
                self.content
                    .begin_marked_content_with_properties(Name(b"Span"))
                    .properties()
                    .actual_text(TextStr(&text));
                for [left, top, w, h] in letters::dots(&text, font, size) {
                    self.content.rect(x + left, SIZE[1] - y - top - h, w, h);
                }
                self.content.fill_nonzero().end_marked_content();
            }
            None => {}
        }
        self.content.restore_state();
    }

    /// Draws `text` so that it ends at `x`.
    pub fn text_before(&mut self, [x, y]: [f32; 2], face: Face, text: &str) {
        let width = letters::width(text, face.size, face.bold);
        self.text([x - width, y], width + 1.0, face, text);
    }

    /// Fills a rectangle.
    pub fn fill(&mut self, [x, y]: [f32; 2], [w, h]: [f32; 2], [r, g, b]: Colour) {
        self.content.save_state();
        self.content.set_fill_rgb(r, g, b);
        self.content.rect(x, SIZE[1] - y - h, w, h).fill_nonzero();
        self.content.restore_state();
    }

    /// Draws a line through points, dashed or not.
    pub fn line(&mut self, points: &[[f32; 2]], width: f32, [r, g, b]: Colour, dashed: bool) {
        let [[x, y], rest @ ..] = points else { return };
        self.content.save_state();
        self.content.set_stroke_rgb(r, g, b);
        self.content
            .set_line_width(width)
            .set_line_join(LineJoinStyle::RoundJoin)
            .set_line_cap(LineCapStyle::ButtCap);
        if dashed {
            self.content.set_dash_pattern([3.0, 2.0], 0.0);
        }
        self.content.move_to(*x, SIZE[1] - y);
        for [x, y] in rest {
            self.content.line_to(*x, SIZE[1] - y);
        }
        self.content.stroke();
        self.content.restore_state();
    }

    /// Draws a picture in a rectangle, as a JPEG; says whether it could.
    pub fn picture(&mut self, rgb: &RgbImage, [x, y]: [f32; 2], [w, h]: [f32; 2]) -> bool {
        let mut jpeg = Vec::new();
        if JpegEncoder::new_with_quality(&mut jpeg, JPEG)
            .encode_image(rgb)
            .is_err()
        {
            return false;
        }
        let name = format!("I{}", self.pictures.len());
        self.pictures.push((jpeg, [rgb.width(), rgb.height()]));
        self.content.save_state();
        self.content.transform([w, 0.0, 0.0, h, x, SIZE[1] - y - h]);
        self.content.x_object(Name(name.as_bytes()));
        self.content.restore_state();
        true
    }

    /// The file.
    pub fn finish(self, title: &str, language: &str) -> Vec<u8> {
        let [catalog, pages, page, content, plain, bold, info] = [1, 2, 3, 4, 5, 6, 7].map(Ref::new);
        let picture = |n: usize| Ref::new(8 + n as i32);
        let mut pdf = Pdf::new();
        let mut root = pdf.catalog(catalog);
        root.pages(pages).lang(TextStr(language));
        root.viewer_preferences().display_doc_title(true);
        root.finish();
        pdf.document_info(info)
            .title(TextStr(title))
            .producer(TextStr(concat!("sonograde ", env!("CARGO_PKG_VERSION"))));
        pdf.pages(pages).kids([page]).count(1);
        let mut sheet = pdf.page(page);
        sheet.media_box(Rect::new(0.0, 0.0, SIZE[0], SIZE[1]));
        sheet.parent(pages).contents(content);
        let mut resources = sheet.resources();
        resources.fonts().pair(Name(b"P"), plain).pair(Name(b"B"), bold);
        let mut objects = resources.x_objects();
        for n in 0..self.pictures.len() {
            objects.pair(Name(format!("I{n}").as_bytes()), picture(n));
        }
        objects.finish();
        resources.finish();
        sheet.finish();
        for (font, name) in [(plain, &b"Helvetica"[..]), (bold, b"Helvetica-Bold")] {
            pdf.type1_font(font)
                .base_font(Name(name))
                .encoding_predefined(Name(b"WinAnsiEncoding"));
        }
        let drawn = deflated(&self.content.finish());
        pdf.stream(content, &drawn).filter(Filter::FlateDecode);
        for (n, (jpeg, [width, height])) in self.pictures.iter().enumerate() {
            let mut image = pdf.image_xobject(picture(n), jpeg);
            image.filter(Filter::DctDecode);
            image.width(*width as i32).height(*height as i32);
            image.color_space().device_rgb();
            image.bits_per_component(8);
        }
        pdf.finish()
    }
}

/// As much of `text` as fits, with an ellipsis if that is not all.
fn cut(text: &str, width: f32, face: Face) -> String {
    let wide = |text: &str| letters::width(text, face.size, face.bold);
    if wide(text) <= width {
        return text.to_owned();
    }
    // No line of the sheet holds more than these.
    let mut short: Vec<char> = text.chars().take(400).collect();
    loop {
        short.pop();
        let ended: String = short.iter().collect::<String>() + "...";
        if short.is_empty() || wide(&ended) <= width {
            return ended;
        }
    }
}

/// Lines of at most `width`, broken at spaces.
pub(super) fn wrapped(text: &str, width: f32, face: Face) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let longer = if line.is_empty() {
                word.to_owned()
            } else {
                format!("{line} {word}")
            };
            if letters::width(&longer, face.size, face.bold) <= width || line.is_empty() {
                line = longer;
            } else {
                lines.push(std::mem::replace(&mut line, word.to_owned()));
            }
        }
        if !line.is_empty() {
            lines.push(line);
        }
    }
    lines
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    let packed = encoder.write_all(bytes).and_then(|()| encoder.finish());
    packed.expect("memory takes it")
}
