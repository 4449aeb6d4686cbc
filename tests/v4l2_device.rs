//! Capture from a real driver: the kernel's test device vivid, whose HDMI output is looped to its HDMI input.
//!
//! Runs in the machine of `tests/system/v4l2`, one test after the other, as root. `SONOGRADE_VIVID` names the folder with
//! `vivid.ko` and `pictures/`; without it nothing is tested here. Each test prints rows of a table of what it tried.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sonograde::capture::v4l2::{self, Device, Options};
use sonograde::capture::{CaptureError, Captured, FrameSource, Signal};
use sonograde::frame::{BufferPool, Frame};
use sonograde::preprocess;

const WAIT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(120);

/// The driver, loaded anew: capture is `/dev/video0`, output `/dev/video1`.
struct Vivid(PathBuf);

/// `planes` is 1 for single-planar, 2 for multi-planar nodes; `input` 0 for a webcam, 3 for HDMI.
fn vivid(planes: u8, input: u8) -> Option<Vivid> {
    let Some(folder) = std::env::var_os("SONOGRADE_VIVID") else {
        eprintln!("skipped: needs the machine of `tests/system/run v4l2`");
        return None;
    };
    let vivid = Vivid(folder.into());
    vivid.load(planes, input, 0);
    Some(vivid)
}

impl Vivid {
    fn load(&self, planes: u8, input: u8, first: u8) {
        // There is none before the first test.
        let _ = Command::new("rmmod").arg("vivid").stderr(Stdio::null()).status();
        let options = format!(
            "n_devs=1 node_types=0x101 num_inputs=1 input_types={input} num_outputs=1 output_types=1 \
             vid_cap_nr={first} vid_out_nr={} multiplanar={planes}",
            first + 1
        );
        run(Command::new("insmod")
            .arg(self.0.join("vivid.ko"))
            .args(options.split(' ')));
    }

    /// The file with one picture of this format and size.
    fn picture(&self, format: &str, size: (u32, u32)) -> PathBuf {
        // A picture in pieces of memory has the same bytes, piece after piece.
        let format = match format {
            "NM12" => "NV12",
            "YM12" => "YU12",
            format => format,
        };
        self.0
            .join("pictures")
            .join(format!("{format}-{}x{}", size.0, size.1))
    }

    /// Shows the picture at the output until it is dropped.
    fn play(&self, format: &str, size: (u32, u32)) -> Player {
        let (width, height) = size;
        let format_words = format!("width={width},height={height},pixelformat={format},colorspace=smpte170m");
        control(1, &["--set-fmt-video-out", &format_words]);
        let child = Command::new("v4l2-ctl")
            .args(["-d1", "--stream-out-mmap=4", "--stream-loop", "--stream-from"])
            .arg(self.picture(format, size))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Player(child.expect("v4l2-ctl is installed"))
    }
}

