//! A recording: an error or frames. The first byte says of which kind; others are left to ffmpeg, which is not ours.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use sonograde::capture::{Captured, FrameSource, clip};
use sonograde::frame::BufferPool;

/// Frames to read of each.
const FRAMES: usize = 4;

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else {
        return;
    };
    let (name, beginning): (_, &[u8]) = match kind % 5 {
        0 => ("clip.y4m", b"YUV4MPEG2 "),
        1 => ("clip.mha", b"ObjectType = Image\n"),
        2 => ("clip.dcm", &[&[0; 128][..], b"DICM"].concat()),
        3 => ("clip.png", b"\x89PNG\r\n\x1a\n"),
        _ => ("clip.jpg", b"\xff\xd8\xff"),
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(name);
    std::fs::write(&path, [beginning, bytes].concat()).expect("a file");
    let Ok(mut clip) = clip::open(&path) else {
        return;
    };
    let pool = BufferPool::default();
    for _ in 0..FRAMES {
        match clip.next(&pool, Duration::ZERO) {
            Ok(Captured::Frame(frame)) => {
                assert!(!frame.bytes.is_empty());
            }
            Ok(Captured::End) => break,
            Ok(_) | Err(_) => {}
        }
    }
});
