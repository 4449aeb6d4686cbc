use proptest::prelude::*;

use super::*;
use crate::frame::{PixelFormat, Range};

fn frame(format: FrameFormat, bytes: Vec<u8>) -> Frame {
    Frame {
        seq: 0,
        t: std::time::Duration::ZERO,
        wall: std::time::SystemTime::UNIX_EPOCH,
        format,
        bytes: bytes.into(),
    }
}

const FORMATS: [PixelFormat; 6] = [
    PixelFormat::Yuyv,
    PixelFormat::Uyvy,
    PixelFormat::Nv12,
    PixelFormat::Rgb24,
    PixelFormat::Bgr24,
    PixelFormat::Grey,
];

/// The definition in f64: crop to red, green, blue, then filter columns and rows with the triangle.
fn reference(frame: &Frame, roi: Rect, width: usize, height: usize) -> Vec<f64> {
    let picture = crop(frame, roi).expect("a good ROI");
    let weights = |len: u32, out: usize, o: usize| -> Vec<(u32, f64)> {
        let scale = f64::from(len) / out as f64;
        let support = scale.max(1.0);
        let centre = (o as f64 + 0.5) * scale;
        let near: Vec<(u32, f64)> = (0..len)
            .map(|p| {
                (
                    p,
                    (1.0 - ((f64::from(p) + 0.5 - centre) / support).abs()).max(0.0),
                )
            })
            .filter(|w| w.1 > 0.0)
            .collect();
        let sum: f64 = near.iter().map(|w| w.1).sum();
        near.into_iter().map(|(p, w)| (p, w / sum)).collect()
    };
    let mut out = vec![0.0; 3 * width * height];
    for y in 0..height {
        let rows = weights(roi.h, height, y);
        for x in 0..width {
            for &(px, wx) in &weights(roi.w, width, x) {
                for &(py, wy) in &rows {
                    let pixel = picture.get_pixel(px, py).0;
                    for c in 0..3 {
                        out[(c * height + y) * width + x] += wx * wy * f64::from(pixel[c]);
                    }
                }
            }
        }
    }
    out
}

/// Bytes whose YUV lies inside the RGB cube, where filtering and converting can change places.
fn in_gamut(format: FrameFormat, seed: u64) -> Vec<u8> {
    let mut random = oorandom::Rand32::new(seed);
    let span = if format.pixels.is_yuv() { 96..160 } else { 0..256 };
    (0..format.bytes())
        .map(|_| random.rand_range(span.clone()) as u8)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn every_format_and_roi_equals_the_definition_within_a_level(
        (pixels, w, h) in (0..FORMATS.len(), 1u32..90, 1u32..70),
        corner in (0.0..1.0f64, 0.0..1.0f64), size in (0.0..1.0f64, 0.0..1.0f64),
        padding in 0usize..9, full in any::<bool>(), seed in any::<u64>(),
    ) {
        let mut format = FrameFormat::packed(FORMATS[pixels], w, h);
        format.stride += padding + format.stride % 2 * usize::from(format.pixels == PixelFormat::Nv12) + 2;
        format.range = if full { Range::Full } else { Range::Limited };
        let x = (f64::from(w) * corner.0) as u32;
        let y = (f64::from(h) * corner.1) as u32;
        let roi = Rect {
            x,
            y,
            w: 1 + (f64::from(w - x - 1) * size.0) as u32,
            h: 1 + (f64::from(h - y - 1) * size.1) as u32,
        };
        let frame = frame(format, in_gamut(format, seed));
        let mut out = vec![0; 3 * 17 * 19];
        Preprocessor::new(17, 19).run(&frame, roi, &mut out).expect("inside the picture");
        for (got, want) in out.iter().zip(reference(&frame, roi, 17, 19)) {
            prop_assert!((f64::from(*got) - want).abs() <= 1.25, "{got} for {want}");
        }
    }
}

#[test]
fn the_six_formats_show_the_same_grey() {
    for pixels in FORMATS {
        let format = FrameFormat::packed(pixels, 64, 48);
        let level = if pixels.is_yuv() { 126 } else { 128 };
        let mut bytes = vec![128; format.bytes()];
        match pixels {
            PixelFormat::Yuyv => bytes.iter_mut().step_by(2).for_each(|b| *b = level),
            PixelFormat::Uyvy => bytes.iter_mut().skip(1).step_by(2).for_each(|b| *b = level),
            PixelFormat::Nv12 => bytes[..64 * 48].fill(level),
            _ => {}
        }
        let mut out = vec![0; 3 * 32 * 32];
        let roi = Rect {
            x: 3,
            y: 5,
            w: 41,
            h: 37,
        };
        Preprocessor::new(32, 32)
            .run(&frame(format, bytes), roi, &mut out)
            .expect("inside");
        assert!(out.iter().all(|&b| b == 128), "{pixels:?}: {:?}", &out[..3]);
    }
}

#[test]
fn full_scale_stays_full_scale() {
    let format = FrameFormat::packed(PixelFormat::Rgb24, 601, 599);
    let mut out = vec![0; 3 * 224 * 224];
    let white = frame(format, vec![255; format.bytes()]);
    Preprocessor::new(224, 224)
        .run(&white, format.area(), &mut out)
        .expect("inside");
    assert!(out.iter().all(|&b| b == 255));
}

#[test]
fn a_roi_outside_and_a_truncated_frame_are_refused() {
    let format = FrameFormat::packed(PixelFormat::Grey, 10, 10);
    let mut out = vec![7; 3 * 32 * 32];
    let mut preprocessor = Preprocessor::new(32, 32);
    let outside = Rect {
        x: 5,
        y: 5,
        w: 6,
        h: 5,
    };
    let refused = preprocessor.run(&frame(format, vec![0; 100]), outside, &mut out);
    assert!(matches!(refused, Err(PreprocessError::OutsidePicture { .. })));
    let refused = preprocessor.run(&frame(format, vec![0; 99]), format.area(), &mut out);
    assert!(matches!(
        refused,
        Err(PreprocessError::Truncated {
            got: 99,
            expected: 100,
            ..
        })
    ));
    assert!(out.iter().all(|&b| b == 7));
}
