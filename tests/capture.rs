//! Recordings: what they hold is what was there, nothing outside the pane, whole whatever happens.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use sonograde::capture::phantom::{Grade, Pictures};
use sonograde::capture::{Captured, FrameSource, Recorder, clip};
use sonograde::exam::record::Graded;
use sonograde::frame::{BufferPool, Frame, FrameFormat, PixelFormat, Rect};
use sonograde::grader::Grader;
use sonograde::infer::{Choice, Model};
use sonograde::screen::{Layout, PanePreset, Screen};

const SONOGRADE: &str = env!("CARGO_BIN_EXE_sonograde");

fn frames(source: &mut dyn FrameSource) -> Vec<Frame> {
    let pool = BufferPool::default();
    let mut frames = Vec::new();
    while let Captured::Frame(frame) = source.next(&pool, Duration::ZERO).expect("a whole picture") {
        frames.push(frame);
    }
    frames
}

fn grade(frames: &[Frame], roi: Rect) -> Vec<Graded> {
    let model = Model::open(None, Choice::Auto.into()).expect("the shipped model");
    let mut grader = Grader::new(model);
    frames
        .iter()
        .map(|frame| grader.grade(frame, Layout { pane: roi, roi }).expect("graded"))
        .collect()
}

/// Pictures of a simulated exam, each given twice, as a grabber of this pixel format has them.
fn exam(pixels: PixelFormat) -> (Vec<Frame>, Rect) {
    let mut pictures = Pictures::new(5, Grade::High);
    let roi = pictures.roi();
    let mut frames = Vec::new();
    for n in 0..4u64 {
        let picture = pictures.contrast(400 + n);
        let format = FrameFormat::packed(pixels, picture.width(), picture.height());
        let bytes: Vec<u8> = match pixels {
            PixelFormat::Rgb24 => picture.into_raw(),
            // BT.709 in limited range, each pixel with its own half of the colour.
            _ => picture
                .pixels()
                .zip([false, true].into_iter().cycle())
                .flat_map(|(pixel, right)| {
                    let [r, g, b] = pixel.0.map(f32::from);
                    let luma = 0.2126 * r + 0.7152 * g + 0.0722 * b;
                    let chroma = if right {
                        (r - luma) / 1.5748
                    } else {
                        (b - luma) / 1.8556
                    };
                    [16.0 + luma * 219.0 / 255.0, 128.0 + chroma * 224.0 / 255.0].map(|v| v.round() as u8)
                })
                .collect(),
        };
        for again in 0..2 {
            frames.push(Frame {
                seq: 2 * n + again,
                t: Duration::from_nanos(16_683_333 * (2 * n + again) + 7),
                wall: SystemTime::UNIX_EPOCH,
                format,
                bytes: bytes.clone().into(),
            });
        }
    }
    (frames, roi)
}

#[test]
fn a_recorded_exam_has_the_scores_times_and_repeats_that_it_had_live() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for pixels in [PixelFormat::Yuyv, PixelFormat::Rgb24] {
        let (mut live, roi) = exam(pixels);
        let expected = grade(&live, roi);
        let scored = expected.iter().filter(|graded| graded.outcome.is_ok()).count();
        assert_eq!(scored, 4, "{expected:?}");

        let path = folder.path().join(format!("{pixels:?}.y4m"));
        let screen = Screen {
            pane: Some(PanePreset::Rect(roi)),
            roi: None,
        };
        let mut recorder = Recorder::create(&path, screen).expect("a new file");
        for frame in &mut live {
            recorder.add(frame).expect("added");
        }
        recorder.finish().expect("finished");
        let recorded = frames(&mut clip::open(&path).expect("opens"));
        assert_eq!(format!("{:?}", grade(&recorded, roi)), format!("{expected:?}"));
    }
}

/// Ten grey pictures of 64x48 pixels, 25 a second, each of one level.
fn sample(folder: &Path) -> PathBuf {
    let mut bytes = b"YUV4MPEG2 W64 H48 F25:1 Cmono\n".to_vec();
    for n in 0..10u8 {
        bytes.extend(b"FRAME\n");
        bytes.extend([100 + n; 64 * 48]);
    }
    let path = folder.join("sample.y4m");
    std::fs::write(&path, bytes).expect("writes");
    path
}

