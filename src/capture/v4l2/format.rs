//! What the bytes of a driver's picture mean.

use v4l::format::{Colorspace, FieldOrder, FourCC, Quantization};

use super::node::Picture;
use crate::capture::mjpeg;
use crate::frame::{FrameFormat, Matrix, PixelFormat, Range};

/// The formats that we read, the ones with more colour first.
const READABLE: [(&[u8; 4], PixelFormat); 17] = [
    (b"YUYV", PixelFormat::Yuyv),
    (b"UYVY", PixelFormat::Uyvy),
    (b"NV16", PixelFormat::Nv16),
    (b"NM16", PixelFormat::Nv16),
    (b"NV24", PixelFormat::Nv24),
    (b"YUV3", PixelFormat::Yuv24),
    (b"RGB3", PixelFormat::Rgb24),
    (b"BGR3", PixelFormat::Bgr24),
    (b"XR24", PixelFormat::Xbgr32),
    (b"BX24", PixelFormat::Xrgb32),
    (b"NV12", PixelFormat::Nv12),
    (b"NM12", PixelFormat::Nv12),
    (b"YU12", PixelFormat::Yuv420),
    (b"YM12", PixelFormat::Yuv420),
    (b"GREY", PixelFormat::Grey),
    (b"MJPG", mjpeg::PIXELS),
    (b"JPEG", mjpeg::PIXELS),
];
/// Sides in pixels and rows in bytes beyond which a driver is talking nonsense.
const MOST_PIXELS: u32 = 16_384;
const MOST_ROW_BYTES: u32 = 1 << 20;

/// A picture that we can read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Described {
    pub format: FrameFormat,
    /// Bytes of the picture in each piece of memory of a buffer; one after the other they are the frame's bytes. 0 where
    /// they are compressed: then they are as many as the driver says of each picture.
    pub pieces: Vec<usize>,
}

fn pixel_format(code: u32) -> Option<PixelFormat> {
    rank(code).map(|rank| READABLE[rank].1)
}

/// The place of a pixel format in the order in which we prefer them; `None` if we cannot read it.
pub(super) fn rank(code: u32) -> Option<usize> {
    READABLE
        .iter()
        .position(|(name, _)| u32::from_le_bytes(**name) == code)
}

/// Whether pictures of this format lost something on their way.
pub(super) fn compressed(code: u32) -> bool {
    [*b"MJPG", *b"JPEG"].contains(&code.to_le_bytes())
}

pub(super) fn readable_names() -> String {
    READABLE.map(|(name, _)| FourCC::new(name).to_string()).join(", ")
}

/// The code of a pixel format of ours.
pub(super) fn asked_for(name: &str) -> Option<u32> {
    let code = u32::from_le_bytes(name.as_bytes().try_into().ok()?);
    pixel_format(code).map(|_| code)
}

/// Reads a driver's description; on error what was found and what was expected.
pub(super) fn describe(given: &Picture) -> Result<Described, (String, String)> {
    use FieldOrder::{Any, Progressive};
    let pixels = pixel_format(given.code).ok_or_else(|| {
        let name = FourCC::from(given.code);
        (name.to_string(), readable_names())
    })?;
    let stride = given.strides.first().copied().unwrap_or(0);
    let sides = 1..=MOST_PIXELS;
    if !sides.contains(&given.width) || !sides.contains(&given.height) || stride > MOST_ROW_BYTES {
        let found = format!("{}x{}, {stride} bytes a row", given.width, given.height);
        return Err((found, format!("at most {MOST_PIXELS} pixels a side")));
    }
    match FieldOrder::try_from(given.field) {
        Ok(Any | Progressive) => {}
        _ => {
            return Err((
                "interlaced video".into(),
                "progressive video (1080p, not 1080i)".into(),
            ));
        }
    }
    // Whatever the picture's colours are, luma and chroma in a JPEG stream are JFIF's unless the driver says otherwise.
    let colorspace = match compressed(given.code) {
        true => Colorspace::JPEG as u32,
        false => given.colorspace,
    };
    let (matrix, range) = colour(
        pixels,
        colorspace,
        given.encoding,
        given.quantization,
        given.height,
    );
    let packed = FrameFormat {
        range,
        matrix,
        ..FrameFormat::packed(pixels, given.width, given.height)
    };
    if compressed(given.code) {
        return Ok(Described {
            format: packed,
            pieces: vec![0],
        });
    }
    let mut strides = [0; 3];
    for (place, stride) in strides.iter_mut().zip(&given.strides) {
        *place = *stride as usize;
    }
    let planes = pixels.planes().len();
    let format = match given.strides.len() {
        1 => packed.with_stride(strides[0]),
        pieces if pieces == planes => packed.with_strides(strides),
        pieces => return Err((format!("a picture in {pieces} pieces"), format!("1 or {planes}"))),
    };
    let pieces = match given.strides.len() {
        1 => vec![format.bytes()],
        _ => format.plane_bytes().collect(),
    };
    Ok(Described { format, pieces })
}

