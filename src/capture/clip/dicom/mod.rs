//! DICOM ultrasound pictures and clips (PS3.3, sections A.6 and A.7), read and decoded frame by frame.
//!
//! Only the header's few elements and one frame are held in memory. Regions, calibration and patient data are
//! not read.

mod codec;
mod header;
mod palette;
mod pixels;

#[cfg(test)]
mod tests;

use std::io::{BufRead, Seek, SeekFrom};
use std::time::Duration;

use dicom_dictionary_std::tags;

use self::codec::Codec;
use self::header::{Header, Pixels, Span};
use self::pixels::Image;
use super::fault::{Fault, MAX_BYTES, read_exactly};
use super::{Picture, Recording, STEP};

/// Most frames that a file may promise.
const MAX_FRAMES: u64 = 1 << 20;

/// A DICOM file.
pub struct Dicom<F> {
    file: F,
    image: Image,
    codec: Codec,
    syntax: String,
    /// Where each frame that is wholly in the file lies.
    frames: Vec<Vec<Span>>,
    /// Frames that the header promises.
    promised: u64,
    times: Times,
    next: usize,
}

impl<F: BufRead + Seek> Dicom<F> {
    pub fn new(mut file: F) -> Result<Self, Fault> {
        let header = Header::read(&mut file)?;
        let codec = Codec::of(&header.syntax)?;
        let image = Image::read(&header)?;
        let promised = header
            .numbers(tags::NUMBER_OF_FRAMES)
            .first()
            .map_or(1, |&n| n as u64)
            .max(1);
        if promised > MAX_FRAMES {
            return Err(Fault::corrupt(format!(
                "the header promises {promised} frames; expected at most {MAX_FRAMES}"
            )));
        }
        let frames = match &header.pixels {
            Pixels::Native(span) if codec == Codec::Native => {
                let end = file.seek(SeekFrom::End(0))?;
                native(*span, end, image.native_bytes() as u64, promised)
            }
            Pixels::Fragments { table, spans } => gather(&mut file, &header, table, spans, promised)?,
            Pixels::Native(_) => return Err(Fault::corrupt("compressed pixel data is not in fragments")),
        };
        if frames.is_empty() {
            return Err(Fault::corrupt(format!(
                "the file holds none of its {promised} frames"
            )));
        }
        Ok(Self {
            file,
            image,
            codec,
            syntax: header.syntax.clone(),
            frames,
            promised,
            times: Times::read(&header),
            next: 0,
        })
    }

    fn stored(&mut self, spans: &[Span]) -> Result<Vec<u8>, Fault> {
        let length: u64 = spans.iter().map(|span| span.1).sum();
        if length > MAX_BYTES {
            return Err(Fault::unsupported("a frame of more than 1 GiB", "a smaller one"));
        }
        let mut stored = Vec::with_capacity(length as usize);
        for &(at, length) in spans {
            self.file.seek(SeekFrom::Start(at))?;
            read_exactly(&mut self.file, length as usize, &mut stored)?;
        }
        Ok(stored)
    }
}

impl<F: BufRead + Seek + Send> Recording for Dicom<F> {
    fn next(&mut self, into: &mut Vec<u8>) -> Result<Option<Picture>, Fault> {
        let n = self.next;
        if n as u64 >= self.promised {
            return Ok(None);
        }
        self.next += 1;
        let Some(spans) = self.frames.get_mut(n).map(std::mem::take) else {
            let (there, promised) = (self.frames.len(), self.promised);
            return Err(Fault::corrupt(format!(
                "the file ends after {there} of {promised} frames"
            )));
        };
        let stored = self.stored(&spans)?;
        let samples = match self.codec {
            Codec::Native if stored.len() < self.image.native_bytes() => {
                let (there, needed) = (stored.len(), self.image.native_bytes());
                return Err(Fault::corrupt(format!(
                    "the frame has {there} bytes; expected {needed}"
                )));
            }
            Codec::Native => self.image.native(stored),
            Codec::Rle => codec::rle(&stored, &self.image)?,
            Codec::Jpeg => codec::jpeg(stored, &self.image, &self.syntax)?,
            Codec::Jpeg2000 => codec::jpeg2000(stored, &self.image, &self.syntax)?,
        };
        let format = self.image.show(samples, into);
        let t = self.times.of(n);
        Ok(Some(Picture { format, t }))
    }

