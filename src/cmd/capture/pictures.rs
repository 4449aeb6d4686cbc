//! Pictures of the pane for training: PNG files, and a list of when each was captured.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ImageError, RgbImage};

use crate::capture::RecordError;
use crate::frame::Frame;
use crate::preprocess::crop;
use crate::screen::Screen;

/// The list's name and its columns, which are those of `labels.csv` as far as they are known.
const LIST: &str = "pictures.csv";
const COLUMNS: &str = "path,t_ms,pane";

/// A folder that pictures are written to.
pub(super) struct Pictures {
    folder: PathBuf,
    screen: Screen,
    every: Option<Duration>,
    /// No picture from before this is taken.
    due: Duration,
    previous: Option<RgbImage>,
    list: File,
    written: u64,
}

impl Pictures {
    /// A new or empty folder for the pane of `screen`; at most one picture in `every` seconds.
    pub fn create(folder: &Path, screen: Screen, every: Option<f64>) -> Result<Self, RecordError> {
        fs::create_dir_all(folder).map_err(RecordError::io(folder, "make the folder"))?;
        let mut inside = fs::read_dir(folder).map_err(RecordError::io(folder, "read the folder"))?;
        if inside.next().is_some() {
            return Err(RecordError::Exists(folder.into()));
        }
        let path = folder.join(LIST);
        let listed = File::create_new(&path).and_then(|mut list| writeln!(list, "{COLUMNS}").map(|()| list));
        Ok(Self {
            list: listed.map_err(RecordError::io(&path, "write the list"))?,
            folder: folder.into(),
            screen,
            every: every.map(Duration::from_secs_f64),
            due: Duration::ZERO,
            previous: None,
            written: 0,
        })
    }

    /// Writes the pane of `frame` unless it shows what the one before did, or comes too early.
    pub fn add(&mut self, frame: &Frame) -> Result<(), RecordError> {
        let layout = self.screen.layout(frame.format.width, frame.format.height)?;
        if frame.t < self.due {
            return Ok(());
        }
        let picture = crop(frame, layout.pane)?;
        if self.previous.as_ref() == Some(&picture) {
            return Ok(());
        }
        let name = format!("{:06}.png", self.written);
        let path = self.folder.join(&name);
        self.write(&path, &picture)
            .map_err(RecordError::io(&path, "write the picture"))?;
        let (t_ms, width, height) = (frame.t.as_millis(), picture.width(), picture.height());
        writeln!(self.list, "{name},{t_ms},\"0,0,{width},{height}\"")
            .map_err(RecordError::io(&self.folder.join(LIST), "write the list"))?;
        self.due = self.every.map_or(Duration::ZERO, |every| frame.t + every);
        self.previous = Some(picture);
        self.written += 1;
        Ok(())
    }

    /// Makes the list durable; gives the number of pictures.
    pub fn finish(self) -> Result<u64, RecordError> {
        let synced = self.list.sync_all();
        synced.map_err(RecordError::io(&self.folder.join(LIST), "write the list"))?;
        Ok(self.written)
    }

    /// The file appears under its name when it is whole.
    fn write(&self, path: &Path, picture: &RgbImage) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        let encoder = PngEncoder::new_with_quality(&mut file, CompressionType::Fast, FilterType::Sub);
        picture.write_with_encoder(encoder).map_err(|error| match error {
            ImageError::IoError(error) => error,
            other => io::Error::other(other),
        })?;
        file.persist_noclobber(path)?;
        Ok(())
    }
}
