//! A DICOM file up to its pixel data: the elements that say how pictures are stored, and where they lie.
//!
//! `dicom-object` is not used for this: it takes an element's length on trust (one flipped bit makes it ask for
//! 4 GiB) and descends into sequences by recursion (nesting overflows the stack, which ends the daemon). Here
//! one counter stands for all nesting, and only what is wanted is read.
//! Encoding: DICOM PS3.5, sections 7 and A; file: PS3.10, section 7.

use std::collections::BTreeMap;
use std::io::{BufRead, Seek, SeekFrom};

use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};

use crate::capture::clip::fault::Fault;

/// Longest value that is read, in bytes: a segmented palette is the longest one wanted.
const MAX_VALUE: u64 = 1 << 20;

/// Most fragments that are indexed.
const MAX_FRAGMENTS: usize = 1 << 20;

/// Explicit VR Big Endian, retired in 2006 (PS3.5, section A.3).
const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

/// The length that says "until its delimiter".
const UNDEFINED: u32 = u32::MAX;

/// A piece of the file: where it begins and how many bytes it has.
pub type Span = (u64, u64);

/// Where the pictures' bytes lie.
#[derive(Debug)]
pub enum Pixels {
    /// One behind the other. The length is what the file claims.
    Native(Span),
    /// In fragments, each wholly in the file; with the basic offset table, which may be empty.
    Fragments { table: Vec<u32>, spans: Vec<Span> },
}

/// What a file says before its pictures.
#[derive(Debug)]
pub struct Header {
    pub syntax: String,
    pub pixels: Pixels,
    values: BTreeMap<Tag, Vec<u8>>,
}

impl Header {
    /// Reads up to the pixel data, leaving the file anywhere.
    pub fn read(file: &mut (impl BufRead + Seek)) -> Result<Self, Fault> {
        let end = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(128))?;
        let mut file = Walker { file, at: 128, end };
        if &file.bytes::<4>()? != b"DICM" {
            return Err(Fault::corrupt("not a DICOM file: DICM is not at byte 128"));
        }
        let mut values = BTreeMap::<Tag, Vec<u8>>::new();
        // The file's own elements (group 0002) are explicit, whatever follows them.
        let mut explicit = true;
        let mut in_meta = true;
        let mut depth = 0u32;
        // Depth from which on elements are implicit: inside an undefined length of unknown VR.
        let mut unknown_from = None;
        while file.at < end {
            let tag = Tag(file.u16()?, file.u16()?);
            if tag.group() == 0xfffe {
                let length = file.u32()?;
                match (tag.element(), length) {
                    (0xe000, UNDEFINED) if depth > 0 => depth += 1,
                    (0xe000, _) if depth > 0 => file.skip(tag, length.into())?,
                    (0xe00d | 0xe0dd, _) if depth > 0 => depth -= 1,
                    _ => return Err(Fault::corrupt(format!("{tag} stands where no sequence is open"))),
                }
                unknown_from = unknown_from.filter(|&from| depth >= from);
                continue;
            }
            if in_meta && tag.group() != 2 {
                in_meta = false;
                let syntax = values.get(&tags::TRANSFER_SYNTAX_UID).map(|value| text(value));
                explicit = encoding(syntax.as_deref())?;
            }
            let (vr, length) = match explicit && unknown_from.is_none() {
                true => file.explicit(tag)?,
                false => ([0; 2], file.u32()?),
            };
            if tag == tags::PIXEL_DATA && depth == 0 {
                let pixels = match length {
                    UNDEFINED => file.fragments()?,
                    _ => Pixels::Native((file.at, length.into())),
                };
                let syntax = values.get(&tags::TRANSFER_SYNTAX_UID).map(|value| text(value));
                return Ok(Self {
                    syntax: syntax.unwrap_or_default(),
                    pixels,
                    values,
                });
            } else if length == UNDEFINED {
                depth += 1;
                if &vr == b"UN" && unknown_from.is_none() {
                    unknown_from = Some(depth);
                }
            } else if depth == 0 && wanted(tag) {
                values.insert(tag, file.value(tag, length.into())?);
            } else {
                file.skip(tag, length.into())?;
            }
        }
        Err(Fault::corrupt("the file holds no pixel data (7FE0,0010)"))
    }

    /// A value's bytes.
    pub fn bytes(&self, tag: Tag) -> Option<&[u8]> {
        self.values.get(&tag).map(Vec::as_slice)
    }

    /// The 16-bit numbers of a value (US, SS, OW).
    pub fn words(&self, tag: Tag) -> Option<Vec<u16>> {
        let words = self.bytes(tag)?.chunks_exact(2);
        Some(words.map(|w| u16::from_le_bytes([w[0], w[1]])).collect())
    }

    /// The first 16-bit number of a value.
    pub fn word(&self, tag: Tag) -> Option<u16> {
        self.words(tag)?.first().copied()
    }

    /// The numbers of a value written as text (IS, DS), up to the first that cannot be read.
    pub fn numbers(&self, tag: Tag) -> Vec<f64> {
        let written = self.text(tag);
        written
            .split('\\')
            .map_while(|number| number.trim().parse().ok())
            .collect()
    }

    /// A value as text without its padding; empty where there is none.
    pub fn text(&self, tag: Tag) -> String {
        self.bytes(tag).map(text).unwrap_or_default()
    }
}

