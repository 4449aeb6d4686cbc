//! Stored samples → grey or red, green and blue, as the photometric interpretation says (DICOM PS3.3,
//! section C.7.6.3.1.2).

use dicom_dictionary_std::tags;

use super::codec::Samples;
use super::header::Header;
use super::palette::Palette;
use crate::capture::clip::colour::{self, ToRgb};
use crate::capture::clip::fault::{Fault, check_size};
use crate::frame::{FrameFormat, Matrix, PixelFormat, Range};

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Photometric {
    /// `true` where 0 is white.
    Monochrome(bool),
    Palette,
    Rgb,
    YbrFull,
    /// The same in every codec but uncompressed, where two pixels share chroma.
    YbrFull422,
    /// Luma and chroma that only JPEG 2000 has, and undoes.
    YbrTransformed,
}

impl Photometric {
    pub fn is_ycbcr(self) -> bool {
        matches!(self, Self::YbrFull | Self::YbrFull422)
    }
}

/// How the frames of a file are stored.
#[derive(Debug)]
pub struct Image {
    pub width: u32,
    pub height: u32,
    /// Samples of a pixel: 1 or 3.
    pub samples: u16,
    /// 8 or 16.
    pub bits_allocated: u16,
    pub photometric: Photometric,
    /// Bits below the lowest one of a sample.
    shift: u16,
    /// Whether samples lie plane by plane rather than pixel by pixel; for uncompressed frames only.
    planar: bool,
    palette: Option<Palette>,
}

impl Image {
    pub fn read(header: &Header) -> Result<Self, Fault> {
        let word = |tag| {
            header
                .word(tag)
                .ok_or_else(|| Fault::corrupt(format!("the header lacks {tag}")))
        };
        let (rows, columns) = (word(tags::ROWS)?, word(tags::COLUMNS)?);
        let (samples, bits_allocated) = (word(tags::SAMPLES_PER_PIXEL)?, word(tags::BITS_ALLOCATED)?);
        let bits_stored = header.word(tags::BITS_STORED).unwrap_or(bits_allocated);
        let high_bit = header
            .word(tags::HIGH_BIT)
            .unwrap_or(bits_stored.saturating_sub(1));
        let name = header.text(tags::PHOTOMETRIC_INTERPRETATION);
        let photometric = match (name.as_str(), samples) {
            ("MONOCHROME1", 1) => Photometric::Monochrome(true),
            ("MONOCHROME2", 1) => Photometric::Monochrome(false),
            ("PALETTE COLOR", 1) => Photometric::Palette,
            ("RGB", 3) => Photometric::Rgb,
            ("YBR_FULL", 3) => Photometric::YbrFull,
            ("YBR_FULL_422", 3) => Photometric::YbrFull422,
            ("YBR_RCT" | "YBR_ICT", 3) => Photometric::YbrTransformed,
            _ => {
                return Err(Fault::unsupported(
                    format!("\"{name}\" with {samples} samples a pixel"),
                    "MONOCHROME1, MONOCHROME2, PALETTE COLOR, RGB, YBR_FULL, YBR_FULL_422, YBR_RCT, YBR_ICT",
                ));
            }
        };
        // PS3.3, section C.8.5.6.1.12: ultrasound has 8 bits, and 16 for indices into a palette alone.
        let fits = match (photometric, bits_allocated) {
            (Photometric::Palette, 8 | 16) => bits_stored <= bits_allocated,
            (Photometric::Monochrome(_), 8 | 16) => bits_stored <= 8 && high_bit < bits_allocated,
            (_, 8) => bits_stored == 8,
            _ => false,
        };
        if !fits {
            return Err(Fault::unsupported(
                format!("{name} with {bits_stored} of {bits_allocated} bits"),
                "8 bits a sample, or up to 16 for a palette",
            ));
        }
        let (width, height) = check_size(columns.into(), rows.into(), 3)?;
        Ok(Self {
            width,
            height,
            samples,
            bits_allocated,
            photometric,
            shift: (high_bit + 1).saturating_sub(bits_stored).min(15),
            planar: header.word(tags::PLANAR_CONFIGURATION) == Some(1),
            palette: match photometric {
                Photometric::Palette => Some(Palette::read(header)?),
                _ => None,
            },
        })
    }

    /// Samples of a whole frame.
    pub fn sample_count(&self) -> usize {
        self.width as usize * self.height as usize * usize::from(self.samples)
    }

    /// Bytes of an uncompressed frame.
    pub fn native_bytes(&self) -> usize {
        match self.photometric {
            Photometric::YbrFull422 => self.width.div_ceil(2) as usize * 4 * self.height as usize,
            _ => self.sample_count() * usize::from(self.bits_allocated / 8),
        }
    }

    /// The samples of an uncompressed frame of [`Image::native_bytes`] bytes.
    pub fn native(&self, stored: Vec<u8>) -> Samples {
        let ycbcr = self.photometric.is_ycbcr();
        let bytes = match self.photometric {
            Photometric::YbrFull422 => {
                let pairs = stored.chunks_exact(4 * self.width.div_ceil(2) as usize);
                let width = 3 * self.width as usize;
                let rows = pairs.map(|row| {
                    row.chunks_exact(4)
                        .flat_map(|p| [p[0], p[2], p[3], p[1], p[2], p[3]])
                });
                rows.flat_map(|row| row.take(width)).collect()
            }
            _ if self.planar && self.samples == 3 => {
                let plane = stored.len() / 3;
                let mut bytes = Vec::new();
                colour::interleave(
                    [&stored[..plane], &stored[plane..2 * plane], &stored[2 * plane..]],
                    &mut bytes,
                );
                bytes
            }
            _ => stored,
        };
        let wide = self.bits_allocated == 16;
        Samples { bytes, wide, ycbcr }
    }

    /// Puts a frame's pixels into `into`.
    pub fn show(&self, samples: Samples, into: &mut Vec<u8>) -> FrameFormat {
        let format = |pixels| FrameFormat::packed(pixels, self.width, self.height);
        match (self.photometric, &self.palette) {
            (Photometric::Palette, Some(palette)) => {
                into.reserve(3 * self.sample_count());
                self.each(&samples, |stored| into.extend_from_slice(&palette.colour(stored)));
                format(PixelFormat::Rgb24)
            }
            (Photometric::Monochrome(inverted), _) => {
                let flip = if inverted { 255 } else { 0 };
                into.reserve(self.sample_count());
                self.each(&samples, |stored| into.push(stored as u8 ^ flip));
                format(PixelFormat::Grey)
            }
            _ => {
                *into = samples.bytes;
                if samples.ycbcr {
                    let to_rgb = ToRgb::new(Matrix::Bt601, Range::Full);
                    for pixel in into.chunks_exact_mut(3) {
                        pixel.copy_from_slice(&to_rgb.rgb(pixel[0], pixel[1], pixel[2]));
                    }
                }
                format(PixelFormat::Rgb24)
            }
        }
    }

    fn each(&self, samples: &Samples, mut take: impl FnMut(u16)) {
        match samples.wide {
            true => samples
                .bytes
                .chunks_exact(2)
                .for_each(|w| take(u16::from_le_bytes([w[0], w[1]]) >> self.shift)),
            false => samples.bytes.iter().for_each(|&b| take(b.into())),
        }
    }
}
