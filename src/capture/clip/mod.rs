//! Recorded pictures and clips as frame sources.
//!
//! Runs on the thread that pulls it. It reads PNG and JPEG pictures (a folder of them is one clip), DICOM
//! ultrasound, Y4M, MetaImage sequences, and whatever an installed `ffmpeg` decodes. It never waits for the
//! time at which a picture was taken (that is [`super::Paced`]'s task), keeps no more than one picture and its
//! file's bytes in memory, and leaves colours in the recording's own layout where [`PixelFormat`] has it.
//!
//! [`PixelFormat`]: crate::frame::PixelFormat

pub(super) mod colour;
mod dicom;
pub(super) mod fault;
pub(super) mod jpeg;
mod mha;
mod natural;
mod still;
mod video;
mod y4m;

#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use self::fault::Fault;
use super::{CaptureError, Captured, FrameSource};
use crate::frame::{BufferPool, Frame, FrameFormat};

/// Time from one picture to the next where a recording does not say: 25 a second.
const STEP: Duration = Duration::from_millis(40);

/// One recorded picture, before it has a number and a wall-clock time.
struct Picture {
    format: FrameFormat,
    /// Since the beginning of the recording.
    t: Duration,
}

/// One kind of recording, read picture by picture.
trait Recording: Send {
    /// Puts the next picture's bytes into `into`, which comes empty; `None` after the last one.
    fn next(&mut self, into: &mut Vec<u8>) -> Result<Option<Picture>, Fault>;

    /// Whether the pictures after the one that just failed can be read.
    fn goes_on(&self) -> bool {
        false
    }

    /// The file of picture `n`, where pictures are files of their own.
    fn file(&self, _n: u64) -> Option<&Path> {
        None
    }

    /// What it holds, for people, without its path.
    fn describe(&self) -> String;

    /// Pictures from beginning to end, where that is known.
    fn len(&self) -> Option<u64>;
}

/// A recorded picture, clip or folder of pictures.
///
/// Frames are numbered from 0; `t` is the recording's own time stamp (pictures without one are 40 ms apart) and
/// `wall` is when the file, or the folder's first picture, was last written, plus `t`. A picture that cannot be
/// read takes up its number and gives one error; the next call goes on with the picture after it, or says
/// [`Captured::End`] where nothing after it can be read.
pub struct Clip {
    path: PathBuf,
    written: SystemTime,
    recording: Box<dyn Recording>,
    seq: u64,
    over: bool,
}

/// Opens a file, or a folder as one clip of its pictures (png, jpg, jpeg) in natural order: `frame2` before
/// `frame10`. What a file is shows in its first bytes; its name decides only where they do not.
///
/// # Errors
/// [`CaptureError`]: nothing there, nothing that can be read, a damaged header, or a missing `ffmpeg`.
pub fn open(path: &Path) -> Result<Clip, CaptureError> {
    let meta = fs::metadata(path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => CaptureError::NotFound {
            path: path.into(),
            hint: "",
        },
        _ => Fault::Io(source).at(path, None),
    })?;
    let (recording, written) = recording(path, &meta).map_err(|fault| fault.at(path, None))?;
    Ok(Clip {
        path: path.into(),
        written,
        recording,
        seq: 0,
        over: false,
    })
}

fn recording(path: &Path, meta: &fs::Metadata) -> Result<(Box<dyn Recording>, SystemTime), Fault> {
    if meta.is_dir() {
        let stills = still::Stills::of_folder(path)?;
        let written = stills
            .file(0)
            .map_or_else(|| meta.modified(), |first| fs::metadata(first)?.modified())?;
        return Ok((Box::new(stills), written));
    }
    if !meta.is_file() {
        return Err(Fault::unsupported(
            "something that is neither file nor folder",
            "a file or folder",
        ));
    }
    let mut head = Vec::new();
    File::open(path)?.take(132).read_to_end(&mut head)?;
    if head.is_empty() {
        return Err(Fault::corrupt("the file is empty; expected a picture or clip"));
    }
    let file = || File::open(path).map(BufReader::new);
    let recording: Box<dyn Recording> = match Kind::of(&head, path) {
        Kind::Still => Box::new(still::Stills::of_file(path)),
        Kind::Dicom => Box::new(dicom::Dicom::new(file()?)?),
        Kind::Y4m => Box::new(y4m::Y4m::new(file()?, Some(meta.len()))?),
        Kind::Mha => Box::new(mha::Mha::new(file()?)?),
        Kind::Video => Box::new(video::Video::new("ffmpeg", path)?),
    };
    Ok((recording, meta.modified()?))
}

/// Which reader a file is for.
#[derive(Debug, PartialEq)]
enum Kind {
    Still,
    Dicom,
    Y4m,
    Mha,
    Video,
}

impl Kind {
    fn of(head: &[u8], path: &Path) -> Self {
        if head.starts_with(b"\x89PNG\r\n\x1a\n") || head.starts_with(b"\xff\xd8\xff") {
            return Self::Still;
        } else if head.get(128..132) == Some(b"DICM") {
            return Self::Dicom;
        } else if head.starts_with(b"YUV4MPEG2") {
            return Self::Y4m;
        } else if head.starts_with(b"ObjectType") {
            return Self::Mha;
        }
        let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
        match extension.to_str().unwrap_or_default() {
            "png" | "jpg" | "jpeg" => Self::Still,
            "dcm" | "dicom" => Self::Dicom,
            "y4m" => Self::Y4m,
            "mha" | "mhd" => Self::Mha,
            _ => Self::Video,
        }
    }
}

impl FrameSource for Clip {
    fn next(&mut self, pool: &BufferPool, _wait: Duration) -> Result<Captured, CaptureError> {
        if self.over {
            return Ok(Captured::End);
        }
        let mut bytes = pool.take();
        match self.recording.next(bytes.vec_mut()) {
            Ok(Some(Picture { format, t })) => {
                debug_assert!(bytes.len() >= format.bytes(), "a whole picture");
                let seq = self.seq;
                self.seq += 1;
                Ok(Captured::Frame(Frame {
                    seq,
                    t,
                    wall: self.written.checked_add(t).unwrap_or(self.written),
                    format,
                    bytes,
                }))
            }
            Ok(None) => {
                self.over = true;
                Ok(Captured::End)
            }
            Err(fault) => {
                let path = self.recording.file(self.seq).unwrap_or(&self.path);
                let error = fault.at(path, Some(self.seq));
                self.seq += 1;
                self.over = !self.recording.goes_on();
                Err(error)
            }
        }
    }

    fn describe(&self) -> String {
        format!("{}: {}", self.path.display(), self.recording.describe())
    }

    fn len_hint(&self) -> Option<u64> {
        self.recording.len()
    }
}