    fn goes_on(&self) -> bool {
        self.next <= self.frames.len()
    }

    fn describe(&self) -> String {
        let Image { width, height, .. } = self.image;
        format!("{width}x{height} DICOM, {} frames", self.promised)
    }

    fn len(&self) -> Option<u64> {
        Some(self.promised)
    }
}

/// Frames that lie one behind the other, as far as the file reaches.
fn native((begin, claimed): Span, end: u64, frame: u64, promised: u64) -> Vec<Vec<Span>> {
    let there = claimed.min(end.saturating_sub(begin)) / frame;
    (0..promised.min(there))
        .map(|n| vec![(begin + n * frame, frame)])
        .collect()
}

/// Which fragments make up each frame (PS3.5, section A.4): one each, or all, or from one offset of the table
/// to the next, or, where there is no whole table, from one beginning of a JPEG stream to the next.
fn gather(
    file: &mut (impl BufRead + Seek),
    header: &Header,
    table: &[u32],
    spans: &[Span],
    promised: u64,
) -> Result<Vec<Vec<Span>>, Fault> {
    if spans.len() as u64 == promised {
        return Ok(spans.iter().map(|&span| vec![span]).collect());
    } else if promised == 1 {
        return Ok(vec![spans.to_vec()]
            .into_iter()
            .filter(|frame| !frame.is_empty())
            .collect());
    }
    let extended = header
        .bytes(tags::EXTENDED_OFFSET_TABLE)
        .unwrap_or_default()
        .chunks_exact(8);
    let extended = extended.filter_map(|offset| offset.try_into().ok().map(u64::from_le_bytes));
    let offsets: Vec<u64> = extended.chain(table.iter().copied().map(u64::from)).collect();
    let mut frames: Vec<Vec<Span>> = Vec::new();
    for span in spans {
        let begins = if offsets.len() as u64 != promised {
            file.seek(SeekFrom::Start(span.0))?;
            let mut head = Vec::new();
            read_exactly(file, span.1.min(2) as usize, &mut head)?;
            head == [0xff, 0xd8] || head == [0xff, 0x4f]
        } else {
            // Offsets count from the first fragment's item, whose tag and length take 8 bytes.
            offsets.binary_search(&(span.0 - spans[0].0)).is_ok()
        };
        match frames.last_mut() {
            Some(frame) if !begins => frame.push(*span),
            _ => frames.push(vec![*span]),
        }
    }
    frames.truncate(usize::try_from(promised).unwrap_or(usize::MAX));
    Ok(frames)
}

/// When frames were taken.
enum Times {
    /// Since the first frame; the last one's step repeats.
    Vector(Vec<Duration>),
    /// From one frame to the next.
    Step(Duration),
}

impl Times {
    /// The vector where there is one, or else the step, the recommended rate or the cine rate (PS3.3, sections
    /// C.7.6.5 and C.7.6.6).
    fn read(header: &Header) -> Self {
        let millis = |ms: f64| {
            Duration::try_from_secs_f64(ms / 1000.0)
                .ok()
                .filter(|step| !step.is_zero())
        };
        let vector = header.numbers(tags::FRAME_TIME_VECTOR);
        if vector.len() > 1 {
            let mut t = Duration::ZERO;
            let times = vector.into_iter().enumerate().map(|(n, step)| {
                t = t.saturating_add(if n == 0 {
                    Duration::ZERO
                } else {
                    millis(step).unwrap_or_default()
                });
                t
            });
            return Self::Vector(times.collect());
        }
        let first = |tag| header.numbers(tag).first().copied().filter(|n| *n > 0.0);
        let rate = || first(tags::RECOMMENDED_DISPLAY_FRAME_RATE).or_else(|| first(tags::CINE_RATE));
        let step = first(tags::FRAME_TIME).or_else(|| rate().map(|rate| 1000.0 / rate));
        Self::Step(step.and_then(millis).unwrap_or(STEP))
    }

    fn of(&self, n: usize) -> Duration {
        let times = |step: Duration, n: usize| step.saturating_mul(u32::try_from(n).unwrap_or(u32::MAX));
        match self {
            Self::Step(step) => times(*step, n),
            Self::Vector(at) => at.get(n).copied().unwrap_or_else(|| match at[..] {
                [.., before, last] => last.saturating_add(times(last - before, n + 1 - at.len())),
                _ => times(STEP, n),
            }),
        }
    }
}
