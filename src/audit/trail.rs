//! The trail's files: appended to by one process at a time, read by any.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Datelike, SubsecRound, Utc};

use super::error::fault;
use super::line::{LAST, Line, Record, beginning};
use super::{Actor, AuditError, Event};

/// The trail of one store.
#[derive(Clone, Debug)]
pub struct Trail {
    /// The store's folder.
    store: PathBuf,
}

/// A place in the chain: the last record before it, and that record's hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub seq: u64,
    pub hash: String,
}

impl Place {
    /// Before the first record.
    pub(super) fn beginning() -> Self {
        Self {
            seq: 0,
            hash: beginning(),
        }
    }

    fn decode(text: &str) -> Option<Self> {
        let (seq, hash) = text.strip_suffix('\n')?.split_once(' ')?;
        let (seq, hash) = (seq.parse().ok()?, hash.to_owned());
        (hash.len() == beginning().len() && seq <= LAST).then_some(Self { seq, hash })
    }
}

/// How the newest file ends.
struct End {
    last: Place,
    /// What follows the last end of a line.
    open: Option<Open>,
}

/// Bytes without an end of their line, and whether they are a record all the same.
type Open = (u64, bool);

impl Trail {
    /// The trail of the store in `store`, which begins with the first record that is appended.
    pub fn of_store(store: &Path) -> Self {
        Self { store: store.into() }
    }

    /// The trail's folder.
    pub fn folder(&self) -> PathBuf {
        self.store.join("audit")
    }

    /// The file that knows how long the trail is.
    pub(super) fn head_path(&self) -> PathBuf {
        self.store.join("audit.head")
    }

    /// Appends a record of what `who` did at `time`; it survives a power cut when this returns.
    ///
    /// # Errors
    /// [`AuditError`]; the record is not in the trail, or not to be relied on.
    pub fn append(&self, who: &Actor, event: Event, time: DateTime<Utc>) -> Result<(), AuditError> {
        let folder = self.folder();
        if !folder.is_dir() {
            let made = DirBuilder::new().mode(0o700).recursive(true).create(&folder);
            made.and_then(|()| self.give(&folder))
                .map_err(fault("create the folder", &folder))?;
            sync_folder(&self.store)?;
        }
        let _lock = self.lock()?;
        let files = self.files()?;
        let end = self.end(&files)?;
        let head = self.head()?.unwrap_or(Place::beginning());

        let mut events = Vec::new();
        if let Some((bytes, false)) = end.open {
            events.push(Event::Unfinished { bytes });
        }
        let (found, mut place) = (end.last.seq, end.last);
        if head.seq > found {
            events.push(Event::Shortened {
                found,
                head: head.seq,
            });
            place = head;
        }
        events.push(event);

        let mut lines = String::from(if end.open.is_some() { "\n" } else { "" });
        for event in events {
            let record = Record {
                seq: place.seq + 1,
                time: time.trunc_subsecs(3),
                who: who.clone(),
                event,
                prev: place.hash,
            };
            let (line, hash) = record.encode()?;
            lines.push_str(&line);
            lines.push('\n');
            place = Place {
                seq: record.seq,
                hash,
            };
        }

        // A clock that was set back does not open an older file again.
        let year = files.last().map_or(0, |(year, _)| *year).max(time.year());
        let path = folder.join(format!("{year}.jsonl"));
        let new = !path.exists();
        let written = self
            .open(&path, File::options().append(true))
            .and_then(|mut file| {
                file.write_all(lines.as_bytes())?;
                file.sync_data()
            });
        written.map_err(fault("write", &path))?;
        if new {
            sync_folder(&folder)?;
        }
        let text = format!("{:020} {}\n", place.seq, place.hash);
        self.overwrite(&self.head_path(), &text)
    }

    /// Writes the first bytes of a small file, durably.
    pub(super) fn overwrite(&self, path: &Path, text: &str) -> Result<(), AuditError> {
        let new = !path.exists();
        let written = self.open(path, File::options().write(true)).and_then(|file| {
            file.write_all_at(text.as_bytes(), 0)?;
            file.sync_data()
        });
        written.map_err(fault("write", path))?;
        match path.parent() {
            Some(folder) if new => sync_folder(folder),
            _ => Ok(()),
        }
    }

    /// Opens a file, making it where it is missing.
    fn open(&self, path: &Path, options: &mut OpenOptions) -> io::Result<File> {
        let new = !path.exists();
        let file = options.create(true).truncate(false).mode(0o600).open(path)?;
        if new {
            self.give(path)?;
        }
        Ok(file)
    }