/// How a driver says that colours are to be read. What it leaves open follows the colour space (Linux:
/// Documentation/userspace-api/media/v4l/colorspaces-details.rst, and `V4L2_MAP_YCBCR_ENC_DEFAULT` and
/// `V4L2_MAP_QUANTIZATION_DEFAULT` of videodev2.h); where that is open too, it follows the picture's height as in
/// [`FrameFormat::packed`]. Of what we cannot read, SMPTE 240M and BT.2020 are nearest to BT.709.
fn colour(
    pixels: PixelFormat,
    colorspace: u32,
    encoding: u32,
    quantization: u32,
    height: u32,
) -> (Matrix, Range) {
    let colorspace = Colorspace::try_from(colorspace).unwrap_or(Colorspace::Default);
    let matrix = match encoding {
        // V4L2_YCBCR_ENC_601, _XV601, _SYCC.
        1 | 3 | 5 => Matrix::Bt601,
        // V4L2_YCBCR_ENC_709, _XV709, _BT2020, _BT2020_CONST_LUM, _SMPTE240M.
        2 | 4 | 6 | 7 | 8 => Matrix::Bt709,
        _ => match colorspace {
            Colorspace::Rec709 | Colorspace::DCIP3 | Colorspace::Rec2020 | Colorspace::SMPTE240M => {
                Matrix::Bt709
            }
            Colorspace::Default | Colorspace::RAW => FrameFormat::packed(pixels, 0, height).matrix,
            _ => Matrix::Bt601,
        },
    };
    let range = match (Quantization::try_from(quantization), colorspace) {
        (Ok(Quantization::FullRange), _) => Range::Full,
        (Ok(Quantization::LimitedRange), _) => Range::Limited,
        (_, Colorspace::JPEG) => Range::Full,
        _ if !pixels.is_yuv() && pixels != PixelFormat::Grey => Range::Full,
        _ => Range::Limited,
    };
    (matrix, range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_formats_can_be_asked_for() {
        assert_eq!(asked_for("NV12").and_then(pixel_format), Some(PixelFormat::Nv12));
        assert_eq!(asked_for("BGR3").and_then(pixel_format), Some(PixelFormat::Bgr24));
        for bad in ["H264", "yuyv", "YUY", "YUYV ", "", "ÄÖ"] {
            assert_eq!(asked_for(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_the_driver_says_about_colour_is_honoured_and_the_rest_follows_the_colour_space() {
        let (default, full, limited) = (0, 1, 2);
        let (smpte170m, rec709, jpeg, srgb, bt2020) = (1, 3, 7, 8, 10);
        for (colorspace, encoding, quantization, height, expected) in [
            (smpte170m, 0, default, 1080, (Matrix::Bt601, Range::Limited)),
            (rec709, 0, default, 480, (Matrix::Bt709, Range::Limited)),
            (rec709, 1, full, 480, (Matrix::Bt601, Range::Full)),
            (srgb, 0, default, 1080, (Matrix::Bt601, Range::Limited)),
            (srgb, 2, limited, 480, (Matrix::Bt709, Range::Limited)),
            (jpeg, 0, default, 480, (Matrix::Bt601, Range::Full)),
            (jpeg, 0, limited, 480, (Matrix::Bt601, Range::Limited)),
            (bt2020, 0, default, 480, (Matrix::Bt709, Range::Limited)),
            (0, 0, default, 480, (Matrix::Bt601, Range::Limited)),
            (0, 0, default, 720, (Matrix::Bt709, Range::Limited)),
            (999, 999, 999, 1080, (Matrix::Bt709, Range::Limited)),
        ] {
            let found = colour(PixelFormat::Yuyv, colorspace, encoding, quantization, height);
            assert_eq!(found, expected, "colour space {colorspace}, encoding {encoding}");
        }
        let range = |pixels, quantization| colour(pixels, smpte170m, 0, quantization, 1080).1;
        assert_eq!(range(PixelFormat::Grey, default), Range::Limited);
        assert_eq!(range(PixelFormat::Rgb24, default), Range::Full);
        assert_eq!(range(PixelFormat::Xbgr32, limited), Range::Limited);
    }

    /// 640x480 YUYV with padded rows, as a driver describes it.
    fn described() -> Picture {
        Picture {
            width: 640,
            height: 480,
            code: u32::from_le_bytes(*b"YUYV"),
            field: FieldOrder::Progressive as u32,
            colorspace: Colorspace::Rec709 as u32,
            encoding: 0,
            quantization: 0,
            strides: vec![1344],
        }
    }

    #[test]
    fn padded_rows_are_kept_and_rows_the_driver_does_not_describe_are_packed() {
        let padded = describe(&described()).expect("a good format");
        assert_eq!(padded.format.places[0].stride, 1344);
        assert_eq!(padded.pieces, [1344 * 480]);
        let mut silent = described();
        silent.strides = vec![0];
        let silent = describe(&silent).expect("a good format");
        assert_eq!(silent.format.places[0].stride, 1280);
    }

    #[test]
    fn planes_in_memory_of_their_own_keep_their_own_rows() {
        let mut apart = described();
        apart.code = u32::from_le_bytes(*b"YM12");
        apart.strides = vec![704, 384, 320];
        let found = describe(&apart).expect("a good format");
        assert_eq!(found.pieces, [704 * 480, 384 * 240, 320 * 240]);
        assert_eq!(found.format.places[2].offset, 704 * 480 + 384 * 240);
        assert_eq!(found.format.bytes(), found.pieces.iter().sum::<usize>());
        apart.strides.pop();
        assert!(describe(&apart).is_err(), "three planes in two pieces");
    }

    #[test]
    fn what_comes_compressed_has_no_rows_and_the_colours_of_jfif() {
        let mut jpeg = described();
        (jpeg.code, jpeg.strides) = (u32::from_le_bytes(*b"MJPG"), vec![0]);
        let read = describe(&jpeg).expect("a good format");
        assert_eq!(read.pieces, [0]);
        assert_eq!(
            (read.format.matrix, read.format.range),
            (Matrix::Bt601, Range::Full)
        );
        assert_eq!(read.format.bytes(), 640 * 480 * 3);
    }

    #[test]
    fn nonsense_and_interlaced_video_are_refused() {
        let refused = |change: fn(&mut Picture)| {
            let mut picture = described();
            change(&mut picture);
            describe(&picture).is_err()
        };
        assert!(refused(|p| p.width = 0));
        assert!(refused(|p| p.height = u32::MAX));
        assert!(refused(|p| p.strides = vec![u32::MAX]));
        assert!(refused(|p| p.code = u32::from_le_bytes(*b"H264")));
        assert!(refused(|p| p.field = FieldOrder::Interlaced as u32));
        assert!(refused(|p| p.field = FieldOrder::Alternate as u32));
    }
}
