//! One exam as plain files: whole under its name, or not there.
//!
//! Everything is written and synced in a temporary folder beside the target, which is renamed at the end.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use image::RgbImage;
use image::codecs::png::PngEncoder;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Error, Summary, whole};
use crate::exam::record::{Exam, KeyReason};
use crate::frame::Rect;
use crate::overlay;
use crate::store::{KeyFramePath, Store};

/// `exam.json`.
#[derive(Serialize)]
struct ExamFile<'a> {
    #[serde(flatten)]
    summary: Summary<'a>,
    /// Rows of `frames.csv`.
    frames_exported: u64,
    key_frames: Vec<ExportedKey>,
    /// What is missing from this export, and why.
    damaged: &'a [String],
    /// Every other file of the export.
    files: &'a [Written],
}

#[derive(Serialize)]
struct ExportedKey {
    seq: u64,
    reason: KeyReason,
    picture: String,
    /// Absent where the frame has no whole record.
    picture_with_map: Option<String>,
}

#[derive(Serialize)]
struct Written {
    name: String,
    bytes: u64,
    sha256: String,
}

/// Writes `exam` to the folder `to`/`<exam id>`; gives that folder and what had to be left out because it is damaged.
pub(super) fn export(store: &Store, exam: &Exam, to: &Path) -> Result<(PathBuf, Vec<String>), Error> {
    let target = to.join(&exam.id);
    if target.symlink_metadata().is_ok() {
        return Err(Error::Exists(target));
    }
    fs::create_dir_all(to).map_err(fault("create the folder", to))?;
    let folder = tempfile::Builder::new().prefix(".exam-").tempdir_in(to);
    let folder = folder.map_err(fault("write into", to))?;
    let mut files = Files {
        folder: folder.path().to_owned(),
        written: Vec::new(),
    };
    let mut damaged = Vec::new();

    let frames_exported = write_frames(store, exam, &mut files, &mut damaged)?;
    let mut key_frames = Vec::new();
    for key in store.key_frames(&exam.id)? {
        key_frames.push(write_key(store, exam, &key, &mut files, &mut damaged)?);
    }
    let summary = Summary::of(store, exam)?;
    let written = std::mem::take(&mut files.written);
    let json = ExamFile {
        summary,
        frames_exported,
        key_frames,
        damaged: &damaged,
        files: &written,
    };
    files.write("exam.json", |out| {
        serde_json::to_writer_pretty(&mut *out, &json)?;
        writeln!(out)
    })?;

    sync(folder.path())?;
    fs::rename(folder.path(), &target).map_err(fault("rename the finished export to", &target))?;
    sync(to)?;
    Ok((target, damaged))
}

/// Writes `frames.csv` and gives the number of its rows.
fn write_frames(
    store: &Store,
    exam: &Exam,
    files: &mut Files,
    damaged: &mut Vec<String>,
) -> Result<u64, Error> {
    let mut frames = store.frames(&exam.id)?;
    let (mut rows, mut unreadable) = (0, None);
    files.write("frames.csv", |out| {
        writeln!(out, "seq,t_ms,score,map_width,map_height,map")?;
        for frame in &mut frames {
            let frame = match whole(frame, damaged) {
                Ok(Some(frame)) => frame,
                Ok(None) => continue,
                Err(error) => {
                    unreadable = Some(error);
                    break;
                }
            };
            rows += 1;
            let map = frame.map;
            write!(
                out,
                "{},{},{},{},{},",
                frame.seq, frame.t_ms, frame.score, map.width, map.height
            )?;
            for (i, value) in map.values.iter().enumerate() {
                write!(out, "{}{value}", if i > 0 { " " } else { "" })?;
            }
            writeln!(out)?;
        }
        Ok(())
    })?;
    unreadable.map_or(Ok(rows), Err)
}

fn write_key(
    store: &Store,
    exam: &Exam,
    key: &KeyFramePath,
    files: &mut Files,
    damaged: &mut Vec<String>,
) -> Result<ExportedKey, Error> {
    let bytes = fs::read(&key.path).map_err(fault("read", &key.path))?;
    let picture = format!("{}.png", key.stem());
    files.write(&picture, |out| out.write_all(&bytes))?;

    let decoded = image::load_from_memory(&bytes).map(image::DynamicImage::into_rgb8);
    let decoded = decoded.inspect_err(|error| damaged.push(format!("{}: {error}", key.path.display())));
    let record = whole(store.frame(&exam.id, key.seq), damaged)?.flatten();
    let mut picture_with_map = None;
    if let (Ok(mut rgb), Some(frame)) = (decoded, record) {
        let roi = roi_in(&rgb, exam);
        overlay::draw(&mut rgb, roi, &frame.map, frame.score, &exam.label);
        let name = format!("{}-map.png", key.stem());
        files.write(&name, |out| {
            rgb.write_with_encoder(PngEncoder::new(out))
                .map_err(io::Error::other)
        })?;
        picture_with_map = Some(name);
    }
    Ok(ExportedKey {
        seq: key.seq,
        reason: key.reason,
        picture,
        picture_with_map,
    })
}

/// The lesion ROI in pixels of a picture of the pane.
fn roi_in(picture: &RgbImage, exam: &Exam) -> Rect {
    let (pane, roi) = (&exam.provenance.pane, &exam.provenance.roi);
    let scale = |length: u32, picture: u32, pane: u32| {
        let length = u64::from(length) * u64::from(picture) / u64::from(pane.max(1));
        u32::try_from(length).unwrap_or(u32::MAX)
    };
    let (width, height) = picture.dimensions();
    Rect {
        x: scale(roi.x.saturating_sub(pane.x), width, pane.w),
        y: scale(roi.y.saturating_sub(pane.y), height, pane.h),
        w: scale(roi.w, width, pane.w),
        h: scale(roi.h, height, pane.h),
    }
}

/// The files of one export as they come to be.
struct Files {
    folder: PathBuf,
    written: Vec<Written>,
}

impl Files {
    fn write(
        &mut self,
        name: &str,
        content: impl FnOnce(&mut BufWriter<Hashed>) -> io::Result<()>,
    ) -> Result<(), Error> {
        let path = self.folder.join(name);
        let write = || {
            let hashed = Hashed {
                file: File::create_new(&path)?,
                hash: Sha256::new(),
                bytes: 0,
            };
            let mut out = BufWriter::new(hashed);
            content(&mut out)?;
            let Hashed { file, hash, bytes } = out.into_inner()?;
            file.sync_all()?;
            let sha256 = crate::hex(&hash.finalize());
            Ok(Written {
                name: String::from(name),
                bytes,
                sha256,
            })
        };
        self.written.push(write().map_err(fault("write", &path))?);
        Ok(())
    }
}

/// A file that is hashed while it is written.
struct Hashed {
    file: File,
    hash: Sha256,
    bytes: u64,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hash.update(&bytes[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn sync(folder: &Path) -> Result<(), Error> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(fault("sync the folder", folder))
}

fn fault(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Write { what, path, source }
}
