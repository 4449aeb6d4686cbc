//! Capture copy, decoding of Motion JPEG, and preprocessing of a 600×600 ROI in a 1080p frame, for each pixel format.

use std::hint::black_box;
use std::time::{Duration, SystemTime};

use criterion::{Criterion, criterion_group, criterion_main};
use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage};
use sonograde::capture::mjpeg::Mjpeg;
use sonograde::frame::{BufferPool, Frame, FrameFormat, PixelFormat, Rect};
use sonograde::preprocess::Preprocessor;

const ROI: Rect = Rect {
    x: 1100,
    y: 200,
    w: 600,
    h: 600,
};

fn frame(pixels: PixelFormat) -> Frame {
    let format = FrameFormat::packed(pixels, 1920, 1080);
    let mut random = oorandom::Rand32::new(7);
    let bytes: Vec<u8> = (0..format.bytes())
        .map(|_| random.rand_range(16..236) as u8)
        .collect();
    Frame {
        seq: 0,
        t: Duration::ZERO,
        wall: SystemTime::UNIX_EPOCH,
        format,
        bytes: bytes.into(),
    }
}

/// A scanner's screen: speckle in two panes, black around them.
fn mjpeg() -> Vec<u8> {
    let mut random = oorandom::Rand32::new(7);
    let picture = RgbImage::from_fn(1920, 1080, |x, y| {
        let pane = (100..1000).contains(&y) && (100..900).contains(&(x % 960));
        let level = if pane { random.rand_range(20..120) as u8 } else { 0 };
        Rgb([level, level / 2, 0])
    });
    let mut stream = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut stream, 80);
    picture.write_with_encoder(encoder).expect("encodes");
    stream
}

fn stages(c: &mut Criterion) {
    let pool = BufferPool::default();
    let yuyv = frame(PixelFormat::Yuyv);
    c.bench_function("capture copy/1080p yuyv", |b| {
        b.iter(|| black_box(pool.copy_of(&yuyv.bytes)))
    });
    let (stream, mut decoder) = (mjpeg(), Mjpeg::default());
    c.bench_function(
        &format!("decode/1080p mjpeg of {} KB", stream.len() / 1024),
        |b| {
            b.iter(|| {
                let mut picture = pool.take();
                decoder
                    .decode(black_box(&stream), (1920, 1080), picture.vec_mut())
                    .expect("a good stream");
                picture
            });
        },
    );
    for pixels in PixelFormat::ALL {
        let frame = frame(pixels);
        let mut preprocessor = Preprocessor::new(224, 224);
        let mut out = vec![0; 3 * 224 * 224];
        c.bench_function(&format!("preprocess/600x600 of 1080p {pixels:?}"), |b| {
            b.iter(|| {
                preprocessor
                    .run(black_box(&frame), ROI, &mut out)
                    .expect("inside the picture")
            });
        });
    }
}

criterion_group!(benches, stages);
criterion_main!(benches);
