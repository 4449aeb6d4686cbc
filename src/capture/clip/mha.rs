//! MetaImage sequences (`.mha`), as PLUS and 3D Slicer record a scanner's screen: a text header, then 8-bit
//! pictures one after the other, plain or as one zlib stream.
//!
//! Format: MetaIO's `MetaImage` documentation; the sequence fields (`Seq_Frame0000_Timestamp`) are PLUS's.

use std::collections::HashMap;
use std::io::{BufRead, Read};
use std::time::Duration;

use flate2::read::ZlibDecoder;

use super::fault::{Fault, check_size, read_exactly};
use super::{Picture, Recording, STEP};
use crate::frame::{FrameFormat, PixelFormat};

/// Most bytes of header that are read: PLUS writes up to 4 KiB for each picture.
const MAX_HEADER: u64 = 32 << 20;

/// A MetaImage file whose pictures lie behind its header.
pub struct Mha {
    input: Box<dyn Read + Send>,
    header: Header,
    given: u64,
    /// Time stamp of the last picture.
    last: Duration,
}

impl Mha {
    pub fn new(mut input: impl BufRead + Send + 'static) -> Result<Self, Fault> {
        let header = Header::read(&mut input)?;
        let input: Box<dyn Read + Send> = match header.compressed {
            true => Box::new(ZlibDecoder::new(input)),
            false => Box::new(input),
        };
        Ok(Self {
            input,
            header,
            given: 0,
            last: Duration::ZERO,
        })
    }
}

impl Recording for Mha {
    fn next(&mut self, into: &mut Vec<u8>) -> Result<Option<Picture>, Fault> {
        if self.given == self.header.frames {
            return Ok(None);
        }
        let format = self.header.format;
        read_exactly(&mut self.input, format.bytes(), into)?;
        self.last = self.header.time(self.given).max(self.last);
        self.given += 1;
        Ok(Some(Picture { format, t: self.last }))
    }

    fn describe(&self) -> String {
        let FrameFormat { width, height, .. } = self.header.format;
        format!("{width}x{height} MetaImage, {} pictures", self.header.frames)
    }

    fn len(&self) -> Option<u64> {
        Some(self.header.frames)
    }
}

struct Header {
    format: FrameFormat,
    frames: u64,
    compressed: bool,
    /// Seconds, by picture.
    stamps: HashMap<u64, f64>,
}

impl Header {
    fn read(input: &mut impl BufRead) -> Result<Self, Fault> {
        let mut sizes = Vec::new();
        let (mut compressed, mut channels) = (false, 1);
        let mut element = String::from("no ElementType");
        let mut stamps = HashMap::new();
        let mut input = input.take(MAX_HEADER);
        loop {
            let mut line = Vec::new();
            if input.read_until(b'\n', &mut line)? == 0 {
                return Err(Fault::corrupt(
                    "the header ends before its line ElementDataFile = LOCAL",
                ));
            }
            let text = String::from_utf8_lossy(&line);
            let Some((key, value)) = text.split_once('=') else {
                return Err(Fault::corrupt("a header line is not of the form Key = Value"));
            };
            let (key, value) = (key.trim(), value.trim());
            match key {
                "DimSize" => {
                    let numbers = value
                        .split_ascii_whitespace()
                        .map(str::parse)
                        .collect::<Result<_, _>>();
                    sizes =
                        numbers.map_err(|_| Fault::corrupt(format!("DimSize = {value} are no numbers")))?;
                }
                "ElementType" => element = value.into(),
                "ElementNumberOfChannels" => channels = value.parse().unwrap_or(0),
                "CompressedData" => compressed = value.eq_ignore_ascii_case("true"),
                "ElementDataFile" if value == "LOCAL" => break,
                "ElementDataFile" => {
                    return Err(Fault::unsupported(
                        format!("a MetaImage with its pictures in another file ({value})"),
                        "ElementDataFile = LOCAL",
                    ));
                }
                _ => {
                    let frame = key
                        .strip_prefix("Seq_Frame")
                        .and_then(|k| k.strip_suffix("_Timestamp"));
                    if let (Some(Ok(n)), Ok(seconds)) = (frame.map(str::parse), value.parse()) {
                        stamps.insert(n, seconds);
                    }
                }
            }
        }
        let pixels = match (element.as_str(), channels) {
            ("MET_UCHAR", 1) => PixelFormat::Grey,
            ("MET_UCHAR", 3) => PixelFormat::Rgb24,
            _ => {
                return Err(Fault::unsupported(
                    format!("a MetaImage of {element} with {channels} channels"),
                    "MET_UCHAR with 1 or 3 channels",
                ));
            }
        };
        let [width, height, ref deeper @ ..] = sizes[..] else {
            return Err(Fault::corrupt("the header gives no DimSize of width and height"));
        };
        let frames = deeper.iter().try_fold(1u64, |product, &n| product.checked_mul(n));
        let frames =
            frames.ok_or_else(|| Fault::corrupt("DimSize gives an impossible number of pictures"))?;
        let (width, height) = check_size(width, height, 3)?;
        Ok(Self {
            format: FrameFormat::packed(pixels, width, height),
            frames,
            compressed,
            stamps,
        })
    }

