//! Files and folders beside sled: whole or not there, whatever happens while they are written.
//!
//! Called by the `store` thread. A power cut can leave a `.part` file, which no reader takes for a picture. An exam's files go
//! through [`Seal`], which encrypts them.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

use super::StoreError;
use super::crash::point;
use super::seal::Seal;
use crate::exam::record::{KeyFrame, KeyReason};

/// A key frame on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFramePath {
    /// The frame's number.
    pub seq: u64,
    /// Why it was kept.
    pub reason: KeyReason,
    /// Where the PNG of its contrast pane lies; [`Store::exam_file`](super::Store::exam_file) reads it.
    pub path: PathBuf,
}

impl KeyFramePath {
    /// The file's name without `.png`: `key-<seq>-<reason>`.
    pub fn stem(&self) -> String {
        stem(self.seq, self.reason)
    }

    /// The file's name, for [`Store::exam_file`](super::Store::exam_file).
    pub fn name(&self) -> String {
        format!("{}.png", self.stem())
    }
}

fn stem(seq: u64, reason: KeyReason) -> String {
    format!("key-{seq}-{}", reason_name(reason))
}

fn reason_name(reason: KeyReason) -> &'static str {
    match reason {
        KeyReason::Regular => "regular",
        KeyReason::Highest => "highest",
        KeyReason::Lowest => "lowest",
        KeyReason::Peak => "peak",
        KeyReason::Marked => "marked",
    }
}

/// An error about a file, ready for `map_err`.
pub(super) fn fault(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::File { what, path, source }
}

/// Opens a file for writing as it is, making it if it is missing.
pub(super) fn open_or_create(path: &Path) -> Result<File, StoreError> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path);
    file.map_err(fault("open", path))
}

/// Writes `bytes` to `path` so that the file is durable when this returns, and at no time half there.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let part = path.with_added_extension("part");
    let mut file = File::create(&part).map_err(fault("create", &part))?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if let Err(error) = written {
        // What is half there takes space that a full disk does not have.
        let _ = fs::remove_file(&part);
        return Err(fault("write", &part)(error));
    }
    point("file-written");
    fs::rename(&part, path).map_err(fault("rename to", path))?;
    point("file-renamed");
    path.parent().map_or(Ok(()), sync_folder)
}

/// What [`write_whole`] wrote.
pub(super) fn read_whole(path: &Path) -> Result<Vec<u8>, StoreError> {
    fs::read(path).map_err(fault("read", path))
}

/// Removes `folder` and what is in it; it need not be there.
pub(super) fn remove_folder(folder: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(fault("remove", folder)),
    }
}

/// Renames, durably in both folders.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::rename(from, to).map_err(fault("rename to", to))?;
    for folder in [to.parent(), from.parent()].into_iter().flatten() {
        sync_folder(folder)?;
    }
    Ok(())
}

/// The paths in `folder`, sorted; none where there is no such folder.
pub(super) fn list(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let entries = match fs::read_dir(folder) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(Vec::new());
        }
        entries => entries.map_err(fault("list", folder))?,
    };
    let paths: io::Result<Vec<PathBuf>> = entries.map(|entry| entry.map(|e| e.path())).collect();
    let mut paths = paths.map_err(fault("list", folder))?;
    paths.sort();
    Ok(paths)
}

/// Makes the names in `folder` durable.
pub(super) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(fault("sync the folder", folder))
}

/// Creates `folder` and its parents where they are missing, for this user alone, each durable in its parent.
pub(super) fn create_folder(folder: &Path) -> Result<(), StoreError> {
    let missing: Vec<&Path> = folder
        .ancestors()
        .take_while(|f| !f.as_os_str().is_empty() && !f.is_dir())
        .collect();
    for folder in missing.into_iter().rev() {
        let made = DirBuilder::new().mode(0o700).create(folder);
        made.map_err(fault("create the folder", folder))?;
        let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
        sync_folder(parent.unwrap_or(Path::new(".")))?;
    }
    Ok(())
}