/// What shows a picture.
struct Player(Child);

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn run(command: &mut Command) -> String {
    let output = command.output().expect("the program is installed");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {error}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn control(node: u8, arguments: &[&str]) -> String {
    run(Command::new("v4l2-ctl").arg(format!("-d{node}")).args(arguments))
}

fn set(what: &str) {
    control(0, &["-c", what]);
}

fn video0() -> Options {
    Options {
        device: "/dev/video0".into(),
        ..Options::default()
    }
}

fn open(options: &Options) -> Device {
    v4l2::open(options).unwrap_or_else(|e| panic!("{options:?}: {e:?}"))
}

/// The next thing that `wanted` wants, and how many milliseconds it took.
fn until<T>(device: &mut Device, wanted: impl Fn(Result<Captured, CaptureError>) -> Option<T>) -> (T, u128) {
    let (pool, began) = (BufferPool::default(), Instant::now());
    let mut asked = 0;
    while began.elapsed() < LONG {
        if let Some(found) = wanted(device.next(&pool, WAIT)) {
            return (found, began.elapsed().as_millis());
        }
        asked += 1;
    }
    panic!(
        "not in {asked} answers of {}, {:?}",
        device.describe(),
        device.lost()
    );
}

fn frame(captured: Result<Captured, CaptureError>) -> Option<Frame> {
    match captured {
        Ok(Captured::Frame(frame)) => Some(frame),
        Ok(_) => None,
        Err(error) => panic!("{error:?}"),
    }
}

/// Mean difference of what `preprocess` makes of the frame from the RGB picture that was played, in levels.
fn difference(frame: &Frame, rgb: &Path) -> f64 {
    let seen = preprocess::crop(frame, frame.format.area()).expect("a whole frame");
    let expected = std::fs::read(rgb).expect("the picture in RGB");
    assert_eq!(seen.as_raw().len(), expected.len());
    let sum: u64 = seen
        .as_raw()
        .iter()
        .zip(&expected)
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    sum as f64 / expected.len() as f64
}

#[test]
fn single_planar_every_pixel_format_shows_the_picture_that_is_played() {
    let all = "YUYV UYVY NV12 NV16 NV24 YU12 RGB3 BGR3 XR24 BX24 GREY";
    played_is_captured((1, "single-planar"), all);
}

#[test]
fn multi_planar_every_pixel_format_shows_the_picture_that_is_played() {
    // Not NM16: vivid begins its luma 128 bytes into the buffer, and v4l2-ctl ends when it is to play that.
    let all = "NM12 YM12 YUYV UYVY NV12 NV16 NV24 YU12 RGB3 BGR3 XR24 BX24 GREY";
    played_is_captured((2, "multi-planar"), all);
}

/// Plays and captures a picture in each format and size.
fn played_is_captured((planes, name): (u8, &str), formats: &str) {
    let Some(vivid) = vivid(planes, 3) else { return };
    // Of vivid's timings, by number.
    let sizes = [
        ((640, 480), 0),
        ((1280, 720), 7),
        ((1920, 1080), 14),
        ((3840, 2160), 102),
    ];
    for (size, timings) in sizes {
        for node in [0, 1] {
            control(node, &["--set-dv-bt-timings", &format!("index={timings}")]);
        }
        set("loop_video=1,osd_text_mode=2");
        for format in formats.split_whitespace() {
            let _player = vivid.play(format, size);
            let options = Options {
                format: Some(format.into()),
                ..video0()
            };
            let mut device = open(&options);
            let played = std::fs::read(vivid.picture(format, size)).expect("a picture");
            let same = |captured| frame(captured).filter(|f| f.bytes[..] == played[..]);
            let (first, _) = until(&mut device, same);
            assert_eq!((first.format.width, first.format.height), size);
            for _ in 0..5 {
                let (frame, _) = until(&mut device, frame);
                assert!(
                    frame.bytes[..] == played[..],
                    "{format} {size:?}: frame {} differs",
                    frame.seq
                );
            }
            let far = match format {
                "GREY" => "luma".to_owned(),
                _ => {
                    let far = difference(&first, &vivid.picture("rgb24", size));
                    assert!(far < 1.5, "{format} {size:?}: {far} levels off the picture");
                    format!("RGB {far:.2} levels off")
                }
            };
            println!(
                "| {format} | {name} | {}x{} | 6 frames byte for byte, {far} |",
                size.0, size.1
            );
        }
    }
}

#[test]
fn frames_that_the_driver_drops_or_damages_are_counted_exactly() {
    let Some(_vivid) = vivid(1, 3) else { return };
    control(0, &["--set-dv-bt-timings", "index=0"]);
    let mut device = open(&video0());
    let (first, _) = until(&mut device, frame);
    set("percentage_of_dropped_buffers=30");
    let mut given = 0;
    let mut last = first;
    while given < 240 {
        (last, _) = until(&mut device, frame);
        given += 1;
    }
    set("percentage_of_dropped_buffers=0");
    let lost = device.lost();
    assert_eq!(last.seq, given + lost.missed + lost.overtaken, "{lost:?}");
    // The driver's clock tells how many there were, 59.94 a second; an emulated one stamps some 100 ms late.
    let slots = (last.t.as_secs_f64() * 59.94).round() as u64;
    assert!(
        last.seq.abs_diff(slots) <= 15,
        "{} numbers in {:?}",
        last.seq,
        last.t
    );
    assert!(lost.missed >= 40, "{lost:?}");
    println!(
        "| drops | {} of {} frames, by number and by the driver's clock | {lost:?} |",
        lost.missed,
        last.seq + 1
    );

    for pressed in 1..=5 {
        set("inject_v4l2_buf_flag_error=1");
        let began = Instant::now();
        while device.lost().damaged < pressed && began.elapsed() < LONG {
            until(&mut device, frame);
        }
    }
    // Two more pictures: none is counted twice.
    until(&mut device, frame);
    until(&mut device, frame);
    assert_eq!(device.lost().damaged, 5, "flagged frames");
    println!("| damaged | 5 flagged: 5 counted, none given |");
}

#[test]
fn what_the_connector_says_is_said_at_once_and_pictures_come_back() {
    let Some(_vivid) = vivid(1, 3) else { return };
    for node in [0, 1] {
        control(node, &["--set-dv-bt-timings", "index=0"]);
    }
    let mut device = open(&video0());
    until(&mut device, frame);
    for (mode, state, words) in [
        ("dv_timings_signal_mode=1", "no-signal", "no signal"),
        ("dv_timings_signal_mode=2", "no-signal", "no lock"),
        ("dv_timings_signal_mode=3", "unsupported", "out of range"),
        (
            "dv_timings=15,dv_timings_signal_mode=4",
            "unsupported",
            "interlaced 1920x1080",
        ),
    ] {
        set(mode);
        let said = |captured| match captured {
            Ok(Captured::NoPicture(signal)) => Some(signal),
            _ => None,
        };
        let (signal, lost_ms) = until(&mut device, said);
        let is = match &signal {
            Signal::NoSignal { .. } => "no-signal",
            Signal::Unsupported { .. } => "unsupported",
            _ => "another",
        };
        let reason = signal.reason().unwrap_or_default();
        assert!(is == state && reason.contains(words), "{mode}: {signal:?}");
        assert!(lost_ms < 500, "{mode}: said after {lost_ms} ms");
        let pool = BufferPool::default();
        for _ in 0..20 {
            let captured = device.next(&pool, WAIT).expect("the device is there");
            assert!(matches!(captured, Captured::NoPicture(_)), "{mode}: {captured:?}");
        }
        set("dv_timings_signal_mode=0");
        let (_, back_ms) = until(&mut device, frame);
        assert!(back_ms < 2000, "{mode}: back after {back_ms} ms");
        println!("| {mode} | {state}: {words} | said after {lost_ms} ms | back after {back_ms} ms |");
    }
    for (number, size) in [(9, (1280, 720)), (24, (800, 600)), (0, (640, 480))] {
        set(&format!("dv_timings={number},dv_timings_signal_mode=4"));
        let sized = |captured| frame(captured).filter(|f| (f.format.width, f.format.height) == size);
        let (_, ms) = until(&mut device, sized);
        assert!(ms < 2000, "{size:?} after {ms} ms");
        println!(
            "| timings change to {}x{} | first frame of it after {ms} ms |",
            size.0, size.1
        );
    }
}

/// What this process holds: descriptors, and mappings of the device's memory.
fn held() -> (usize, usize) {
    let descriptors = std::fs::read_dir("/proc/self/fd").expect("proc").count();
    let maps = std::fs::read_to_string("/proc/self/maps").expect("proc");
    (
        descriptors,
        maps.lines().filter(|line| line.contains("/dev/video")).count(),
    )
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("proc");
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    let number = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    number.expect("a number")
}

#[test]
fn every_fault_ends_in_an_error_and_500_of_them_leak_nothing() {
    let Some(_vivid) = vivid(2, 3) else { return };
    control(0, &["--set-dv-bt-timings", "index=0"]);
    let faults = [
        "inject_vidioc_reqbufs_error=1",
        "inject_vidioc_streamon_error=1",
        "inject_vidioc_qbuf_error=1",
        "inject_fatal_streaming_error=1",
        "disconnect=1",
        "dv_timings_signal_mode=1",
    ];
    let failed = |captured: Result<Captured, CaptureError>| captured.err();
    for fault in &faults[..5] {
        let mut device = open(&video0());
        until(&mut device, frame);
        set(fault);
        let error = if fault.contains("reqbufs") || fault.contains("streamon") {
            drop(device);
            v4l2::open(&video0()).err().expect("the fault")
        } else {
            let (error, _) = until(&mut device, failed);
            drop(device);
            error
        };
        let began = Instant::now();
        let mut device = loop {
            match v4l2::open(&video0()) {
                Ok(device) => break device,
                Err(error) => assert!(began.elapsed() < LONG, "{error:?}"),
            }
        };
        until(&mut device, frame);
        let ms = began.elapsed().as_millis();
        println!(
            "| {fault} | {} | reopened, first frame after {ms} ms |",
            sonograde::one_line(&error)
        );
    }

    let before = held();
    let mut early = 0;
    for cycle in 0..500 {
        if cycle == 50 {
            early = resident_kib();
        }
        let mut device = open(&video0());
        until(&mut device, frame);
        match cycle % 6 {
            // Closed while it streams.
            0 => {}
            1 => {
                set(faults[1]);
                drop(device);
                assert!(v4l2::open(&video0()).is_err());
                continue;
            }
            2 => {
                set(faults[0]);
                drop(device);
                assert!(v4l2::open(&video0()).is_err());
                continue;
            }
            5 => {
                set(faults[5]);
                until(&mut device, |c| {
                    matches!(c, Ok(Captured::NoPicture(_))).then_some(())
                });
                set("dv_timings_signal_mode=0");
                until(&mut device, frame);
            }
            n => {
                set(faults[n]);
                until(&mut device, failed);
            }
        }
    }
    let (after, late) = (held(), resident_kib());
    assert_eq!(after, before, "descriptors and mappings after 500 cycles");
    assert!(
        late < early + 4096,
        "resident memory went from {early} to {late} KiB"
    );
    println!(
        "| 500 cycles of open and fault | {before:?} descriptors and mappings before and after | {early} to {late} KiB |"
    );
}

#[test]
fn a_device_is_found_by_every_name_and_after_renumbering() {
    let Some(vivid) = vivid(1, 3) else { return };
    let named = |name: &str| Options {
        device: name.into(),
        ..Options::default()
    };
    let folder = Path::new("/dev/v4l/by-id");
    std::fs::create_dir_all(folder).expect("a folder");
    let link = folder.join("usb-grabber-video-index0");
    let _ = std::fs::remove_file(&link);
    std::os::unix::fs::symlink("/dev/video0", &link).expect("a link");
    let listed = v4l2::list();
    assert_eq!(listed.len(), 1, "the output is no capture device: {listed:?}");
    assert_eq!(
        (listed[0].card.as_str(), listed[0].links.as_slice()),
        ("vivid", &[link.clone()][..])
    );
    assert!(
        listed[0].best.is_some_and(|mode| mode.readable()),
        "{:?}",
        listed[0].best
    );
    let link_path = link.to_str().expect("plain");
    for name in [
        "/dev/video0",
        link_path,
        "usb-grabber-video-index0",
        "vivid",
        "platform:vivid-000",
    ] {
        until(&mut open(&named(name)), frame);
        println!("| device = \"{name}\" | captures |");
    }
    vivid.load(1, 3, 4);
    for name in ["vivid", "platform:vivid-000"] {
        let mut device = open(&named(name));
        until(&mut device, frame);
        println!(
            "| device = \"{name}\" | renumbered, captures: {} |",
            device.describe()
        );
    }
    assert!(matches!(
        v4l2::open(&video0()),
        Err(CaptureError::NotFound { .. })
    ));
}

#[test]
fn the_best_mode_is_taken_and_what_is_pinned_is_kept() {
    // vivid's webcam gives 25 pictures a second at 640x480, 12.5 at 1280x720 and 5 at 1920x1080.
    let Some(_vivid) = vivid(1, 0) else { return };
    let mut seen = HashSet::new();
    for (options, expected) in [
        (video0(), (640, 480, "yuyv", 25.0)),
        (
            Options {
                height: Some(1080),
                ..video0()
            },
            (1920, 1080, "yuyv", 5.0),
        ),
        (
            Options {
                format: Some("NV12".into()),
                ..video0()
            },
            (640, 480, "nv12", 25.0),
        ),
        (
            Options {
                width: Some(640),
                fps: Some(10.0),
                ..video0()
            },
            (640, 480, "yuyv", 10.0),
        ),
    ] {
        let mut device = open(&options);
        let (first, _) = until(&mut device, frame);
        // Long enough for what an emulated clock is late with.
        let (last, _) = until(&mut device, |c| {
            frame(c).filter(|f| f.t >= first.t + Duration::from_secs(3))
        });
        let rate = (last.seq - first.seq) as f64 / (last.t - first.t).as_secs_f64();
        let (width, height, pixels, fps) = expected;
        let described = format!("/dev/video0: {width}x{height} {pixels}");
        assert_eq!(device.describe(), described);
        assert!((rate - fps).abs() < 0.1 * fps, "{rate} a second, expected {fps}");
        seen.insert(described.clone());
        println!("| {options:?} | {described}, {rate:.1} a second |");
    }
    assert_eq!(seen.len(), 3);
    let impossible = Options {
        width: Some(641),
        ..video0()
    };
    let error = v4l2::open(&impossible).err().expect("no such mode");
    assert!(
        error.to_string().contains("640x480 YUYV"),
        "it says what there is: {error}"
    );
}

#[test]
fn an_edid_is_loaded_when_it_is_another() {
    let Some(vivid) = vivid(1, 3) else { return };
    let file = vivid.0.join("pictures/edid");
    control(0, &["--get-edid", &format!("format=raw,file={}", file.display())]);
    control(0, &["--clear-edid"]);
    let mut bare = open(&video0());
    let (signal, _) = until(&mut bare, |c| match c {
        Ok(Captured::NoPicture(signal)) => Some(signal),
        _ => None,
    });
    assert!(
        matches!(signal, Signal::NoSignal { .. }),
        "without an EDID no scanner sends: {signal:?}"
    );
    drop(bare);
    let with = Options {
        edid: Some(file),
        ..video0()
    };
    until(&mut open(&with), frame);
    until(&mut open(&with), frame);
    println!("| edid | cleared: no signal; loaded: captures |");
}
