//! Frames → a clip that [`super::clip`] reads back: every sample as it was captured, nothing outside the pane.
//!
//! Y4M, one plane for each channel. Its `X` fields, which other programs pass over, hold what it has no word for: in the
//! header `XMATRIX=` and, of red, green and blue, `XPLANES=RGB`; before each picture `XT=`, its time in nanoseconds.
//! Runs on the thread that calls it. The file appears under its name when it is whole.

use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::NamedTempFile;

use crate::frame::{Frame, FrameFormat, Matrix, PixelFormat, Range, black_outside};
use crate::preprocess::PreprocessError;
use crate::screen::{LayoutError, Screen};

/// Why a clip cannot be recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Something of this name is there, which is not overwritten.
    #[error("{}: exists already; choose another name", .0.display())]
    Exists(PathBuf),
    /// The pane does not fit the picture.
    #[error(transparent)]
    Pane(#[from] LayoutError),
    /// The picture cannot be read.
    #[error(transparent)]
    Picture(#[from] PreprocessError),
    /// A clip has pictures of one size and pixel format.
    #[error("the picture has changed from {from} to {to}; record the rest as another clip")]
    Changed {
        /// What the clip holds.
        from: String,
        /// What came.
        to: String,
    },
    /// The operating system said no.
    #[error("{}: cannot {operation}; check the path, its permissions and the free space", .path.display())]
    Io {
        /// The clip.
        path: PathBuf,
        /// What was tried.
        operation: &'static str,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
}

/// A clip that is being written.
pub struct Recorder {
    path: PathBuf,
    file: NamedTempFile,
    screen: Screen,
    format: Option<FrameFormat>,
    /// Bytes that are whole pictures.
    whole: u64,
    frames: u64,
    first: Duration,
    last: Duration,
    /// One picture as it is stored.
    stored: Vec<u8>,
}

impl Recorder {
    /// A clip at `path` of the pane of `screen`.
    ///
    /// # Errors
    /// [`RecordError::Exists`], [`RecordError::Io`].
    pub fn create(path: &Path, screen: Screen) -> Result<Self, RecordError> {
        if path.symlink_metadata().is_ok() {
            return Err(RecordError::Exists(path.into()));
        }
        let file = tempfile::Builder::new()
            .prefix(".recording-")
            .tempfile_in(folder(path))
            .map_err(RecordError::io(path, "create the clip"))?;
        Ok(Self {
            path: path.into(),
            file,
            screen,
            format: None,
            whole: 0,
            frames: 0,
            first: Duration::ZERO,
            last: Duration::ZERO,
            stored: Vec::new(),
        })
    }

    /// Pictures written so far.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Adds a picture, whose bytes outside the pane become black.
    ///
    /// # Errors
    /// [`RecordError`]; what was added before is still whole, and [`Self::finish`] keeps it.
    pub fn add(&mut self, frame: &mut Frame) -> Result<(), RecordError> {
        let format = frame.format;
        let layout = self.screen.layout(format.width, format.height)?;
        self.stored.clear();
        match self.format {
            Some(ours) if ours != format => {
                let [from, to] = [ours, format].map(|f| {
                    format!(
                        "{}x{} {:?} {:?} {:?}",
                        f.width, f.height, f.pixels, f.range, f.matrix
                    )
                });
                return Err(RecordError::Changed { from, to });
            }
            Some(_) => {}
            None => {
                self.stored.extend(header(&format, (25, 1)).bytes());
                self.first = frame.t;
            }
        }
        black_outside(&format, layout.pane, frame.bytes.vec_mut());
        self.stored
            .extend(format!("FRAME XT={:020}\n", frame.t.as_nanos()).bytes());
        for channel in 0..3 {
            samples(frame, channel, &mut self.stored);
        }
        let file = self.file.as_file_mut();
        let written = file.write_all(&self.stored);
        written.map_err(RecordError::io(&self.path, "write the clip"))?;
        self.whole += self.stored.len() as u64;
        self.format = Some(format);
        self.frames += 1;
        self.last = frame.t;
        Ok(())
    }

    /// Makes the clip durable under its name; gives the number of its pictures, of which there is at least one.
    ///
    /// # Errors
    /// [`RecordError::Exists`], [`RecordError::Io`].
    pub fn finish(mut self) -> Result<u64, RecordError> {
        let Some(format) = self.format else {
            return Ok(0);
        };
        let seconds = (self.last.saturating_sub(self.first)).as_secs_f64();
        let rate = match (self.frames - 1) as f64 / seconds {
            rate if rate.is_finite() && rate > 0.0 => rate,
            _ => 25.0,
        };
        let rate = ((rate * 1000.0).round().clamp(1.0, 1e9) as u32, 1000);
        let file = self.file.as_file_mut();
        let sealed = file
            .set_len(self.whole)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(header(&format, rate).as_bytes()))
            .and_then(|()| file.sync_all());
        sealed.map_err(RecordError::io(&self.path, "finish the clip"))?;
        self.file
            .persist_noclobber(&self.path)
            .map_err(|error| match error.error.kind() {
                io::ErrorKind::AlreadyExists => RecordError::Exists(self.path.clone()),
                _ => RecordError::io(&self.path, "name the clip")(error.error),
            })?;
        std::fs::File::open(folder(&self.path))
            .and_then(|folder| folder.sync_all())
            .map_err(RecordError::io(&self.path, "make the clip durable"))?;
        Ok(self.frames)
    }
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

impl RecordError {
    /// What the system said to an operation on `path`.
    pub(crate) fn io(path: &Path, operation: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            path,
            operation,
            source,
        }
    }
}

/// The stream's header; as long for every rate, which is known at the end.
fn header(format: &FrameFormat, (over, under): (u32, u32)) -> String {
    use PixelFormat as P;
    let chroma = match format.pixels {
        P::Nv12 | P::Yuv420 => "420mpeg2",
        P::Yuyv | P::Uyvy | P::Nv16 => "422",
        P::Nv24 | P::Yuv24 => "444",
        P::Rgb24 | P::Bgr24 | P::Xbgr32 | P::Xrgb32 => "444 XPLANES=RGB",
        P::Grey => "mono",
    };
    let range = match format.range {
        Range::Limited => "LIMITED",
        Range::Full => "FULL",
    };
    let matrix = match format.matrix {
        Matrix::Bt601 => "BT601",
        Matrix::Bt709 => "BT709",
    };
    let FrameFormat { width, height, .. } = format;
    format!(
        "YUV4MPEG2 W{width} H{height} F{over:010}:{under:04} Ip A1:1 C{chroma} XCOLORRANGE={range} XMATRIX={matrix}\n"
    )
}

/// Appends the samples of one channel, row by row, if the format has it.
fn samples(frame: &Frame, index: usize, into: &mut Vec<u8>) {
    let format = &frame.format;
    for (plane, place) in format.planes() {
        let Some(channel) = plane.channels.iter().find(|channel| channel.index == index) else {
            continue;
        };
        let count = (format.width as usize).div_ceil(1 + usize::from(channel.halved));
        for row in 0..plane.rows(format.height) {
            let line = &frame.bytes[place.offset + row * place.stride + channel.offset..];
            into.extend(line.iter().step_by(channel.step).take(count));
        }
    }
}

#[cfg(test)]
mod tests;
