//! Clips as their users see them: made-up files, damaged ones, and the real recordings where they are.

use std::fs;
use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};
use proptest::prelude::*;

use super::*;
use crate::frame::PixelFormat;

/// All that a clip gives, frames and errors, in order.
pub fn drain(clip: &mut Clip) -> Vec<Result<Frame, CaptureError>> {
    let pool = BufferPool::default();
    let mut all = Vec::new();
    loop {
        assert!(all.len() < 10_000, "a clip ends");
        match clip.next(&pool, Duration::ZERO) {
            Ok(Captured::Frame(frame)) => all.push(Ok(frame)),
            Ok(Captured::Nothing | Captured::NoPicture(_)) => panic!("a recording always has something"),
            Ok(Captured::End) => return all,
            Err(error) => all.push(Err(error)),
        }
    }
}

pub fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let picture = RgbImage::from_fn(width, height, |x, y| Rgb([200, (x * 8) as u8, (y * 8) as u8]));
    let mut bytes = Cursor::new(Vec::new());
    picture
        .write_to(&mut bytes, format)
        .expect("a small picture encodes");
    bytes.into_inner()
}

fn y4m() -> Vec<u8> {
    let mut bytes = b"YUV4MPEG2 W16 H8 F25:1 Ip A1:1 C420jpeg\n".to_vec();
    for n in 0..3 {
        bytes.extend(b"FRAME\n");
        bytes.extend([n; 16 * 8 * 3 / 2]);
    }
    bytes
}

fn mha() -> Vec<u8> {
    let mut bytes = b"ObjectType = Image\nNDims = 3\nDimSize = 16 8 3\nElementType = MET_UCHAR\n".to_vec();
    bytes.extend(b"ElementDataFile = LOCAL\n");
    bytes.extend([7; 16 * 8 * 3]);
    bytes
}

#[test]
fn a_folder_is_a_clip_in_natural_order_and_a_broken_picture_loses_no_other() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    for (name, width) in [
        ("frame10.png", 10),
        ("Frame2.JPG", 2),
        ("frame1.jpeg", 1),
        (".hidden.png", 5),
    ] {
        let format = if name.ends_with("png") {
            ImageFormat::Png
        } else {
            ImageFormat::Jpeg
        };
        fs::write(folder.path().join(name), picture(width, 3, format)).expect("writes");
    }
    fs::write(folder.path().join("frame3.png"), b"\x89PNG\r\n\x1a\nrubbish").expect("writes");
    fs::write(folder.path().join("notes.txt"), b"not a picture").expect("writes");

    let mut clip = open(folder.path()).expect("a folder of pictures");
    assert_eq!(clip.len_hint(), Some(4));
    let all = drain(&mut clip);
    let [Ok(one), Ok(two), Err(broken), Ok(ten)] = &all[..] else {
        panic!("{all:?}");
    };
    let seen = |frame: &Frame| (frame.format.width, frame.seq, frame.t.as_millis());
    assert_eq!([one, two, ten].map(seen), [(1, 0, 0), (2, 1, 40), (10, 3, 120)]);
    assert_eq!(ten.wall, one.wall + Duration::from_millis(120));
    assert!(
        matches!(broken, CaptureError::Corrupt { path, frame: Some(2), .. } if path.ends_with("frame3.png"))
    );
}

#[test]
fn stills_keep_their_colours() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let file = folder.path().join("named.wrongly");
    fs::write(&file, picture(9, 7, ImageFormat::Png)).expect("writes");
    let all = drain(&mut open(&file).expect("the first bytes say PNG"));
    let [Ok(frame)] = &all[..] else { panic!("{all:?}") };
    assert_eq!(frame.format, FrameFormat::packed(PixelFormat::Rgb24, 9, 7));
    assert_eq!(frame.bytes[3 * (9 * 2 + 5)..][..3], [200, 40, 16]);

    let grey = image::GrayImage::from_pixel(3, 2, image::Luma([77]));
    grey.save_with_format(&file, ImageFormat::Png).expect("writes");
    let all = drain(&mut open(&file).expect("PNG"));
    let [Ok(frame)] = &all[..] else { panic!("{all:?}") };
    assert_eq!(
        (frame.format.pixels, &frame.bytes[..]),
        (PixelFormat::Grey, &[77; 6][..])
    );
}

