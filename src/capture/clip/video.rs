//! Video containers, by way of an installed `ffmpeg` that writes Y4M into a pipe.
//!
//! A thread `ffmpeg-words` keeps the end of what ffmpeg says until the clip is dropped. Times are those of the
//! nominal rate, and the colour matrix is the usual one for the size: Y4M carries neither from the container.

use std::ffi::OsString;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::thread::{self, JoinHandle};

use super::fault::Fault;
use super::y4m::Y4m;
use super::{Picture, Recording};

/// Containers and streams that are taken. Playlists and scripts, which name further files or addresses, and
/// ffmpeg's readers for text are not among them.
const FORMATS: &str =
    "mov,matroska,webm,avi,mpeg,mpegts,mpegvideo,m4v,h264,hevc,mjpeg,asf,flv,ogg,mxf,dv,ivf,gif";

/// How much of what ffmpeg says is kept, in bytes.
const WORDS: usize = 1024;

/// A video that ffmpeg decodes while it is read.
pub struct Video {
    y4m: Y4m<BufReader<ChildStdout>>,
    ffmpeg: Ffmpeg,
}

impl Video {
    /// Starts `program`, which is ffmpeg, on the file at `path` and waits for the first bytes.
    pub fn new(program: &str, path: &Path) -> Result<Self, Fault> {
        // An absolute path behind its protocol can be neither an option nor another protocol.
        let mut input = OsString::from("file:");
        input.push(std::path::absolute(path)?);
        let mut child = Command::new(program)
            .args([
                "-v",
                "error",
                "-nostdin",
                "-protocol_whitelist",
                "file",
                "-format_whitelist",
                FORMATS,
            ])
            .arg("-i")
            .arg(input)
            // Every picture once, whatever its time; only pictures marked as interlaced are deinterlaced.
            .args([
                "-map",
                "0:v:0",
                "-fps_mode",
                "passthrough",
                "-vf",
                "yadif=deint=interlaced",
            ])
            .args(["-f", "yuv4mpegpipe", "-strict", "-1", "-pix_fmt", "yuv420p", "-"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => Fault::Tool(format!(
                    "not a PNG, JPEG, DICOM, Y4M or MetaImage file; other videos are read through {program}, \
                     which is not installed (Debian: apt-get install ffmpeg)"
                )),
                _ => Fault::Tool(format!("{program} cannot be started: {error}")),
            })?;
        let stdout = child.stdout.take().expect("stdout is piped");
        let stderr = child.stderr.take().expect("stderr is piped");
        let mut ffmpeg = Ffmpeg { child, words: None };
        let listener = thread::Builder::new().name("ffmpeg-words".into());
        ffmpeg.words = Some(listener.spawn(move || last_words(stderr))?);
        match Y4m::new(BufReader::with_capacity(1 << 18, stdout), None) {
            Ok(y4m) => Ok(Self { y4m, ffmpeg }),
            Err(fault) => Err(ffmpeg.explain(fault)),
        }
    }
}

impl Recording for Video {
    fn next(&mut self, into: &mut Vec<u8>) -> Result<Option<Picture>, Fault> {
        match self.y4m.next(into) {
            Ok(None) => self.ffmpeg.ended().map(|()| None),
            Err(fault) => Err(self.ffmpeg.explain(fault)),
            picture => picture,
        }
    }

    fn describe(&self) -> String {
        format!("{}, through ffmpeg", self.y4m.describe())
    }

    fn len(&self) -> Option<u64> {
        None
    }
}

/// The running program. It is killed when this is dropped.
struct Ffmpeg {
    child: Child,
    words: Option<JoinHandle<String>>,
}

impl Ffmpeg {
    /// Waits for a program whose output has ended, and says what went wrong if anything did.
    fn ended(&mut self) -> Result<(), Fault> {
        let status = self.child.wait()?;
        match (status.success(), self.said()) {
            (true, words) if words.is_empty() => Ok(()),
            (true, words) => Err(Fault::corrupt(format!("a part is damaged; ffmpeg says: {words}"))),
            (false, words) => Err(Fault::Tool(format!("ffmpeg cannot read it ({status}): {words}"))),
        }
    }

    /// Ends the program: the fault is what it says is wrong, or else `fault`.
    fn explain(&mut self, fault: Fault) -> Fault {
        self.stop();
        match self.said() {
            words if words.is_empty() => fault,
            words => Fault::Tool(format!("ffmpeg cannot read it: {words}")),
        }
    }

    /// All that an ended program said.
    fn said(&mut self) -> String {
        self.words
            .take()
            .and_then(|thread| thread.join().ok())
            .unwrap_or_default()
    }

    fn stop(&mut self) {
        // Both fail only if the program is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Ffmpeg {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.words.take() {
            let _ = thread.join();
        }
    }
}

/// The last [`WORDS`] bytes of what is said, on one line.
fn last_words(mut said: ChildStderr) -> String {
    let mut kept = Vec::new();
    let mut piece = [0; 512];
    while let Ok(count @ 1..) = said.read(&mut piece) {
        kept.extend_from_slice(&piece[..count]);
        kept.drain(..kept.len().saturating_sub(WORDS));
    }
    let text = String::from_utf8_lossy(&kept);
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("; ")
}