/// Writes a key frame into `folder`.
pub(super) fn write_key_frame(folder: &Path, key: &KeyFrame, seal: &Seal) -> Result<(), StoreError> {
    let wanted = u64::from(key.width) * u64::from(key.height) * 3;
    let name = stem(key.seq, key.reason);
    if wanted == 0 || key.rgb.len() as u64 != wanted {
        return Err(StoreError::Unstorable {
            what: format!("{name} of {} bytes", key.rgb.len()),
            expected: format!("{}x{} pixels of 3 bytes", key.width, key.height),
        });
    }
    let path = folder.join(name).with_added_extension("png");
    let mut png = Vec::new();
    PngEncoder::new_with_quality(&mut png, CompressionType::Fast, FilterType::Adaptive)
        .write_image(&key.rgb, key.width, key.height, ExtendedColorType::Rgb8)
        .map_err(io::Error::other)
        .map_err(fault("encode", &path))?;
    create_folder(folder)?;
    seal.write_file(&path, &png)
}

/// The key frames in `folder` in the order of their numbers; none where there is no such folder.
pub(super) fn key_frames(folder: &Path) -> Result<Vec<KeyFramePath>, StoreError> {
    let mut found = Vec::new();
    for path in list(folder)? {
        if let Some((seq, reason)) = path.file_name().and_then(|name| key_of(name.to_str()?)) {
            found.push(KeyFramePath { seq, reason, path });
        }
    }
    found.sort_by(|a, b| (a.seq, &a.path).cmp(&(b.seq, &b.path)));
    Ok(found)
}

/// Frame number and reason in a key frame's file name.
fn key_of(name: &str) -> Option<(u64, KeyReason)> {
    let (seq, reason) = name.strip_prefix("key-")?.strip_suffix(".png")?.split_once('-')?;
    let reasons = [
        KeyReason::Regular,
        KeyReason::Highest,
        KeyReason::Lowest,
        KeyReason::Peak,
        KeyReason::Marked,
    ];
    Some((
        seq.parse().ok()?,
        reasons.into_iter().find(|r| reason_name(*r) == reason)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_frame(seq: u64, reason: KeyReason) -> KeyFrame {
        let rgb = (0..5 * 4 * 3).collect();
        KeyFrame {
            seq,
            reason,
            width: 5,
            height: 4,
            rgb,
        }
    }

    #[test]
    fn a_key_frame_is_read_back_and_nothing_else_in_its_folder_is_one() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let folder = dir.path().join("2026/01/31");
        assert_eq!(key_frames(&folder).expect("no folder is no key frame"), []);
        for key in [
            key_frame(12, KeyReason::Highest),
            key_frame(3, KeyReason::Regular),
        ] {
            write_key_frame(&folder, &key, &Seal::off()).expect("a good key frame");
        }
        for foreign in [
            "key-4-regular.png.part",
            "key-5-odd.png",
            "key--regular.png",
            "notes.txt",
        ] {
            fs::write(folder.join(foreign), "x").expect("a file beside them");
        }
        let found = key_frames(&folder).expect("the folder is there");
        let names: Vec<String> = found.iter().map(KeyFramePath::stem).collect();
        assert_eq!(names, ["key-3-regular", "key-12-highest"]);
        let picture = image::open(&found[1].path).expect("a PNG").into_rgb8();
        assert_eq!(
            (picture.dimensions(), picture.into_raw()),
            ((5, 4), key_frame(0, KeyReason::Lowest).rgb)
        );
    }

    #[test]
    fn a_key_frame_of_the_wrong_size_is_refused_not_panicked_over() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut key = key_frame(1, KeyReason::Lowest);
        key.rgb.pop();
        let error = write_key_frame(dir.path(), &key, &Seal::off()).expect_err("a byte is missing");
        assert_eq!(
            error.to_string(),
            "key-1-lowest of 59 bytes cannot be stored: expected 5x4 pixels of 3 bytes"
        );
    }

    #[test]
    fn a_file_that_cannot_be_written_leaves_the_old_one_whole() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("exam.json");
        write_whole(&path, b"old").expect("a writable folder");
        fs::create_dir(dir.path().join("exam.json.part")).expect("something in the way");
        assert!(matches!(
            write_whole(&path, b"new"),
            Err(StoreError::File { what: "create", .. })
        ));
        assert_eq!(fs::read(&path).expect("still there"), b"old");
    }
}
