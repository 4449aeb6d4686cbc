//! Motion JPEG, as most USB grabbers send what does not fit through USB: one JPEG stream → luma and chroma of each pixel.
//!
//! Runs on the thread that captures. Colours are left as they were sent, so that range and matrix are those that the
//! driver names. A stream that is damaged, cut or of another size gives no picture: the decoder would fill what is
//! missing with grey and say nothing.

use std::io::Cursor;

use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::clip::fault::Fault;
use super::clip::jpeg::Jpeg;
use crate::frame::PixelFormat;

/// How decoded pictures lie in memory.
pub const PIXELS: PixelFormat = PixelFormat::Yuv24;

/// The marker of Motion JPEG in AVI files, which makes the decoder use the tables that such streams leave out.
const AVI1: &[u8] = b"\xff\xe0\x00\x07AVI1\0";

/// Decodes streams.
#[derive(Debug, Default)]
pub struct Mjpeg {
    /// A stream whose tables are left out, with [`AVI1`].
    marked: Vec<u8>,
}

impl Mjpeg {
    /// Puts the picture of `stream`, `width` × `height` pixels, into `into`, as [`PIXELS`] without padding.
    ///
    /// # Errors
    /// Why there is no such picture, in words; `into` then holds nothing of use.
    pub fn decode(
        &mut self,
        stream: &[u8],
        (width, height): (u32, u32),
        into: &mut Vec<u8>,
    ) -> Result<(), String> {
        let jpeg = Jpeg::inspect(stream).map_err(|fault| match fault {
            Fault::Corrupt(reason) => reason,
            other => format!("{other:?}"),
        })?;
        if (u32::from(jpeg.width), u32::from(jpeg.height)) != (width, height) {
            return Err(format!(
                "the JPEG stream has {}x{} pixels, the device is set to {width}x{height}",
                jpeg.width, jpeg.height
            ));
        }
        // Without its end the decoder runs out of data where data is missing, instead of making some up.
        let mut stream = &stream[..jpeg.end];
        if !jpeg.huffman {
            self.marked.clear();
            for part in [&stream[..2], AVI1, &stream[2..]] {
                self.marked.extend_from_slice(part);
            }
            stream = &self.marked;
        }
        let options = DecoderOptions::default()
            .set_strict_mode(true)
            .jpeg_set_out_colorspace(ColorSpace::YCbCr);
        into.resize(3 * width as usize * height as usize, 0);
        JpegDecoder::new_with_options(Cursor::new(stream), options)
            .decode_into(into)
            .map_err(|error| format!("the JPEG stream is damaged: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use image::codecs::jpeg::JpegEncoder;
    use image::{DynamicImage, Rgb, RgbImage};
    use proptest::prelude::*;

    use super::*;
    use crate::frame::{Frame, FrameFormat, Matrix, Range};
    use crate::preprocess::crop;

    const SIZE: (u32, u32) = (333, 250);

    /// A picture with smooth parts and edges in colour, and speckle.
    fn picture() -> RgbImage {
        let mut random = oorandom::Rand32::new(3);
        RgbImage::from_fn(SIZE.0, SIZE.1, |x, y| {
            let speckle = random.rand_range(0..40) as u8;
            let red = if (x / 40 + y / 40) % 2 == 0 { 150 } else { 60 };
            Rgb([red + speckle, (x / 2) as u8 + speckle, (y / 2) as u8])
        })
    }

    fn stream(quality: u8) -> Vec<u8> {
        let mut bytes = Vec::new();
        let encoder = JpegEncoder::new_with_quality(&mut bytes, quality);
        let picture = DynamicImage::from(picture());
        picture.write_with_encoder(encoder).expect("encodes");
        bytes
    }

    fn decode(stream: &[u8]) -> Result<Vec<u8>, String> {
        let mut into = Vec::new();
        Mjpeg::default().decode(stream, SIZE, &mut into).map(|()| into)
    }

    /// The stream without its marker segments of this kind.
    fn without(stream: &[u8], marker: u8) -> Vec<u8> {
        let mut kept = stream[..2].to_vec();
        let mut at = 2;
        while stream[at + 1] != 0xda {
            let length = 2 + usize::from(u16::from_be_bytes([stream[at + 2], stream[at + 3]]));
            if stream[at + 1] != marker {
                kept.extend_from_slice(&stream[at..at + length]);
            }
            at += length;
        }
        kept.extend_from_slice(&stream[at..]);
        kept
    }

    #[test]
    fn colours_are_those_that_another_decoder_gives() {
        let stream = stream(90);
        let expected = image::load_from_memory(&stream).expect("decodes").into_rgb8();
        let frame = Frame {
            seq: 0,
            t: std::time::Duration::ZERO,
            wall: std::time::SystemTime::UNIX_EPOCH,
            format: FrameFormat {
                range: Range::Full,
                matrix: Matrix::Bt601,
                ..FrameFormat::packed(PIXELS, SIZE.0, SIZE.1)
            },
            bytes: decode(&stream).expect("a good stream").into(),
        };
        let got = crop(&frame, frame.format.area()).expect("the whole picture");
        let worst = got.iter().zip(expected.iter()).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst <= Some(2), "{worst:?}");
    }

    #[test]
    fn tables_may_be_left_out_and_padding_may_follow() {
        let whole = stream(75);
        let expected = decode(&whole);
        assert!(expected.is_ok());
        let bare = without(&whole, 0xc4);
        assert!(bare.len() + 400 < whole.len());
        assert_eq!(decode(&bare), expected);
        let padded = [&whole[..], &[0; 999]].concat();
        assert_eq!(decode(&padded), expected);
    }

    #[test]
    fn another_size_is_named() {
        let error = Mjpeg::default().decode(&stream(75), (640, 480), &mut Vec::new());
        assert!(error.is_err_and(|e| e.contains("333x250") && e.contains("640x480")));
    }

    /// A frame of which packets were lost on the way showed grey, or the frame before, below the gap.
    #[test]
    fn a_stream_with_a_part_missing_gives_no_picture() {
        let whole = stream(75);
        let begin = 700;
        for end in (0..whole.len()).step_by(97) {
            assert!(decode(&whole[..end]).is_err(), "cut at {end} of {}", whole.len());
        }
        let given = (begin..whole.len() - 600).step_by(97).filter(|&at| {
            let gap = [&whole[..at], &whole[at + 512..]].concat();
            decode(&gap).is_ok()
        });
        assert_eq!(given.count(), 0, "of {}", (whole.len() - begin) / 97);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(120))]
        #[test]
        fn damage_is_never_a_panic(
            flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
            cut in proptest::option::of(any::<prop::sample::Index>()), header in any::<bool>(),
        ) {
            let mut stream = stream(60);
            let reach = if header { 700 } else { stream.len() };
            for (at, with) in flips {
                stream[at.index(reach)] = with;
            }
            if let Some(cut) = cut {
                stream.drain(cut.index(reach)..reach);
            }
            if let Ok(bytes) = decode(&stream) {
                prop_assert_eq!(bytes.len(), 3 * SIZE.0 as usize * SIZE.1 as usize);
            }
        }
    }
}
