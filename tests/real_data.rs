//! Every real picture and clip is graded. The files are not part of the project: they lie beside it, or this skips.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Pictures and clips under `folder`, in order.
fn inputs(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|e| e.expect("an entry").path())
        .collect();
    entries.sort();
    for path in entries {
        let kind = path.extension().map(|e| e.to_string_lossy().into_owned());
        if path.is_dir() {
            inputs(&path, found);
        } else if kind.is_some_and(|k| k != "txt" && k != "md") {
            found.push(path);
        }
    }
}

/// Says it past the test runner, which keeps what passing tests print to itself.
fn say(words: &str) {
    writeln!(std::io::stderr(), "{words}").expect("stderr takes a line");
}

#[test]
fn every_real_picture_and_clip_is_graded() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    if !data.is_dir() {
        say("skipped: no ../shared/data");
        return;
    }
    let mut paths = Vec::new();
    inputs(&data, &mut paths);
    assert!(paths.len() > 30, "{} files", paths.len());
    let ffmpeg = Command::new("ffmpeg").arg("-version").output().is_ok();
    let is_video = |p: &PathBuf| {
        p.extension()
            .is_some_and(|e| ["mp4", "mov", "mpeg"].iter().any(|v| e == *v))
    };
    if !ffmpeg {
        let videos = paths.iter().filter(|p| is_video(p)).count();
        say(&format!("skipped: {videos} videos, no ffmpeg is installed"));
        paths.retain(|p| !is_video(p));
    }
    // Long clips take minutes without a fast engine; here the reading counts, and the first score.
    let (long, short): (Vec<_>, Vec<_>) = paths.into_iter().partition(is_video);
    let output = Command::new(env!("CARGO_BIN_EXE_sonograde"))
        .args(["grade", "--json"])
        .args(&short)
        .output()
        .expect("the program starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let lines: Vec<Value> = text
        .lines()
        .map(|l| serde_json::from_str(l).expect("a JSON line"))
        .collect();
    for path in &short {
        let of = |kind: &str| {
            lines
                .iter()
                .filter(|l| l["type"] == kind && l["path"] == path.display().to_string())
                .count()
        };
        assert!(of("frame") > 0 && of("verdict") == 1, "{}", path.display());
    }
    for path in &long {
        use sonograde::capture::{Captured, FrameSource, clip};
        let mut clip = clip::open(path).expect("a video opens");
        let pool = sonograde::frame::BufferPool::default();
        let first = clip.next(&pool, std::time::Duration::from_secs(10));
        assert!(
            matches!(first, Ok(Captured::Frame(_))),
            "{}: {first:?}",
            path.display()
        );
    }
    say(&format!(
        "graded {} files, opened {} videos",
        short.len(),
        long.len()
    ));
}

/// Of the first clip a person says that it is frozen, of the next that they are B-mode, of the pictures that they are power
/// Doppler over B-mode and contrast (`../shared/data/SOURCES.md`). The first picture of a grey clip is scored: it may be grey
/// contrast until the second is seen.
#[test]
fn real_screens_are_judged_as_a_person_would() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    if !data.is_dir() || Command::new("ffmpeg").arg("-version").output().is_err() {
        say("skipped: no ../shared/data, or no ffmpeg");
        return;
    }
    for (file, judged, least) in [
        ("clips/sonosite-anon-eye1-video.mp4", &["duplicate"][..], 0.99),
        (
            "clips/clarius-ocular-short.mp4",
            &["not-contrast", "duplicate"],
            0.95,
        ),
        (
            "clips/Reg_pat1Image_132943.mpeg",
            &["not-contrast", "duplicate"],
            0.95,
        ),
        ("dicom/US1_UNCR.dcm", &["not-contrast"], 1.0),
        ("dicom/US1_J2KR.dcm", &["not-contrast"], 1.0),
        ("ceus/thyroid-sample/ceus-020-peak.png", &["scored"], 1.0),
        ("ceus/thyroid-sample/ceus-093.png", &["scored"], 1.0),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_sonograde"))
            .args(["grade", "--json"])
            .arg(data.join(file))
            .output()
            .expect("the program starts");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let lines = text
            .lines()
            .map(|l| serde_json::from_str::<Value>(l).expect("a JSON line"));
        let said: Vec<String> = lines
            .filter(|line| line["type"] == "frame")
            .map(|line| line["quality"].as_str().unwrap_or("scored").to_owned())
            .collect();
        let right = said.iter().filter(|word| judged.contains(&word.as_str())).count();
        say(&format!(
            "{file}: {right} of {} pictures are {}",
            said.len(),
            judged.join(" or ")
        ));
        assert!(
            !said.is_empty() && right as f64 >= least * said.len() as f64,
            "{file}"
        );
    }
}
