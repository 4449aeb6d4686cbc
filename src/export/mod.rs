//! One exam as plain files, for `sonograde exams export` and the page: a folder that is whole under its name or not there, or a ZIP in
//! memory, which leaves nothing of a patient on the disk.
//!
//! Runs on the caller's thread. Reads the store and changes nothing in it; who exports records that.

mod files;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, Cursor, Write};
use std::path::{Path, PathBuf};

use image::codecs::png::PngEncoder;
use serde::Serialize;
use thiserror::Error;
use zip::ZipWriter;

use crate::dicom;
use crate::exam::record::{Exam, KeyReason, State};
use crate::overlay;
use crate::report;
use crate::store::{KeyFramePath, Store, StoreError, whole};
use crate::uplink;
use crate::words::Language;
use files::{Files, Place, Written, fault};

/// Why there is no export.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The store cannot be read.
    #[error("cannot use the store")]
    Store(#[from] StoreError),
    /// The export would replace something.
    #[error("{} is there already: export to another folder, or remove it first", .0.display())]
    Exists(PathBuf),
    /// The export cannot be written.
    #[error("cannot {what} {}: check that the folder is there, has space and may be written by this user", path.display())]
    Write {
        /// What was tried.
        what: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// An exam as `exams list --json` prints it and `exam.json` begins.
#[derive(Serialize)]
pub struct Summary<'a> {
    /// The record.
    #[serde(flatten)]
    pub exam: &'a Exam,
    /// How far it has come.
    pub state: State,
    /// Scored frames: as its verdict says, or as many as are stored where it has none.
    pub frames: u64,
}

impl<'a> Summary<'a> {
    /// Of an exam of `store` that has come as far as `state`.
    ///
    /// # Errors
    /// [`StoreError`] if its frames cannot be counted.
    pub fn of(store: &Store, exam: &'a Exam, state: State) -> Result<Self, StoreError> {
        let frames = match &exam.verdict {
            Some(verdict) => verdict.frames_scored,
            None => store.frame_count(&exam.id)?,
        };
        Ok(Self { exam, state, frames })
    }
}

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

/// Writes an exam that has come as far as `state` to the folder `to`/`<exam id>`, its report in `language`; gives that folder and
/// what had to be left out because it is damaged. All is written and synced in a temporary folder, which is renamed at the end.
///
/// # Errors
/// [`ExportError`]; nothing is left behind then.
pub fn to_folder(
    store: &Store,
    exam: &Exam,
    state: State,
    language: Language,
    to: &Path,
) -> Result<(PathBuf, Vec<String>), ExportError> {
    let target = to.join(&exam.id);
    if target.symlink_metadata().is_ok() {
        return Err(ExportError::Exists(target));
    }
    fs::create_dir_all(to).map_err(fault("create the folder", to))?;
    let folder = tempfile::Builder::new().prefix(".exam-").tempdir_in(to);
    let folder = folder.map_err(fault("write into", to))?;
    let mut files = Files::new(Place::Folder(folder.path()));
    let damaged = write(store, exam, state, language, &mut files)?;
    sync(folder.path())?;
    fs::rename(folder.path(), &target).map_err(fault("rename the finished export to", &target))?;
    sync(to)?;
    Ok((target, damaged))
}

/// The same as a ZIP that holds the folder; what had to be left out is in its `exam.json`.
///
/// # Errors
/// [`ExportError`].
pub fn to_zip(store: &Store, exam: &Exam, state: State, language: Language) -> Result<Vec<u8>, ExportError> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let mut files = Files::new(Place::Zip(&exam.id, &mut zip));
    write(store, exam, state, language, &mut files)?;
    let finished = zip.finish().map_err(io::Error::from);
    let finished = finished.map_err(fault("finish the ZIP of", Path::new(&exam.id)))?;
    Ok(finished.into_inner())
}