fn capture(arguments: &[&str], paths: &[&Path]) -> Output {
    let mut command = Command::new(SONOGRADE);
    command.arg("capture").args(arguments).args(paths);
    command.output().expect("sonograde starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

#[test]
fn a_clip_is_recorded_masked_and_not_without_a_pane() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (sample, out) = (sample(folder.path()), folder.path().join("out.y4m"));
    let record = |arguments: &[&str]| {
        let fixed = [&["record", "--out", out.to_str().expect("utf-8")], arguments].concat();
        capture(&fixed, &[&sample])
    };
    let refused = record(&[]);
    assert_eq!(refused.status.code(), Some(6), "{}", said(&refused));
    assert!(said(&refused).contains("--pane"), "{}", said(&refused));
    let outside = record(&["--pane", "60,0,8,8"]);
    assert_eq!(outside.status.code(), Some(6), "{}", said(&outside));
    assert!(!out.exists());

    let done = record(&["--pane", "16,8,32,32"]);
    assert!(done.status.success(), "{}", said(&done));
    assert!(said(&done).contains("10 pictures"), "{}", said(&done));
    let recorded = frames(&mut clip::open(&out).expect("opens"));
    assert_eq!(recorded.len(), 10);
    for (frame, level) in recorded.iter().zip(100u8..) {
        assert_eq!(frame.t, Duration::from_millis(40) * u32::from(level - 100));
        for (at, &byte) in frame.bytes.iter().enumerate() {
            let inside = (16..48).contains(&(at % 64)) && (8..40).contains(&(at / 64));
            assert_eq!(byte, if inside { level } else { 0 }, "at {at}");
        }
    }
    let again = record(&["--pane", "full"]);
    assert_eq!(again.status.code(), Some(9), "{}", said(&again));
    assert!(said(&again).contains("exists already"), "{}", said(&again));
}

#[test]
fn pictures_for_training_are_of_the_pane_alone_and_spaced() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (sample, out) = (sample(folder.path()), folder.path().join("pictures"));
    let out_text = out.to_str().expect("utf-8");
    let done = capture(
        &[
            "record",
            "--pane",
            "16,8,32,30",
            "--every",
            "0.1",
            "--out",
            out_text,
        ],
        &[&sample],
    );
    assert!(done.status.success(), "{}", said(&done));
    let list = std::fs::read_to_string(out.join("pictures.csv")).expect("the list");
    let lines: Vec<_> = list.lines().collect();
    assert_eq!(
        lines[..3],
        [
            "path,t_ms,pane",
            "000000.png,0,\"0,0,32,30\"",
            "000001.png,120,\"0,0,32,30\""
        ]
    );
    assert_eq!(lines.len(), 1 + 4);
    let picture = image::open(out.join("000001.png"))
        .expect("a picture")
        .into_rgb8();
    assert_eq!(
        (picture.dimensions(), picture.get_pixel(0, 0).0),
        ((32, 30), [103; 3])
    );
    // What `grade` and `evaluate` are given.
    assert_eq!(frames(&mut clip::open(&out).expect("opens")).len(), 4);
}

/// A limit on the size of files stands in for a full disk.
#[test]
fn on_a_full_disk_whole_pictures_are_kept() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (sample, out) = (sample(folder.path()), folder.path().join("out.y4m"));
    let script = "trap '' XFSZ; ulimit -f 24; exec \"$0\" capture record --pane full --out \"$1\" \"$2\"";
    let mut limited = Command::new("bash");
    limited.args(["-c", script, SONOGRADE]).args([&out, &sample]);
    let stopped = limited.output().expect("bash starts");
    assert_eq!(stopped.status.code(), Some(9), "{}", said(&stopped));
    let words = said(&stopped);
    assert!(
        words.contains("free space") && words.contains("7 whole pictures are kept"),
        "{words}"
    );
    assert_eq!(frames(&mut clip::open(&out).expect("opens")).len(), 7);
}

#[test]
fn an_interrupted_recording_is_whole() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (config, out) = (folder.path().join("c.toml"), folder.path().join("out.y4m"));
    let text = "[source]\nkind = \"phantom\"\nseconds = 60.0\n[screen]\npane = \"0,0,64,64\"\n[store]\npath = \"unused\"\n";
    std::fs::write(&config, text).expect("writes");
    let mut running = Command::new(SONOGRADE)
        .args(["capture", "record", "--config"])
        .args([config.as_os_str(), "--out".as_ref(), out.as_os_str()])
        .spawn()
        .expect("sonograde starts");
    let some = || {
        let files = std::fs::read_dir(folder.path()).expect("a folder");
        files.flatten().any(|file| {
            let name = file.file_name();
            let size = file.metadata().map_or(0, |meta| meta.len());
            name.to_string_lossy().starts_with(".recording-") && size > 4_000_000
        })
    };
    while !some() {
        assert!(running.try_wait().expect("runs").is_none(), "it ended by itself");
        std::thread::sleep(Duration::from_millis(20));
    }
    let interrupt = Command::new("kill")
        .args(["-INT", &running.id().to_string()])
        .status();
    assert!(interrupt.expect("kill starts").success());
    assert!(running.wait().expect("ends").success());
    assert!(!frames(&mut clip::open(&out).expect("opens")).is_empty());
}

#[test]
fn a_probe_says_what_comes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let sample = sample(folder.path());
    let probed = capture(&["probe", "--seconds", "2", "--json"], &[&sample]);
    assert!(probed.status.success(), "{}", said(&probed));
    let report: serde_json::Value = serde_json::from_slice(&probed.stdout).expect("JSON");
    assert_eq!(report["signal"]["state"], "live");
    assert_eq!((&report["frames"], &report["width"]), (&10.into(), &64.into()));
    assert_eq!(
        (&report["range"], &report["per_second"]),
        (&"full".into(), &25.0.into())
    );
    assert_eq!(report["levels"], serde_json::json!([100, 109]));
    let missing = capture(&["probe"], &[Path::new("/dev/no-such-video")]);
    assert_eq!(missing.status.code(), Some(5), "{}", said(&missing));
}
