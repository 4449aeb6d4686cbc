//! The folder of one exam: everything of it that the database has, and its pictures.
//!
//! ```text
//! key-<seq>-<reason>.png   as they come
//! frames.csv               when it has ended: its scored frames
//! exam.json                when it begins, and again when it has ended or somebody added to it
//! ```
//!
//! `exam.json` names every other file with its length and SHA-256, and its own first line is the SHA-256 of the lines after
//! it; all of them of the bytes as they are before they are encrypted. `frames.csv` holds the very numbers of the frames' records (a map's value = `map_lowest` + `map_step` × number), so
//! that a database made from these folders is the same to the bit.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::codec::Packed;
use super::crash::point;
use super::seal::Seal;
use super::{Delivery, StoreError, files};
use crate::exam::record::{Exam, Fitness};

pub(super) const EXAM: &str = "exam.json";
pub(super) const FRAMES: &str = "frames.csv";
/// The first line of `frames.csv`, and what it was before schema 4.
const COLUMNS: &str = "seq,t_ms,score,map_width,map_height,map_lowest,map_step,map,brightness,clarity";
const OLD_COLUMNS: &str = "seq,t_ms,score,map_width,map_height,map_lowest,map_step,map";
/// What comes before and after the hash in the first line of `exam.json`.
const HEAD: (&str, &str) = ("{\"sha256\": \"", "\",\n");

/// What `exam.json` holds.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ExamFile {
    pub exam: Exam,
    /// The exam's entries of the outbox.
    pub deliveries: Vec<Delivery>,
    /// Every other file of the folder.
    pub files: Vec<FileEntry>,
}

/// A file as `exam.json` names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct FileEntry {
    pub name: String,
    pub bytes: u64,
    pub sha256: String,
}

impl FileEntry {
    fn of(name: &str, bytes: &[u8]) -> Self {
        Self {
            name: name.to_owned(),
            bytes: bytes.len() as u64,
            sha256: crate::hex(&Sha256::digest(bytes)),
        }
    }

    /// Whether the file in `folder` is this one; the error says what it is instead.
    pub fn check(&self, folder: &Path, seal: &Seal) -> Result<(), StoreError> {
        let path = folder.join(&self.name);
        let found = Self::of(&self.name, &seal.read_file(&path)?);
        if found == *self {
            return Ok(());
        }
        Err(StoreError::DamagedFile {
            path,
            expected: format!("{} bytes with SHA-256 {}", self.bytes, self.sha256),
        })
    }
}

/// Writes an exam as it is now, with its frames if no more of them come.
pub(super) fn write(
    folder: &Path,
    seal: &Seal,
    exam: &Exam,
    deliveries: Vec<Delivery>,
    frames: Option<Vec<(u64, Packed)>>,
) -> Result<(), StoreError> {
    files::create_folder(folder)?;
    let mut listed = Vec::new();
    for key in files::key_frames(folder)? {
        let png = seal.read_file(&key.path)?;
        if seal.lacks(&key.path) {
            seal.write_file(&key.path, &png)?;
        }
        listed.push(FileEntry::of(&key.name(), &png));
    }
    if let Some(frames) = frames {
        let csv = csv(&frames);
        seal.write_file(&folder.join(FRAMES), csv.as_bytes())?;
        listed.push(FileEntry::of(FRAMES, csv.as_bytes()));
    }
    point("folder-frames");
    let file = ExamFile {
        exam: exam.clone(),
        deliveries,
        files: listed,
    };
    seal.write_file(&folder.join(EXAM), encode(&file)?.as_bytes())?;
    point("folder-exam");
    Ok(())
}

fn encode(file: &ExamFile) -> Result<String, StoreError> {
    let json = serde_json::to_string_pretty(file).map_err(|error| StoreError::Unstorable {
        what: format!("exam {}", file.exam.id),
        expected: error.to_string(),
    })?;
    let rest = json.trim_start_matches('{').trim_start_matches('\n');
    let hash = crate::hex(&Sha256::digest(rest));
    Ok(format!("{}{hash}{}{rest}", HEAD.0, HEAD.1))
}