/// Elements that say how pictures look and when they were taken.
fn wanted(tag: Tag) -> bool {
    const ALSO: [Tag; 6] = [
        tags::TRANSFER_SYNTAX_UID,
        tags::RECOMMENDED_DISPLAY_FRAME_RATE,
        tags::CINE_RATE,
        tags::FRAME_TIME,
        tags::FRAME_TIME_VECTOR,
        tags::EXTENDED_OFFSET_TABLE,
    ];
    tag.group() == 0x0028 || ALSO.contains(&tag)
}

/// Whether the elements of a transfer syntax name their VR.
fn encoding(syntax: Option<&str>) -> Result<bool, Fault> {
    match syntax {
        None => Err(Fault::corrupt("the file names no transfer syntax (0002,0010)")),
        Some(uids::IMPLICIT_VR_LITTLE_ENDIAN) => Ok(false),
        Some(BIG_ENDIAN | uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN) => Err(Fault::unsupported(
            "a big-endian or deflated DICOM file",
            "a little-endian transfer syntax",
        )),
        Some(_) => Ok(true),
    }
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value)
        .trim_matches(['\0', ' '])
        .to_string()
}

/// Reads a file whose position it knows.
struct Walker<'a, F> {
    file: &'a mut F,
    at: u64,
    end: u64,
}

impl<F: BufRead + Seek> Walker<'_, F> {
    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let mut bytes = [0; N];
        self.file.read_exact(&mut bytes)?;
        self.at += N as u64;
        Ok(bytes)
    }

    fn u16(&mut self) -> Result<u16, Fault> {
        self.bytes().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, Fault> {
        self.bytes().map(u32::from_le_bytes)
    }

    /// VR and length of an element of explicit VR (PS3.5, section 7.1.2).
    fn explicit(&mut self, tag: Tag) -> Result<([u8; 2], u32), Fault> {
        let vr = self.bytes()?;
        let length = match &vr {
            b"OB" | b"OD" | b"OF" | b"OL" | b"OV" | b"OW" | b"SQ" | b"SV" | b"UC" | b"UN" | b"UR" | b"UT"
            | b"UV" => {
                self.u16()?;
                self.u32()?
            }
            [b'A'..=b'Z', b'A'..=b'Z'] => self.u16()?.into(),
            _ => return Err(Fault::corrupt(format!("{tag} has no value representation"))),
        };
        Ok((vr, length))
    }

    fn fits(&self, tag: Tag, length: u64) -> Result<(), Fault> {
        if self.at + length > self.end {
            return Err(Fault::corrupt(format!(
                "the file ends early: {tag} needs {length} bytes, {} are left",
                self.end - self.at
            )));
        }
        Ok(())
    }

    fn skip(&mut self, tag: Tag, length: u64) -> Result<(), Fault> {
        self.fits(tag, length)?;
        self.at += length;
        self.file.seek_relative(length as i64)?;
        Ok(())
    }

    fn value(&mut self, tag: Tag, length: u64) -> Result<Vec<u8>, Fault> {
        self.fits(tag, length)?;
        if length > MAX_VALUE {
            return Err(Fault::corrupt(format!(
                "{tag} has {length} bytes; expected at most {MAX_VALUE}"
            )));
        }
        let mut value = vec![0; length as usize];
        self.file.read_exact(&mut value)?;
        self.at += length;
        Ok(value)
    }

    /// Encapsulated pixel data (PS3.5, section A.4). Fragments beyond the end of the file are left out.
    fn fragments(&mut self) -> Result<Pixels, Fault> {
        let mut table = None;
        let mut spans = Vec::new();
        while self.end - self.at >= 8 {
            let tag = Tag(self.u16()?, self.u16()?);
            let length = u64::from(self.u32()?);
            match tag.element() {
                0xe000 if tag.group() == 0xfffe => {}
                0xe0dd if tag.group() == 0xfffe => break,
                _ => {
                    return Err(Fault::corrupt(format!(
                        "{tag} stands between fragments of pixel data"
                    )));
                }
            }
            if table.is_none() {
                let words = self.value(tag, length)?;
                let words = words.chunks_exact(4);
                table = Some(
                    words
                        .map(|w| u32::from_le_bytes([w[0], w[1], w[2], w[3]]))
                        .collect(),
                );
                continue;
            }
            if self.fits(tag, length).is_err() {
                break;
            }
            if spans.len() == MAX_FRAGMENTS {
                return Err(Fault::corrupt("the pixel data has more than a million fragments"));
            }
            spans.push((self.at, length));
            self.skip(tag, length)?;
        }
        Ok(Pixels::Fragments {
            table: table.unwrap_or_default(),
            spans,
        })
    }
}