#[test]
fn what_is_no_recording_is_refused_in_words() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let words = |path: &Path| {
        let mut words = open(path).err().map(|error| error.to_string());
        words = words.or_else(|| {
            drain(&mut open(path).ok()?)
                .pop()?
                .err()
                .map(|error| error.to_string())
        });
        words.expect("refused")
    };
    assert!(words(&folder.path().join("missing.png")).contains("not found"));
    assert!(words(folder.path()).contains("without pictures"));
    for (name, content, expected) in [
        ("empty.png", &b""[..], "empty"),
        ("text.png", b"hello", "not a PNG or JPEG"),
        ("text.dcm", &[b' '; 200], "not a DICOM file"),
        ("text.y4m", b"hello\n", "YUV4MPEG2"),
        ("text.mha", b"hello\n", "Key = Value"),
        ("text.txt", b"hello", "ffmpeg"),
    ] {
        let file = folder.path().join(name);
        fs::write(&file, content).expect("writes");
        let words = words(&file);
        assert!(words.contains(expected) && words.contains(name), "{words}");
    }
}

#[test]
fn a_file_cut_anywhere_gives_whole_frames_or_an_error() {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let file = folder.path().join("cut");
    let (png, jpeg) = (
        picture(32, 32, ImageFormat::Png),
        picture(32, 32, ImageFormat::Jpeg),
    );
    for whole in [png, jpeg, y4m(), mha()] {
        fs::write(&file, &whole).expect("writes");
        let count = drain(&mut open(&file).expect("whole"))
            .into_iter()
            .filter(Result::is_ok)
            .count();
        for end in (0..whole.len()).step_by(64) {
            fs::write(&file, &whole[..end]).expect("writes");
            let Ok(mut clip) = open(&file) else { continue };
            let all = drain(&mut clip);
            assert!(all.iter().filter(|r| r.is_ok()).count() < count, "cut at {end}");
        }
    }
}

#[test]
fn video_goes_through_ffmpeg_whatever_its_name() {
    if std::process::Command::new("ffmpeg")
        .arg("-version")
        .output()
        .is_err()
    {
        return eprintln!("skipped: ffmpeg is not installed");
    }
    let folder = tempfile::tempdir().expect("a scratch folder");
    let source = folder.path().join("source.y4m");
    let mut stream = b"YUV4MPEG2 W64 H48 F10:1 Ip A1:1 C420jpeg\n".to_vec();
    for n in 0..12u8 {
        stream.extend(b"FRAME\n");
        stream.extend([16 + 10 * n; 64 * 48]);
        stream.extend([128; 64 * 48 / 2]);
    }
    fs::write(&source, stream).expect("writes");
    let video = folder.path().join("-i http:%03d.avi");
    let made = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(&source)
        .args(["-c:v", "ffv1"])
        .arg(format!("file:{}", video.display()))
        .status();
    assert!(made.expect("ffmpeg starts").success());

    let all = drain(&mut open(&video).expect("a video"));
    assert_eq!(all.len(), 12);
    for (n, frame) in all.iter().enumerate() {
        let frame = frame.as_ref().expect("a good frame");
        assert_eq!(
            (frame.t.as_millis(), frame.bytes[5]),
            (100 * n as u128, 16 + 10 * n as u8)
        );
    }
    drop(open(&video).expect("dropped half-way, ffmpeg is ended"));

    let cut = fs::read(&video).expect("reads");
    fs::write(&video, &cut[..600]).expect("writes");
    let all = open(&video).map(|mut clip| drain(&mut clip));
    assert!(
        all.is_err() || all.is_ok_and(|all| all.iter().any(Result::is_err)),
        "a cut video is an error"
    );
}

#[test]
fn without_ffmpeg_the_error_says_what_to_install() {
    let Err(fault) = video::Video::new("ffmpeg-that-nobody-has", Path::new("clip.mp4")) else {
        panic!("there is no such program");
    };
    let words = fault.at(Path::new("clip.mp4"), None).to_string();
    assert!(
        words.contains("not installed") && words.contains("apt-get install ffmpeg"),
        "{words}"
    );
}

