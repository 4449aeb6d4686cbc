use proptest::prelude::*;

use super::*;
use crate::frame::{Matrix, PixelFormat, Range};

fn frame(format: FrameFormat, bytes: Vec<u8>) -> Frame {
    Frame {
        seq: 0,
        t: std::time::Duration::ZERO,
        wall: std::time::SystemTime::UNIX_EPOCH,
        format,
        bytes: bytes.into(),
    }
}

/// A picture of three channels, as plain as can be: what is written into a frame, and what must be read from it.
struct Plain {
    width: u32,
    channels: [Vec<u8>; 3],
}

impl Plain {
    /// Noise whose colours lie inside the RGB cube, where filtering and converting can change places.
    fn noise(format: &FrameFormat, seed: u64) -> Self {
        let mut random = oorandom::Rand32::new(seed);
        let span = match (format.pixels.is_yuv(), format.range) {
            (true, _) => 96..160,
            (false, Range::Limited) => 16..236,
            (false, Range::Full) => 0..256,
        };
        let count = (format.width * format.height) as usize;
        let mut noise = || {
            (0..count)
                .map(|_| random.rand_range(span.clone()) as u8)
                .collect()
        };
        Self {
            width: format.width,
            channels: [noise(), noise(), noise()],
        }
    }

    fn at(&self, channel: usize, x: u32, y: u32) -> u8 {
        self.channels[channel][(y * self.width + x) as usize]
    }

    /// The bytes of a frame, by the pictures of memory in Linux's Documentation/userspace-api/media/v4l/pixfmt-*.rst.
    fn bytes(&self, format: &FrameFormat) -> Vec<u8> {
        let mut bytes = vec![0xa5; format.bytes()];
        let [first, second, third] = format.places;
        for (y, x) in (0..format.height).flat_map(|y| (0..format.width).map(move |x| (y, x))) {
            let [a, b, c] = [0, 1, 2].map(|channel| self.at(channel, x, y));
            let (x, y) = (x as usize, y as usize);
            let row = first.offset + y * first.stride;
            let mut put = |at: usize, with: &[u8]| bytes[at..at + with.len()].copy_from_slice(with);
            let left = x % 2 == 0;
            let corner = left && y % 2 == 0;
            match format.pixels {
                PixelFormat::Yuyv if left => put(row + 2 * x, &[a, b, 0xa5, c]),
                PixelFormat::Uyvy if left => put(row + 2 * x, &[b, a, c]),
                PixelFormat::Yuyv => put(row + 2 * x, &[a]),
                PixelFormat::Uyvy => put(row + 2 * x + 1, &[a]),
                PixelFormat::Yuv24 | PixelFormat::Rgb24 => put(row + 3 * x, &[a, b, c]),
                PixelFormat::Bgr24 => put(row + 3 * x, &[c, b, a]),
                PixelFormat::Xbgr32 => put(row + 4 * x, &[c, b, a]),
                PixelFormat::Xrgb32 => put(row + 4 * x + 1, &[a, b, c]),
                PixelFormat::Nv12
                | PixelFormat::Nv16
                | PixelFormat::Nv24
                | PixelFormat::Yuv420
                | PixelFormat::Grey => put(row + x, &[a]),
            }
            match format.pixels {
                PixelFormat::Nv12 if corner => put(second.offset + y / 2 * second.stride + x, &[b, c]),
                PixelFormat::Nv16 if left => put(second.offset + y * second.stride + x, &[b, c]),
                PixelFormat::Nv24 => put(second.offset + y * second.stride + 2 * x, &[b, c]),
                PixelFormat::Yuv420 if corner => {
                    put(second.offset + y / 2 * second.stride + x / 2, &[b]);
                    put(third.offset + y / 2 * third.stride + x / 2, &[c]);
                }
                _ => {}
            }
        }
        bytes
    }

    /// Red, green and blue of one pixel by the standards' equations.
    fn rgb(&self, format: &FrameFormat, x: u32, y: u32) -> [f64; 3] {
        let (cx, cy) = match format.pixels {
            PixelFormat::Nv12 | PixelFormat::Yuv420 => (x & !1, y & !1),
            PixelFormat::Yuyv | PixelFormat::Uyvy | PixelFormat::Nv16 => (x & !1, y),
            _ => (x, y),
        };
        let (black, white, chroma) = match format.range {
            Range::Full => (0.0, 255.0, 255.0),
            Range::Limited => (16.0, 235.0, 224.0),
        };
        let level = |value: u8| (f64::from(value) - black) / (white - black) * 255.0;
        if format.pixels == PixelFormat::Grey {
            return [level(self.at(0, x, y)); 3];
        }
        if !format.pixels.is_yuv() {
            return [0, 1, 2].map(|channel| level(self.at(channel, x, y)));
        }
        let (kr, kb) = match format.matrix {
            Matrix::Bt601 => (0.299, 0.114),
            Matrix::Bt709 => (0.2126, 0.0722),
        };
        let luma = level(self.at(0, x, y));
        let [u, v] = [1, 2].map(|channel| (f64::from(self.at(channel, cx, cy)) - 128.0) / chroma * 255.0);
        let red = luma + 2.0 * (1.0 - kr) * v;
        let blue = luma + 2.0 * (1.0 - kb) * u;
        [red, (luma - kr * red - kb * blue) / (1.0 - kr - kb), blue]
    }

