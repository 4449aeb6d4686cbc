//! One exam as plain files: whole under its name, or not there.
//!
//! Everything is written and synced in a temporary folder beside the target, which is renamed at the end.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use image::codecs::png::PngEncoder;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Error, Summary, whole};
use crate::dicom;
use crate::exam::record::{Exam, KeyReason};
use crate::overlay;
use crate::report::{self, Language};
use crate::store::{KeyFramePath, Store};
use crate::uplink;

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

/// Writes `exam` to the folder `to`/`<exam id>`, its report in `language`; gives that folder and what had to be left out because
/// it is damaged.
pub(crate) fn export(
    store: &Store,
    exam: &Exam,
    language: Language,
    to: &Path,
) -> Result<(PathBuf, Vec<String>), Error> {
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

    let (frames_exported, first_ms) = write_frames(store, exam, &mut files, &mut damaged)?;
    let (mut key_frames, mut pictures, mut on_paper) = (Vec::new(), Vec::new(), Vec::new());
    let keys = store.key_frames(&exam.id)?;
    let chosen = report::choose(&keys.iter().map(|key| (key.seq, key.reason)).collect::<Vec<_>>());
    for key in keys {
        let (exported, drawn) = write_key(store, exam, &key, first_ms, &mut files, &mut damaged)?;
        key_frames.extend(exported);
        if let Some((picture, with_map)) = drawn {
            pictures.push(picture);
            on_paper.extend(chosen.contains(&key.seq).then_some(with_map));
        }
    }
    let report = report::pdf(exam, first_ms, &on_paper, language);
    files.write("report.pdf", |out| out.write_all(&report))?;
    write_dicom(exam, &pictures, &mut files, &mut damaged)?;
    if let Some(bundle) = dicom::fhir::bundle(exam) {
        files.write("fhir.json", |out| {
            serde_json::to_writer_pretty(out, &bundle).map_err(io::Error::from)
        })?;
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

/// Writes `frames.csv`; gives the number of its rows and the time of the first.
fn write_frames(
    store: &Store,
    exam: &Exam,
    files: &mut Files,
    damaged: &mut Vec<String>,
) -> Result<(u64, u64), Error> {
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
    unreadable.map_or(Ok((rows, first_ms.unwrap_or(0))), Err)
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
) -> Result<(Option<ExportedKey>, Option<Drawn>), Error> {
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
) -> Result<(), Error> {
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