    /// Since the first picture: the recorder's time stamps, or else the usual step.
    fn time(&self, n: u64) -> Duration {
        match (self.stamps.get(&0), self.stamps.get(&n)) {
            (Some(first), Some(this)) => Duration::try_from_secs_f64(this - first).unwrap_or_default(),
            _ => STEP.saturating_mul(u32::try_from(n).unwrap_or(u32::MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use super::*;

    fn words(file: &[u8]) -> String {
        match Mha::new(Cursor::new(file.to_vec())).err().expect("refused") {
            Fault::Corrupt(reason) => reason,
            Fault::Unsupported { found, .. } => found,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn plain_and_compressed_sequences_give_the_same_pictures() {
        let header = |compressed| {
            format!(
                "ObjectType = Image\nNDims = 3\nDimSize = 3 2  2 \nElementType = MET_UCHAR\n\
                 CompressedData = {compressed}\nSeq_Frame0000_Timestamp = 15.5\n\
                 Seq_Frame0001_Timestamp = 15.625\nElementDataFile = LOCAL\n"
            )
        };
        let mut plain = header("False").into_bytes();
        plain.extend(b"abcdefghijkl");
        let mut packed = header("True").into_bytes();
        let mut zlib = flate2::write::ZlibEncoder::new(&mut packed, flate2::Compression::default());
        zlib.write_all(b"abcdefghijkl").expect("a vector takes all");
        zlib.finish().expect("a vector takes all");
        for file in [plain, packed] {
            let mut mha = Mha::new(Cursor::new(file)).expect("a good header");
            let mut into = Vec::new();
            assert_eq!(
                mha.next(&mut into).expect("good").expect("the first").t,
                Duration::ZERO
            );
            assert_eq!(into, b"abcdef");
            into.clear();
            let second = mha.next(&mut into).expect("good").expect("the second");
            assert_eq!((second.t, second.format.width), (Duration::from_millis(125), 3));
            assert_eq!(into, b"ghijkl");
            assert!(mha.next(&mut into).expect("good").is_none());
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused_in_words() {
        assert!(words(b"ObjectType = Image\n").contains("ElementDataFile"));
        assert!(words(b"DimSize = 2 x\n").contains("no numbers"));
        assert!(words(b"ElementType = MET_SHORT\nElementDataFile = LOCAL\n").contains("MET_SHORT"));
        assert!(words(b"ElementDataFile = other.raw\n").contains("other.raw"));
        let sized =
            |size: &str| format!("DimSize = {size}\nElementType = MET_UCHAR\nElementDataFile = LOCAL\n");
        assert!(words(sized("4").as_bytes()).contains("no DimSize"));
        assert!(words(sized("4 99999").as_bytes()).contains("4x99999"));
        assert!(words(sized("4 4 99999999999 99999999999").as_bytes()).contains("impossible"));
    }
}