/// Writes everything; gives what had to be left out because it is damaged.
fn write(
    store: &Store,
    exam: &Exam,
    state: State,
    language: Language,
    files: &mut Files,
) -> Result<Vec<String>, ExportError> {
    let mut damaged = Vec::new();
    let (frames_exported, first_ms) = write_frames(store, exam, files, &mut damaged)?;
    let (mut key_frames, mut pictures, mut on_paper) = (Vec::new(), Vec::new(), Vec::new());
    let keys = store.key_frames(&exam.id)?;
    let chosen = report::choose(&keys.iter().map(|key| (key.seq, key.reason)).collect::<Vec<_>>());
    for key in keys {
        let (exported, drawn) = write_key(store, exam, &key, first_ms, files, &mut damaged)?;
        key_frames.extend(exported);
        if let Some((picture, with_map)) = drawn {
            pictures.push(picture);
            on_paper.extend(chosen.contains(&key.seq).then_some(with_map));
        }
    }
    let report = report::pdf(exam, state, first_ms, &on_paper, language);
    files.write("report.pdf", |out| out.write_all(&report))?;
    write_dicom(exam, &pictures, files, &mut damaged)?;
    if let Some(bundle) = dicom::fhir::bundle(exam) {
        files.write("fhir.json", |out| {
            serde_json::to_writer_pretty(out, &bundle).map_err(io::Error::from)
        })?;
    }
    let summary = Summary::of(store, exam, state)?;
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
    Ok(damaged)
}

/// Writes `frames.csv`; gives the number of its rows and the time of the first.
fn write_frames(
    store: &Store,
    exam: &Exam,
    files: &mut Files,
    damaged: &mut Vec<String>,
) -> Result<(u64, u64), ExportError> {
    let mut frames = store.frames(&exam.id)?;
    let (mut rows, mut first_ms, mut unreadable) = (0, None, None);
    files.write("frames.csv", |out| {
        writeln!(out, "seq,t_ms,score,map_width,map_height,map,brightness,clarity")?;
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
            first_ms.get_or_insert(frame.t_ms);
            let map = frame.map;
            write!(
                out,
                "{},{},{},{},{},",
                frame.seq, frame.t_ms, frame.score, map.width, map.height
            )?;
            for (i, value) in map.values.iter().enumerate() {
                write!(out, "{}{value}", if i > 0 { " " } else { "" })?;
            }
            match frame.fitness {
                Some(fitness) => writeln!(out, ",{},{}", fitness.brightness, fitness.clarity)?,
                None => writeln!(out, ",,")?,
            }
        }
        Ok(())
    })?;
    match unreadable {
        Some(error) => Err(error.into()),
        None => Ok((rows, first_ms.unwrap_or(0))),
    }
}

/// A key frame with its map, for the archive and for the report.
type Drawn = (dicom::Picture, report::Picture);

fn write_key(
    store: &Store,
    exam: &Exam,
    key: &KeyFramePath,
    first_ms: u64,
    files: &mut Files,
    damaged: &mut Vec<String>,
) -> Result<(Option<ExportedKey>, Option<Drawn>), ExportError> {
    let picture = key.name();
    let Some(bytes) = whole(store.exam_file(&exam.id, &picture), damaged)? else {
        return Ok((None, None));
    };
    files.write(&picture, |out| out.write_all(&bytes))?;

    let made = whole(uplink::picture(store, exam, key, &bytes, first_ms), damaged)?.flatten();
    let (mut picture_with_map, mut drawn) = (None, None);
    if let Some(made) = made {
        let mut rgb = made.pane.clone();
        let roi = exam.provenance.roi_in(rgb.dimensions());
        overlay::draw(&mut rgb, roi, &made.map, made.score, &exam.label);
        let name = format!("{}-map.png", key.stem());
        files.write(&name, |out| {
            rgb.write_with_encoder(PngEncoder::new(out))
                .map_err(io::Error::other)
        })?;
        picture_with_map = Some(name);
        let on_paper = report::Picture {
            reason: key.reason,
            t_ms: first_ms + made.since_first_ms,
            score: made.score,
            rgb,
        };
        drawn = Some((made, on_paper));
    }
    let exported = ExportedKey {
        seq: key.seq,
        reason: key.reason,
        picture,
        picture_with_map,
    };
    Ok((Some(exported), drawn))
}

/// Writes the DICOM objects of an exam that has ended. What is wrong with its order costs these alone.
fn write_dicom(
    exam: &Exam,
    pictures: &[dicom::Picture],
    files: &mut Files,
    damaged: &mut Vec<String>,
) -> Result<(), ExportError> {
    if exam.ended.is_none() || exam.uids.is_none() {
        return Ok(());
    }
    match dicom::objects(exam, pictures) {
        Ok(objects) => objects.iter().try_for_each(|object| {
            files.write(&format!("{}.dcm", object.name), |out| {
                object.file.write_all(out).map_err(io::Error::other)
            })
        }),
        Err(error) => {
            damaged.push(format!("DICOM objects: {}", crate::one_line(&error)));
            Ok(())
        }
    }
}

fn sync(folder: &Path) -> Result<(), ExportError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(fault("sync the folder", folder))
}
