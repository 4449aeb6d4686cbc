//! What a grabber makes of the phantom's contrast pane.

use std::time::{Duration, SystemTime};

use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use sonograde::capture::phantom::Phantom;
use sonograde::capture::{Captured, FrameSource};
use sonograde::frame::{BufferPool, Frame, FrameFormat, PixelFormat, Rect};
use sonograde::preprocess;

/// How pictures reach us.
#[derive(Clone, Copy, Debug)]
pub enum Grabber {
    /// As they were.
    Lossless,
    /// As JPEG of about this quality, with noise of so many levels before.
    Mjpeg { quality: u8, noise: u8 },
}

/// The pane of the phantom's next picture, `t` after the first.
pub fn picture(phantom: &mut Phantom, pane: Rect, t: Duration) -> Frame {
    let pool = BufferPool::default();
    let frames: Vec<Frame> = (0..Phantom::FRAMES_EACH)
        .map(|_| match phantom.next(&pool, Duration::ZERO) {
            Ok(Captured::Frame(frame)) => frame,
            other => panic!("{other:?}"),
        })
        .collect();
    frame(
        preprocess::crop(&frames[0], pane).expect("the pane is on the screen"),
        t,
    )
}

fn frame(picture: RgbImage, t: Duration) -> Frame {
    Frame {
        seq: 0,
        t,
        wall: SystemTime::UNIX_EPOCH + t,
        format: FrameFormat::packed(PixelFormat::Rgb24, picture.width(), picture.height()),
        bytes: picture.into_raw().into(),
    }
}

impl Grabber {
    /// What this grabber makes of a picture, at `t`; noise and rate control depend on `seed`.
    pub fn grab(self, clean: &Frame, t: Duration, seed: u64) -> Frame {
        let (w, h) = (clean.format.width, clean.format.height);
        let mut picture = RgbImage::from_raw(w, h, clean.bytes.to_vec()).expect("its bytes");
        let Self::Mjpeg { quality, noise } = self else {
            return frame(picture, t);
        };
        let mut draws = oorandom::Rand32::new(seed);
        let noise = i32::from(noise);
        for value in picture.iter_mut() {
            let off = draws.rand_range(0..2 * noise as u32 + 1) as i32 - noise;
            *value = (i32::from(*value) + off).clamp(0, 255) as u8;
        }
        let quality = quality - (seed % 5) as u8;
        let mut jpeg = Vec::new();
        JpegEncoder::new_with_quality(&mut jpeg, quality)
            .encode_image(&picture)
            .expect("memory takes it");
        frame(image::load_from_memory(&jpeg).expect("a JPEG").into_rgb8(), t)
    }
}
