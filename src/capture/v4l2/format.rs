//! Which picture a device is set to, and what its bytes mean.

use v4l::format::{Colorspace, FieldOrder, FourCC, Quantization};
use v4l::v4l_sys::*;

use super::Options;
use super::node::Node;
use crate::capture::CaptureError;
use crate::frame::{FrameFormat, Matrix, PixelFormat, Range};

/// The formats that we read, the ones with more colour first.
const READABLE: [(&[u8; 4], PixelFormat); 12] = [
    (b"YUYV", PixelFormat::Yuyv),
    (b"UYVY", PixelFormat::Uyvy),
    (b"NV16", PixelFormat::Nv16),
    (b"NV24", PixelFormat::Nv24),
    (b"YUV3", PixelFormat::Yuv24),
    (b"RGB3", PixelFormat::Rgb24),
    (b"BGR3", PixelFormat::Bgr24),
    (b"XR24", PixelFormat::Xbgr32),
    (b"BX24", PixelFormat::Xrgb32),
    (b"NV12", PixelFormat::Nv12),
    (b"YU12", PixelFormat::Yuv420),
    (b"GREY", PixelFormat::Grey),
];
/// Sides in pixels and rows in bytes beyond which a driver is talking nonsense.
const MOST_PIXELS: u32 = 16_384;
const MOST_ROW_BYTES: u32 = 1 << 20;

fn pixel_format(code: u32) -> Option<PixelFormat> {
    let found = READABLE
        .iter()
        .find(|(name, _)| u32::from_le_bytes(**name) == code);
    found.map(|(_, pixels)| *pixels)
}

fn readable_names() -> String {
    READABLE.map(|(name, _)| FourCC::new(name).to_string()).join(", ")
}

/// Sets the device to what `options` ask for, else to what it has with a pixel format of ours, and reads back what
/// it gives.
pub(super) fn negotiate(node: &Node, options: &Options) -> Result<FrameFormat, CaptureError> {
    let now = node.format()?;
    let code = match &options.format {
        Some(name) => {
            asked_for(name).ok_or_else(|| node.unsupported(format!("{name:?}"), readable_names()))?
        }
        None if pixel_format(now.pixelformat).is_some() => now.pixelformat,
        None => best_offered(node)?,
    };
    let width = options.width.unwrap_or(now.width);
    let height = options.height.unwrap_or(now.height);
    let given = if (now.width, now.height, now.pixelformat) == (width, height, code) {
        now
    } else {
        node.set_format(width, height, code)?
    };
    let unpinned = options.width.is_none() && options.height.is_none();
    if given.pixelformat != code || !(unpinned || (given.width, given.height) == (width, height)) {
        let asked = format!("{width}x{height} {}", FourCC::from(code));
        let (width, height, name) = (given.width, given.height, FourCC::from(given.pixelformat));
        return Err(node.unsupported(
            asked,
            format!("{width}x{height} {name}, which the device offers for it"),
        ));
    }
    frame_format(&given).map_err(|(found, expected)| node.unsupported(found, expected))
}

fn asked_for(name: &str) -> Option<u32> {
    let code = u32::from_le_bytes(name.as_bytes().try_into().ok()?);
    pixel_format(code).map(|_| code)
}

fn best_offered(node: &Node) -> Result<u32, CaptureError> {
    let offered = node.formats();
    let codes = READABLE.map(|(name, _)| u32::from_le_bytes(*name));
    codes
        .into_iter()
        .find(|code| offered.contains(code))
        .ok_or_else(|| {
            let names: Vec<_> = offered
                .iter()
                .map(|code| FourCC::from(*code).to_string())
                .collect();
            node.unsupported(names.join(", "), readable_names())
        })
}

/// Reads a driver's description; on error what was found and what was expected.
fn frame_format(given: &v4l2_pix_format) -> Result<FrameFormat, (String, String)> {
    use FieldOrder::{Any, Interlaced, InterlacedBT, InterlacedTB, Progressive};
    let pixels = pixel_format(given.pixelformat).ok_or_else(|| {
        let name = FourCC::from(given.pixelformat);
        (name.to_string(), readable_names())
    })?;
    let sides = 1..=MOST_PIXELS;
    if !sides.contains(&given.width) || !sides.contains(&given.height) || given.bytesperline > MOST_ROW_BYTES
    {
        let found = format!(
            "{}x{}, {} bytes a row",
            given.width, given.height, given.bytesperline
        );
        return Err((found, format!("at most {MOST_PIXELS} pixels a side")));
    }
    match FieldOrder::try_from(given.field) {
        Ok(Any | Progressive | Interlaced | InterlacedTB | InterlacedBT) => {}
        _ => return Err(("single fields".into(), "whole pictures".into())),
    }
    // SAFETY: both members of the union are a u32.
    let encoding = unsafe { given.__bindgen_anon_1.ycbcr_enc };
    let (matrix, range) = colour(
        pixels,
        given.colorspace,
        encoding,
        given.quantization,
        given.height,
    );
    Ok(FrameFormat {
        range,
        matrix,
        ..FrameFormat::packed(pixels, given.width, given.height).with_stride(given.bytesperline as usize)
    })
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
        for bad in ["MJPG", "yuyv", "YUY", "YUYV ", "", "ÄÖ"] {
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
    fn described() -> v4l2_pix_format {
        v4l2_pix_format {
            width: 640,
            height: 480,
            pixelformat: u32::from_le_bytes(*b"YUYV"),
            field: FieldOrder::Progressive as u32,
            bytesperline: 1344,
            sizeimage: 1344 * 480,
            colorspace: Colorspace::Rec709 as u32,
            priv_: V4L2_PIX_FMT_PRIV_MAGIC,
            flags: 0,
            __bindgen_anon_1: v4l2_pix_format__bindgen_ty_1 { ycbcr_enc: 0 },
            quantization: 0,
            xfer_func: 0,
        }
    }

    #[test]
    fn padded_rows_are_kept_and_rows_the_driver_does_not_describe_are_packed() {
        let padded = frame_format(&described()).expect("a good format");
        assert_eq!((padded.places[0].stride, padded.bytes()), (1344, 1344 * 480));
        let mut silent = described();
        silent.bytesperline = 0;
        assert_eq!(
            frame_format(&silent).expect("a good format").places[0].stride,
            1280
        );
    }

    #[test]
    fn nonsense_and_single_fields_are_refused() {
        let refused = |change: fn(&mut v4l2_pix_format)| {
            let mut format = described();
            change(&mut format);
            frame_format(&format).is_err()
        };
        assert!(refused(|f| f.width = 0));
        assert!(refused(|f| f.height = u32::MAX));
        assert!(refused(|f| f.bytesperline = u32::MAX));
        assert!(refused(|f| f.pixelformat = u32::from_le_bytes(*b"MJPG")));
        assert!(refused(|f| f.field = FieldOrder::Alternate as u32));
    }
}
