//! YUV4MPEG2 streams (y4m): uncompressed 8-bit video with a line of text before the stream and each picture.
//!
//! The format as `yuv4mpeg(5)` of mjpegtools and ffmpeg's muxer have it. Progressive pictures only. What the format
//! has no word for is in `X` fields, which other programs pass over: see [`super::super::recorder`].

use std::io::{BufRead, Read};
use std::time::Duration;

use super::colour;
use super::fault::{Fault, check_size, read_exactly};
use super::{Picture, Recording};
use crate::frame::{FrameFormat, Matrix, PixelFormat, Range};

/// Longest header line that is read, in bytes.
const MAX_LINE: u64 = 4096;

/// A y4m stream from a file or a pipe.
pub struct Y4m<R> {
    input: R,
    header: Header,
    /// One stored picture.
    planes: Vec<u8>,
    /// Pictures given so far.
    given: u64,
    frames: Option<u64>,
}

impl<R: BufRead> Y4m<R> {
    /// Reads the stream's header; `bytes` is the length of the whole stream where that is known.
    pub fn new(mut input: R, bytes: Option<u64>) -> Result<Self, Fault> {
        let line = line(&mut input)?;
        let header = Header::parse(&line)?;
        let stored = header.luma() + 2 * header.chroma();
        // The first picture's line stands for all.
        let line_end = input.fill_buf()?.iter().position(|&byte| byte == b'\n');
        let frame_line = line_end.map_or(b"FRAME\n".len(), |end| end + 1);
        Ok(Self {
            frames: bytes.map(|n| n.saturating_sub(line.len() as u64) / (stored + frame_line) as u64),
            input,
            header,
            planes: Vec::new(),
            given: 0,
        })
    }
}

impl<R: BufRead + Send> Recording for Y4m<R> {
    fn next(&mut self, into: &mut Vec<u8>) -> Result<Option<Picture>, Fault> {
        let line = line(&mut self.input)?;
        if line.is_empty() {
            return Ok(None);
        }
        if !line.starts_with(b"FRAME") {
            return Err(Fault::corrupt(
                "expected a line beginning with FRAME before the picture",
            ));
        }
        let Header { chroma, width, .. } = self.header;
        let (luma, plane) = (self.header.luma(), self.header.chroma());
        let format = self.header.format();
        self.planes.clear();
        let straight = chroma == Chroma::C420 || format.pixels == PixelFormat::Grey;
        let stored = if straight { &mut *into } else { &mut self.planes };
        read_exactly(&mut self.input, luma + 2 * plane, stored)?;
        if !straight {
            let (y, rest) = self.planes.split_at(luma);
            let (u, v) = rest.split_at(plane);
            match chroma {
                Chroma::C422 => colour::yuyv(y, u, v, width as usize, into),
                _ => colour::interleave([y, u, v], into),
            }
        }
        let t = stamp(&line)?.unwrap_or_else(|| self.header.time(self.given));
        self.given += 1;
        Ok(Some(Picture { format, t }))
    }

    fn describe(&self) -> String {
        let Header {
            width, height, rate, ..
        } = self.header;
        let rate = rate.0 as f64 / rate.1 as f64;
        format!("{width}x{height} video, {rate:.3} pictures a second")
    }

    fn len(&self) -> Option<u64> {
        self.frames
    }
}

/// The time stamp of a picture's line, where it has one.
fn stamp(line: &[u8]) -> Result<Option<Duration>, Fault> {
    let mut fields = line.trim_ascii_end().split(|&byte| byte == b' ');
    let Some(nanos) = fields.find_map(|field| field.strip_prefix(b"XT=")) else {
        return Ok(None);
    };
    let nanos = str::from_utf8(nanos).ok().and_then(|text| text.parse().ok());
    let damaged = || Fault::corrupt("a picture's time stamp (XT) is not a number of nanoseconds");
    nanos.map(Duration::from_nanos).map(Some).ok_or_else(damaged)
}

