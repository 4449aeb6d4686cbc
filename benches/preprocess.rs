//! Capture copy and preprocessing of a 600×600 ROI in a 1080p frame, for each pixel format.

use std::hint::black_box;
use std::time::{Duration, SystemTime};

use criterion::{Criterion, criterion_group, criterion_main};
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

fn stages(c: &mut Criterion) {
    let pool = BufferPool::default();
    let yuyv = frame(PixelFormat::Yuyv);
    c.bench_function("capture copy/1080p yuyv", |b| {
        b.iter(|| black_box(pool.copy_of(&yuyv.bytes)))
    });
    for pixels in [
        PixelFormat::Yuyv,
        PixelFormat::Uyvy,
        PixelFormat::Nv12,
        PixelFormat::Nv16,
        PixelFormat::Nv24,
        PixelFormat::Yuv420,
        PixelFormat::Yuv24,
        PixelFormat::Rgb24,
        PixelFormat::Bgr24,
        PixelFormat::Xbgr32,
        PixelFormat::Xrgb32,
        PixelFormat::Grey,
    ] {
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