/// Reads `exam.json` of `folder`.
pub(super) fn read(folder: &Path, seal: &Seal) -> Result<ExamFile, StoreError> {
    let path = folder.join(EXAM);
    let bytes = seal.read_file(&path)?;
    decode(&bytes).map_err(|expected| StoreError::DamagedFile { path, expected })
}

/// What `exam.json` of these bytes holds, or what was expected there.
pub(super) fn decode(bytes: &[u8]) -> Result<ExamFile, String> {
    let text = str::from_utf8(bytes).map_err(|error| format!("text in UTF-8, {error}"))?;
    let head = text.strip_prefix(HEAD.0).and_then(|text| text.split_once(HEAD.1));
    let (wanted, rest) = head.ok_or("its own SHA-256 in the first line")?;
    let found = crate::hex(&Sha256::digest(rest));
    if found != wanted {
        return Err(format!("SHA-256 {wanted}, found {found}"));
    }
    let exam = serde_json::from_str(&format!("{{{rest}"));
    exam.map_err(|error| format!("an exam as JSON, found {error}"))
}

fn csv(frames: &[(u64, Packed)]) -> String {
    let mut csv = format!("{COLUMNS}\n");
    for (seq, packed) in frames {
        let Packed {
            t_ms,
            score,
            width,
            height,
            lowest,
            step,
            numbers,
            fitness,
        } = packed;
        let numbers: Vec<String> = numbers.iter().map(u16::to_string).collect();
        let map = numbers.join(" ");
        let [brightness, clarity] = match fitness {
            Some(fitness) => [fitness.brightness, fitness.clarity].map(|v| v.to_string()),
            None => Default::default(),
        };
        let line =
            format!("{seq},{t_ms},{score},{width},{height},{lowest},{step},{map},{brightness},{clarity}\n");
        csv.push_str(&line);
    }
    csv
}

/// Reads `frames.csv` of `folder`.
pub(super) fn read_frames(folder: &Path, seal: &Seal) -> Result<Vec<(u64, Packed)>, StoreError> {
    let path = folder.join(FRAMES);
    let bytes = seal.read_file(&path)?;
    decode_frames(&bytes).map_err(|expected| StoreError::DamagedFile { path, expected })
}

/// The frames in `frames.csv` of these bytes, or what was expected there.
pub(super) fn decode_frames(bytes: &[u8]) -> Result<Vec<(u64, Packed)>, String> {
    let text = str::from_utf8(bytes).map_err(|error| format!("text in UTF-8, {error}"))?;
    let mut lines = text.lines();
    let columns = lines.next().unwrap_or_default();
    let read: fn(&str) -> Option<(u64, Packed)> = match columns {
        COLUMNS => row,
        OLD_COLUMNS => |line| row(&format!("{line},,")),
        _ => return Err(format!("the columns {COLUMNS}")),
    };
    let rows = lines
        .enumerate()
        .map(|(i, line)| read(line).ok_or_else(|| format!("in line {} the values of {columns}", i + 2)));
    rows.collect()
}

fn row(line: &str) -> Option<(u64, Packed)> {
    let cells: Vec<&str> = line.split(',').collect();
    let [
        seq,
        t_ms,
        score,
        width,
        height,
        lowest,
        step,
        map,
        brightness,
        clarity,
    ] = cells.as_slice().try_into().ok()?;
    let fitness = match (brightness, clarity) {
        ("", "") => None,
        _ => Some(Fitness {
            brightness: brightness.parse().ok()?,
            clarity: clarity.parse().ok()?,
        }),
    };
    let numbers: Result<Vec<u16>, _> = map.split(' ').map(str::parse).collect();
    let packed = Packed {
        t_ms: t_ms.parse().ok()?,
        score: score.parse().ok()?,
        width: width.parse().ok()?,
        height: height.parse().ok()?,
        lowest: lowest.parse().ok()?,
        step: step.parse().ok()?,
        numbers: numbers.ok()?,
        fitness,
    };
    packed.is_good().then_some((seq.parse().ok()?, packed))
}