/// A line with its newline; empty at the end of the stream.
fn line(input: &mut impl BufRead) -> Result<Vec<u8>, Fault> {
    let mut line = Vec::new();
    input.take(MAX_LINE).read_until(b'\n', &mut line)?;
    if !line.is_empty() && line.last() != Some(&b'\n') {
        return Err(Fault::corrupt(format!(
            "the file ends early or a header line has more than {MAX_LINE} bytes"
        )));
    }
    Ok(line)
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Chroma {
    C420,
    C422,
    C444,
    Mono,
}

#[derive(Debug, PartialEq)]
struct Header {
    width: u32,
    height: u32,
    chroma: Chroma,
    /// Pictures a second, as a fraction of positive numbers.
    rate: (u32, u32),
    /// As the stream says; most say nothing.
    range: Option<Range>,
    matrix: Option<Matrix>,
    /// Whether the three planes are red, green and blue.
    rgb: bool,
}

impl Header {
    fn parse(line: &[u8]) -> Result<Self, Fault> {
        let text = str::from_utf8(line)
            .ok()
            .and_then(|text| text.strip_prefix("YUV4MPEG2 "));
        let text = text.ok_or_else(|| Fault::corrupt("expected a first line beginning with YUV4MPEG2"))?;
        let damaged = |field: &str| Fault::corrupt(format!("the header's field \"{field}\" cannot be read"));
        let (mut width, mut height) = (None, None);
        let (mut chroma, mut rate) = (Chroma::C420, (25, 1));
        let (mut range, mut matrix, mut rgb) = (None, None, false);
        for field in text.split_ascii_whitespace() {
            let (name, value) = field.split_at_checked(1).ok_or_else(|| damaged(field))?;
            match name {
                "W" => width = Some(value.parse::<u32>().map_err(|_| damaged(field))?),
                "H" => height = Some(value.parse::<u32>().map_err(|_| damaged(field))?),
                "F" => {
                    let (over, under) = value.split_once(':').ok_or_else(|| damaged(field))?;
                    let number = |text: &str| text.parse::<u32>().map_err(|_| damaged(field));
                    // 0:0 and the like are an unknown rate.
                    rate = match (number(over)?, number(under)?) {
                        (over @ 1.., under @ 1..) => (over, under),
                        _ => rate,
                    };
                }
                "I" if !matches!(value, "p" | "?") => {
                    return Err(Fault::unsupported(
                        format!("interlaced video ({field})"),
                        "progressive video; deinterlace it first",
                    ));
                }
                "C" => {
                    chroma = match value {
                        "420" | "420jpeg" | "420mpeg2" | "420paldv" => Chroma::C420,
                        "422" => Chroma::C422,
                        "444" => Chroma::C444,
                        "mono" => Chroma::Mono,
                        _ => {
                            return Err(Fault::unsupported(
                                format!("the y4m colour space {value}"),
                                "C420, C420jpeg, C420mpeg2, C420paldv, C422, C444, Cmono",
                            ));
                        }
                    }
                }
                "X" if value == "COLORRANGE=FULL" => range = Some(Range::Full),
                "X" if value == "COLORRANGE=LIMITED" => range = Some(Range::Limited),
                "X" if value == "MATRIX=BT601" => matrix = Some(Matrix::Bt601),
                "X" if value == "MATRIX=BT709" => matrix = Some(Matrix::Bt709),
                "X" if value == "PLANES=RGB" => rgb = true,
                _ => {}
            }
        }
        let (Some(width), Some(height)) = (width, height) else {
            return Err(Fault::corrupt("the header gives no width (W) or no height (H)"));
        };
        let (width, height) = check_size(width.into(), height.into(), 3)?;
        Ok(Self {
            width,
            height,
            chroma,
            rate,
            range,
            matrix,
            rgb,
        })
    }

    /// Bytes of the luma plane.
    fn luma(&self) -> usize {
        self.width as usize * self.height as usize
    }

    /// Bytes of one chroma plane.
    fn chroma(&self) -> usize {
        let (width, height) = (self.width as usize, self.height as usize);
        match self.chroma {
            Chroma::C420 => width.div_ceil(2) * height.div_ceil(2),
            Chroma::C422 => width.div_ceil(2) * height,
            Chroma::C444 => width * height,
            Chroma::Mono => 0,
        }
    }

    fn format(&self) -> FrameFormat {
        let pixels = match self.chroma {
            Chroma::C420 => PixelFormat::Yuv420,
            Chroma::C422 => PixelFormat::Yuyv,
            Chroma::C444 if self.rgb => PixelFormat::Rgb24,
            Chroma::C444 => PixelFormat::Yuv24,
            Chroma::Mono => PixelFormat::Grey,
        };
        let format = FrameFormat::packed(pixels, self.width, self.height);
        FrameFormat {
            range: self.range.unwrap_or(format.range),
            matrix: self.matrix.unwrap_or(format.matrix),
            ..format
        }
    }

    fn time(&self, n: u64) -> Duration {
        let nanos = u128::from(n) * u128::from(self.rate.1) * 1_000_000_000 / u128::from(self.rate.0);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read = (FrameFormat, Duration, Vec<u8>);

    fn read(stream: &[u8]) -> Result<Vec<Read>, Fault> {
        let mut y4m = Y4m::new(stream, Some(stream.len() as u64))?;
        let mut all = Vec::new();
        let mut into = Vec::new();
        while let Some(Picture { format, t }) = y4m.next(&mut into)? {
            all.push((format, t, std::mem::take(&mut into)));
        }
        assert_eq!(y4m.len(), Some(all.len() as u64));
        Ok(all)
    }

    #[test]
    fn every_colour_space_becomes_a_frame_format() {
        let frames = read(
            b"YUV4MPEG2 W2 H2 F30000:1001 Ip A1:1 C420mpeg2 XCOLORRANGE=FULL\n\
                            FRAME\nabcdefFRAME Ix\nghijkl",
        )
        .expect("4:2:0");
        assert_eq!(frames[0].2, b"abcdef");
        assert_eq!(frames[1].1, Duration::from_nanos(33_366_666));
        assert_eq!(
            (frames[0].0.pixels, frames[0].0.range),
            (PixelFormat::Yuv420, Range::Full)
        );

        let frames = read(b"YUV4MPEG2 W3 H1 F25:1 C422\nFRAME\nabcdefg").expect("4:2:2");
        assert_eq!(
            (frames[0].0.pixels, &frames[0].2[..]),
            (PixelFormat::Yuyv, &b"adbfcecg"[..])
        );

        let frames = read(b"YUV4MPEG2 W1 H2 F25:1 C444\nFRAME\nabcdef").expect("4:4:4");
        assert_eq!(
            (frames[0].0.pixels, frames[0].0.range, &frames[0].2[..]),
            (PixelFormat::Yuv24, Range::Limited, &b"acebdf"[..])
        );

        for (mark, range) in [("", Range::Full), (" XCOLORRANGE=LIMITED", Range::Limited)] {
            let mono = format!("YUV4MPEG2 W2 H1 F25:1 Cmono{mark}\nFRAME\nab");
            let frames = read(mono.as_bytes()).expect("mono");
            assert_eq!(
                (frames[0].0.pixels, frames[0].0.range, &frames[0].2[..]),
                (PixelFormat::Grey, range, &b"ab"[..])
            );
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_in_words() {
        let words = |stream: &[u8]| match read(stream).expect_err("refused") {
            Fault::Corrupt(reason) => reason,
            Fault::Unsupported { found, .. } => found,
            other => panic!("{other:?}"),
        };
        assert!(words(b"YUV4MPEG2 W4 H4 F25:1 It C420\n").contains("interlaced"));
        assert!(words(b"YUV4MPEG2 W4 H4 C420p10\n").contains("420p10"));
        assert!(words(b"YUV4MPEG2 W4\n").contains("no height"));
        assert!(words(b"YUV4MPEG2 W0 H4\n").contains("0x4"));
        assert!(words(b"YUV4MPEG2 W16384 H99999\n").contains("99999"));
        assert!(words(b"YUV4MPEG2 W4 H4 F25\n").contains("F25"));
        assert!(words(b"YUV4MPEG2 W2 H2\nFRAME\nabc").contains("ends early"));
        assert!(words(b"YUV4MPEG2 W2 H2\nFRAME XT=soon\nabcdef").contains("XT"));
        assert!(words(b"YUV4MPEG2 W2 H2\nPICTURE\nabcdef").contains("FRAME"));
        assert!(words(&[b'Y'; 9000]).contains("header line"));
    }
}