#[test]
fn real_recordings_give_the_documented_frames() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    if !data.is_dir() {
        return eprintln!("skipped: no recordings at {}", data.display());
    }
    let ffmpeg = std::process::Command::new("ffmpeg")
        .arg("-version")
        .output()
        .is_ok();
    for (name, frames, width, height) in [
        ("ceus/thyroid-sample", 8, 360, 330),
        ("kidney_bmode", 8, 512, 512),
        ("clips/clarius-ocular-image.png", 1, 1280, 960),
        ("clips/sonosite-anon-eye1.jpg", 1, 960, 720),
        ("dicom/JPGLosslessP14SV1_1s_1f_8b.dcm", 1, 1024, 768),
        ("dicom/OBXXXX1A.dcm", 1, 800, 600),
        ("dicom/OBXXXX1A_rle_2frame.dcm", 2, 800, 600),
        ("dicom/US1_J2KR.dcm", 1, 640, 480),
        ("dicom/US1_UNCR.dcm", 1, 640, 480),
        ("dicom/color3d_jpeg_baseline.dcm", 120, 640, 480),
        ("dicom/examples_ybr_color.dcm", 30, 320, 240),
        ("dicom/gdcm-US-ALOKA-16.dcm", 1, 640, 480),
        ("framegrab/BkCurvilinearScanConvertedData.igs.mha", 1, 600, 400),
        ("framegrab/BoneUltrasound_L14.igs.mha", 21, 820, 616),
        (
            "framegrab/SegmentationTest_BKMedical_RandomStepperMotionData2_Trimmed.igs.mha",
            6,
            640,
            480,
        ),
        (
            "framegrab/SegmentationTest_BKMedical_RandomStepperMotionData2_Trimmed_Anonymized.igs.mha",
            6,
            640,
            480,
        ),
        (
            "framegrab/SegmentationTest_VLCUS_RandomStepperMotionData2.igs.mha",
            201,
            640,
            480,
        ),
        ("clips/Cov_convex_volpecelli_sonographic_v1.mov", 403, 450, 450),
        ("clips/Cov_convex_volpecelli_sonographic_v4.mov", 405, 414, 414),
        ("clips/Reg_Image_181602_trimmed_crop.mp4", 374, 386, 386),
        ("clips/Reg_pat1Image_132943.mpeg", 280, 370, 370),
        ("clips/Reg_pat2Image_133824.mpeg", 273, 370, 370),
        ("clips/butterfly-ocular-phantom.mp4", 369, 776, 1080),
        ("clips/clarius-ocular-short.mp4", 50, 1280, 960),
        ("clips/sonosite-anon-eye1-video.mp4", 100, 960, 720),
    ] {
        if !ffmpeg
            && [".mov", ".mp4", ".mpeg"]
                .iter()
                .any(|video| name.ends_with(video))
        {
            eprintln!("skipped: {name}: ffmpeg is not installed");
            continue;
        }
        let path = data.join(name);
        let mut clip = open(&path).unwrap_or_else(|error| panic!("{error}"));
        let hint = clip.len_hint();
        let pool = BufferPool::default();
        let (mut count, mut last) = (0, None);
        while let Captured::Frame(frame) = clip.next(&pool, Duration::ZERO).unwrap_or_else(|e| panic!("{e}"))
        {
            assert_eq!(
                (frame.format.width, frame.format.height),
                (width, height),
                "{name}"
            );
            assert_eq!(
                (frame.seq, frame.bytes.len()),
                (count, frame.format.bytes()),
                "{name}"
            );
            assert!(
                last.is_none_or(|last| last < frame.t),
                "{name}: time goes on at frame {count}"
            );
            last = Some(frame.t);
            count += 1;
        }
        assert_eq!(count, frames, "{name}");
        assert!(hint.is_none_or(|hint| hint == frames), "{name}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), at in 0usize..4) {
        let heads = [&b""[..], b"YUV4MPEG2 W2 H2 ", b"YUV4MPEG2 W2 H2 C444\nFRAME\n", b"DimSize = 2 2 9\nElementDataFile = LOCAL\n"];
        let stream = [heads[at], &bytes].concat();
        let mut into = Vec::new();
        if let Ok(mut y4m) = y4m::Y4m::new(&stream[..], None) {
            while let Ok(Some(_)) = y4m.next(&mut into) {
                into.clear();
            }
        }
        if let Ok(mut mha) = mha::Mha::new(Cursor::new(stream)) {
            let _ = mha.next(&mut into);
        }
        let _ = jpeg::Jpeg::inspect(&[&[0xff, 0xd8], &bytes[..]].concat());
    }

    #[test]
    fn no_header_fields_make_a_reader_panic(text in "YUV4MPEG2( [WHFICAX][0-9a-z:=]{0,12}){0,6}\nFRAME\n", dims in "[0-9 ]{0,40}") {
        let mut into = Vec::new();
        if let Ok(mut y4m) = y4m::Y4m::new(text.as_bytes(), None) {
            let _ = y4m.next(&mut into);
        }
        let header = format!("DimSize = {dims}\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n");
        if let Ok(mut mha) = mha::Mha::new(Cursor::new(header)) {
            let _ = mha.next(&mut into);
        }
    }
}