    /// Red, green and blue of the ROI, filtered along columns and rows with the triangle.
    fn scaled(&self, format: &FrameFormat, roi: Rect, width: usize, height: usize) -> Vec<f64> {
        let weights = |len: u32, out: usize, o: usize| -> Vec<(u32, f64)> {
            let scale = f64::from(len) / out as f64;
            let support = scale.max(1.0);
            let centre = (o as f64 + 0.5) * scale;
            let weight = |p| (1.0 - ((f64::from(p) + 0.5 - centre) / support).abs()).max(0.0);
            let near: Vec<(u32, f64)> = (0..len).map(|p| (p, weight(p))).filter(|w| w.1 > 0.0).collect();
            let sum: f64 = near.iter().map(|w| w.1).sum();
            near.into_iter().map(|(p, w)| (p, w / sum)).collect()
        };
        let mut out = vec![0.0; 3 * width * height];
        for y in 0..height {
            let rows = weights(roi.h, height, y);
            for x in 0..width {
                for &(px, wx) in &weights(roi.w, width, x) {
                    for &(py, wy) in &rows {
                        let pixel = self.rgb(format, roi.x + px, roi.y + py);
                        for c in 0..3 {
                            out[(c * height + y) * width + x] += wx * wy * pixel[c].clamp(0.0, 255.0);
                        }
                    }
                }
            }
        }
        out
    }
}

/// Any format of ours with any padding, and a ROI inside it.
fn any_format() -> impl Strategy<Value = (FrameFormat, Rect)> {
    let size = (0..PixelFormat::ALL.len(), 1u32..90, 1u32..70);
    let strides = prop_oneof![
        (0usize..400).prop_map(|stride| (true, [stride, 0, 0])),
        [0usize..400, 0usize..400, 0usize..400].prop_map(|strides| (false, strides)),
    ];
    let colour = (any::<bool>(), any::<bool>());
    let roi = (0.0..1.0f64, 0.0..1.0f64, 0.0..1.0f64, 0.0..1.0f64);
    (size, strides, colour, roi).prop_map(|((pixels, w, h), strides, colour, roi)| {
        let packed = FrameFormat::packed(PixelFormat::ALL[pixels], w, h);
        let mut format = match strides {
            (true, [stride, ..]) => packed.with_stride(stride),
            (false, strides) => packed.with_strides(strides),
        };
        format.range = if colour.0 { Range::Full } else { Range::Limited };
        format.matrix = if colour.1 { Matrix::Bt601 } else { Matrix::Bt709 };
        let (x, y) = ((f64::from(w) * roi.0) as u32, (f64::from(h) * roi.1) as u32);
        let (w, h) = (f64::from(w - x - 1) * roi.2, f64::from(h - y - 1) * roi.3);
        let roi = Rect {
            x,
            y,
            w: 1 + w as u32,
            h: 1 + h as u32,
        };
        (format, roi)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(144))]
    #[test]
    fn every_format_and_roi_equals_the_definition_within_a_level(
        (format, roi) in any_format(), seed in any::<u64>(),
    ) {
        let plain = Plain::noise(&format, seed);
        let frame = frame(format, plain.bytes(&format));
        let mut out = vec![0; 3 * 17 * 19];
        Preprocessor::new(17, 19).run(&frame, roi, &mut out).expect("inside the picture");
        for (got, want) in out.iter().zip(plain.scaled(&format, roi, 17, 19)) {
            prop_assert!((f64::from(*got) - want).abs() <= 1.25, "{got} for {want}: {format:?}");
        }
        for (x, y, pixel) in crop(&frame, roi).expect("inside the picture").enumerate_pixels() {
            let want = plain.rgb(&format, roi.x + x, roi.y + y);
            for (got, want) in pixel.0.iter().zip(want) {
                prop_assert!((f64::from(*got) - want.clamp(0.0, 255.0)).abs() <= 1.0, "{got} for {want}: {format:?}");
            }
        }
    }

    #[test]
    fn a_short_frame_or_a_roi_outside_is_an_error_and_never_a_panic(
        (format, inside) in any_format(), short in 0.0..1.0f64,
        outside in [0u32..200, 0u32..200, 0u32..200, 0u32..200],
    ) {
        let [x, y, w, h] = outside;
        let roi = Rect { x, y, w, h };
        let whole = frame(format, vec![7; format.bytes()]);
        let mut preprocessor = Preprocessor::new(8, 8);
        let mut out = vec![0; 3 * 8 * 8];
        let fits = w > 0 && h > 0 && format.area().contains(&roi);
        prop_assert_eq!(preprocessor.run(&whole, roi, &mut out).is_ok(), fits);
        prop_assert_eq!(crop(&whole, roi).is_ok(), fits);
        let cut = frame(format, vec![7; (short * format.bytes() as f64) as usize]);
        let refused = preprocessor.run(&cut, inside, &mut out);
        let truncated = matches!(refused, Err(PreprocessError::Truncated { .. }));
        prop_assert!(truncated);
        prop_assert!(crop(&cut, inside).is_err());
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