    /// Whoever owns the store owns its trail: what root makes, the daemon's user must be able to write.
    fn give(&self, path: &Path) -> io::Result<()> {
        let (store, made) = (fs::metadata(&self.store)?, fs::metadata(path)?);
        if store.uid() == made.uid() {
            return Ok(());
        }
        chown(path, Some(store.uid()), Some(store.gid()))
    }

    /// Number and hash of the last record as they are kept beside the trail; `None` where they are not whole.
    pub(super) fn head(&self) -> Result<Option<Place>, AuditError> {
        let path = self.head_path();
        match fs::read(&path) {
            Ok(bytes) => Ok(std::str::from_utf8(&bytes).ok().and_then(Place::decode)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(fault("read", &path)(error)),
        }
    }

    /// The trail's files, oldest first, with their years.
    pub(super) fn files(&self) -> Result<Vec<(i32, PathBuf)>, AuditError> {
        let folder = self.folder();
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(fault("list", &folder))?,
        };
        let mut files = Vec::new();
        for entry in entries {
            let path = entry.map_err(fault("list", &folder))?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let year = name.and_then(|name| name.strip_suffix(".jsonl")?.parse().ok());
            files.extend(year.map(|year| (year, path.clone())));
        }
        files.sort();
        Ok(files)
    }

    /// Gives each line, oldest first: file and number, its bytes without their end, and whether they have one.
    ///
    /// # Errors
    /// [`AuditError`] if the trail cannot be read, and whatever `each` answers.
    pub fn lines(
        &self,
        mut each: impl FnMut(&Path, usize, &[u8], bool) -> Result<(), AuditError>,
    ) -> Result<(), AuditError> {
        for (_, path) in &self.files()? {
            let mut reader = BufReader::new(File::open(path).map_err(fault("open", path))?);
            let mut line = Vec::new();
            for number in 1.. {
                line.clear();
                if reader.read_until(b'\n', &mut line).map_err(fault("read", path))? == 0 {
                    break;
                }
                match line.strip_suffix(b"\n") {
                    Some(line) => each(path, number, line, true)?,
                    None => each(path, number, &line, false)?,
                }
            }
        }
        Ok(())
    }

    /// The last record whose event `wanted` takes.
    ///
    /// # Errors
    /// [`AuditError`] if the trail cannot be read.
    pub fn last<T>(&self, wanted: impl Fn(Record) -> Option<T>) -> Result<Option<T>, AuditError> {
        for (_, path) in self.files()?.iter().rev() {
            let bytes = fs::read(path).map_err(fault("read", path))?;
            let mut lines = bytes.split(|b| *b == b'\n').rev();
            if let Some(found) = lines.find_map(|line| wanted(Record::decode(line)?)) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Keeps others from appending until it is dropped.
    pub(super) fn lock(&self) -> Result<File, AuditError> {
        let path = self.folder().join("lock");
        let lock = self.open(&path, File::options().write(true));
        let locked = lock.and_then(|lock| lock.lock().map(|()| lock));
        locked.map_err(fault("lock", &path))
    }

    /// Where the chain stands: the last readable record of the newest file that has one.
    fn end(&self, files: &[(i32, PathBuf)]) -> Result<End, AuditError> {
        let mut open = None;
        for (n, (_, path)) in files.iter().rev().enumerate() {
            let (last, rest) = last_record(path).map_err(fault("read", path))?;
            if n == 0 {
                open = rest;
            }
            if let Some(last) = last {
                return Ok(End { last, open });
            }
        }
        Ok(End {
            last: Place::beginning(),
            open,
        })
    }
}

/// The last record of a file, read from its end, and how many bytes follow the file's last end of a line.
fn last_record(path: &Path) -> io::Result<(Option<Place>, Option<Open>)> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut tail = 2 * super::LONGEST as u64;
    loop {
        let start = length.saturating_sub(tail);
        let mut bytes = vec![0; (length - start) as usize];
        file.read_exact_at(&mut bytes, start)?;
        let mut lines = bytes.split(|b| *b == b'\n').rev();
        let rest = lines.next().unwrap_or_default();
        let record = |line: &[u8]| {
            let Line { seq, hash, .. } = Line::decode(line).filter(|line| line.whole)?;
            Some(Place { seq, hash })
        };
        let last = record(rest);
        let open = (!rest.is_empty()).then(|| (rest.len() as u64, last.is_some()));
        let last = last.or_else(|| lines.find_map(record));
        if last.is_some() || start == 0 {
            return Ok((last, open));
        }
        tail *= 2;
    }
}

fn sync_folder(folder: &Path) -> Result<(), AuditError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(fault("sync the folder", folder))
}

#[cfg(test)]
pub(super) mod tests;
