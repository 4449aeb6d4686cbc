//! One frame's stored bytes → samples, pixel by pixel.
//!
//! JPEG and JPEG 2000 go through `dicom-pixeldata`, one frame at a time in an object of its own. Its decoders
//! panic where a stream's size is not the header's and guess at colours, so both are settled before. Its RLE
//! decoder panics on a damaged header; the one here does not.

use dicom_core::value::PixelFragmentSequence;
use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::meta::FileMetaTableBuilder;
use dicom_object::{FileDicomObject, InMemDicomObject};
use dicom_pixeldata::PixelDecoder;

use super::pixels::{Image, Photometric};
use crate::capture::clip::fault::Fault;
use crate::capture::clip::jpeg::Jpeg;

/// How the frames of a transfer syntax are coded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Codec {
    Native,
    Rle,
    Jpeg,
    Jpeg2000,
}

impl Codec {
    pub fn of(syntax: &str) -> Result<Self, Fault> {
        match syntax {
            uids::IMPLICIT_VR_LITTLE_ENDIAN
            | uids::EXPLICIT_VR_LITTLE_ENDIAN
            | uids::ENCAPSULATED_UNCOMPRESSED_EXPLICIT_VR_LITTLE_ENDIAN => Ok(Self::Native),
            uids::RLE_LOSSLESS => Ok(Self::Rle),
            uids::JPEG_BASELINE8_BIT
            | uids::JPEG_EXTENDED12_BIT
            | uids::JPEG_LOSSLESS
            | uids::JPEG_LOSSLESS_SV1 => Ok(Self::Jpeg),
            uids::JPEG2000_LOSSLESS | uids::JPEG2000 => Ok(Self::Jpeg2000),
            _ => Err(Fault::unsupported(
                format!("DICOM transfer syntax {syntax}"),
                "uncompressed, RLE, JPEG (baseline, extended, lossless) or JPEG 2000",
            )),
        }
    }
}

/// Decoded samples: those of a pixel together, least significant byte first.
pub struct Samples {
    pub bytes: Vec<u8>,
    /// Whether a sample has two bytes.
    pub wide: bool,
    /// Whether three samples are luma and chroma.
    pub ycbcr: bool,
}

/// Decodes a JPEG frame. Its components' identifiers are rewritten: the decoder tells colours by them.
pub fn jpeg(mut stream: Vec<u8>, image: &Image, syntax: &str) -> Result<Samples, Fault> {
    let jpeg = Jpeg::inspect(&stream)?;
    let found = [jpeg.width.into(), jpeg.height.into(), jpeg.components()];
    agree("JPEG", found, jpeg.precision, image)?;
    // The stream's own word first, as pydicom and dcmtk have it, then the header's.
    let ycbcr = jpeg.components() == 3 && (jpeg.says_ycbcr || image.photometric != Photometric::Rgb);
    if jpeg.components() == 3 {
        let names = if ycbcr { [1, 2, 3] } else { *b"RGB" };
        let (frame, scans) = jpeg
            .identifiers
            .split_first()
            .expect("inspected: it has a frame header");
        let old: Vec<u8> = frame.iter().map(|&at| stream[at]).collect();
        for &at in frame.iter().chain(scans.iter().flatten()) {
            match old.iter().position(|&id| id == stream[at]) {
                Some(n) => stream[at] = names[n],
                None => {
                    return Err(Fault::corrupt(
                        "a JPEG scan names a component that the frame does not have",
                    ));
                }
            }
        }
    }
    let wide = jpeg.precision > 8;
    let bytes = decode(stream, image, wide, syntax)?;
    // Streams coded by prediction are given as they are, others already as red, green and blue.
    let ycbcr = ycbcr && jpeg.lossless;
    Ok(Samples { bytes, wide, ycbcr })
}

/// Decodes a JPEG 2000 frame.
pub fn jpeg2000(stream: Vec<u8>, image: &Image, syntax: &str) -> Result<Samples, Fault> {
    let (precision, transformed) = inspect_jpeg2000(&stream, image)?;
    let wide = precision > 8;
    let bytes = decode(stream, image, wide, syntax)?;
    let ycbcr = !transformed && matches!(image.photometric, Photometric::YbrFull | Photometric::YbrFull422);
    Ok(Samples { bytes, wide, ycbcr })
}

/// Sample precision and whether the components are transformed, from the codestream's main header
/// (ITU-T T.800, annex A.5 and A.6).
fn inspect_jpeg2000(stream: &[u8], image: &Image) -> Result<(u8, bool), Fault> {
    let damaged = || Fault::corrupt("the JPEG 2000 codestream's header is damaged");
    let word = |at: usize| Some(u16::from_be_bytes(stream.get(at..at + 2)?.try_into().ok()?));
    let long = |at: usize| Some(u32::from_be_bytes(stream.get(at..at + 4)?.try_into().ok()?) as usize);
    if !stream.starts_with(&[0xff, 0x4f, 0xff, 0x51]) {
        return Err(Fault::corrupt(
            "not a JPEG 2000 codestream: it does not begin with SOC and SIZ",
        ));
    }
    let grid = |at| {
        Some((
            long(at)?.checked_sub(long(at + 8)?)?,
            long(at + 4)?.checked_sub(long(at + 12)?)?,
        ))
    };
    let (width, height) = grid(8).ok_or_else(damaged)?;
    let components = word(40).ok_or_else(damaged)?.into();
    let each = stream
        .get(42..42 + 3 * usize::from(image.samples))
        .ok_or_else(damaged)?;
    if each
        .chunks(3)
        .any(|c| c[0] > 15 || c[0] != each[0] || c[1..] != [1, 1])
    {
        return Err(Fault::unsupported(
            "a JPEG 2000 frame whose components differ or are signed, subsampled or of more than 16 bits",
            "equal unsigned components",
        ));
    }
    let precision = each[0] + 1;
    agree("JPEG 2000", [width, height, components], precision, image)?;
    let mut at = 4;
    loop {
        at += usize::from(word(at).ok_or_else(damaged)?);
        match word(at).ok_or_else(damaged)? {
            0xff52 => return Ok((precision, stream.get(at + 8) == Some(&1))),
            0xff51..0xff90 => at += 2,
            _ => return Err(damaged()),
        }
    }
}

/// Refuses streams that are not of the header's size: `found` is width, height and samples of a pixel.
fn agree(kind: &str, found: [usize; 3], precision: u8, image: &Image) -> Result<(), Fault> {
    let expected = [image.width as usize, image.height as usize, image.samples.into()];
    if found != expected {
        let [[w, h, n], [ew, eh, en]] = [found, expected];
        return Err(Fault::corrupt(format!(
            "the {kind} stream is {w}x{h} with {n} samples a pixel; the header says {ew}x{eh} with {en}"
        )));
    }
    if !(2..=16).contains(&precision) {
        return Err(Fault::unsupported(
            format!("a {kind} stream of {precision} bits"),
            "2 to 16 unsigned bits",
        ));
    }
    Ok(())
}

/// Decodes one frame in an object that holds it alone.
fn decode(stream: Vec<u8>, image: &Image, wide: bool, syntax: &str) -> Result<Vec<u8>, Fault> {
    let bits: u16 = if wide { 16 } else { 8 };
    let number = |tag, value: u16| DataElement::new(tag, VR::US, PrimitiveValue::from(value));
    let colours = if image.samples == 3 { "RGB" } else { "MONOCHROME2" };
    let mut frame = InMemDicomObject::from_element_iter([
        number(tags::SAMPLES_PER_PIXEL, image.samples),
        number(tags::ROWS, image.height as u16),
        number(tags::COLUMNS, image.width as u16),
        number(tags::BITS_ALLOCATED, bits),
        number(tags::BITS_STORED, bits),
        number(tags::HIGH_BIT, bits - 1),
        number(tags::PIXEL_REPRESENTATION, 0),
        number(tags::PLANAR_CONFIGURATION, 0),
        DataElement::new(
            tags::PHOTOMETRIC_INTERPRETATION,
            VR::CS,
            PrimitiveValue::from(colours),
        ),
        DataElement::new(tags::NUMBER_OF_FRAMES, VR::IS, PrimitiveValue::from("1")),
    ]);
    frame.put(DataElement::new(
        tags::PIXEL_DATA,
        VR::OB,
        PixelFragmentSequence::new_fragments(vec![stream]),
    ));
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax(syntax)
        .media_storage_sop_class_uid(uids::ULTRASOUND_IMAGE_STORAGE)
        .media_storage_sop_instance_uid("2.25.0");
    let frame: FileDicomObject<InMemDicomObject> = frame
        .with_meta(meta)
        .map_err(|error| Fault::corrupt(format!("the transfer syntax is damaged: {error}")))?;
    let decoded = frame
        .decode_pixel_data_frame(0)
        .map_err(|error| Fault::corrupt(words(&error)))?;
    let expected = image.sample_count() * if wide { 2 } else { 1 };
    match decoded.into_data() {
        bytes if bytes.len() == expected => Ok(bytes),
        bytes => {
            let found = bytes.len();
            Err(Fault::corrupt(format!(
                "the frame decodes to {found} bytes; expected {expected}"
            )))
        }
    }
}

/// An error and its causes on one line.
fn words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}

/// Decodes an RLE frame: for each sample, most significant byte first, a segment of packed bytes
/// (DICOM PS3.5, annex G).
pub fn rle(stored: &[u8], image: &Image) -> Result<Samples, Fault> {
    let word = |at: usize| Some(u32::from_le_bytes(stored.get(at..at + 4)?.try_into().ok()?) as usize);
    let depth = usize::from(image.bits_allocated / 8);
    let planes = usize::from(image.samples) * depth;
    if word(0) != Some(planes) {
        return Err(Fault::corrupt(format!(
            "the RLE frame does not have {planes} segments"
        )));
    }
    let pixels = image.sample_count() / usize::from(image.samples);
    let mut bytes = vec![0; pixels * planes];
    for plane in 0..planes {
        let begin = word(4 + 4 * plane).unwrap_or(usize::MAX);
        let end = if plane + 1 == planes {
            Some(stored.len())
        } else {
            word(8 + 4 * plane)
        };
        let segment = end.and_then(|end| stored.get(begin..end));
        let segment = segment.ok_or_else(|| Fault::corrupt("an RLE segment lies outside its frame"))?;
        let into = plane / depth * depth + (depth - 1 - plane % depth);
        let written = unpack(segment, bytes[into..].iter_mut().step_by(planes));
        if written < pixels {
            return Err(Fault::corrupt(format!(
                "an RLE segment holds {written} of {pixels} bytes"
            )));
        }
    }
    let ycbcr = image.photometric.is_ycbcr();
    let wide = depth == 2;
    Ok(Samples { bytes, wide, ycbcr })
}

/// Unpacks runs and literals into `places`, and says how many were filled.
fn unpack<'a>(mut packed: &[u8], mut places: impl Iterator<Item = &'a mut u8>) -> usize {
    let mut written = 0;
    while let [control, rest @ ..] = packed {
        let (run, count) = match *control {
            literal @ 0..=127 => (None, usize::from(literal) + 1),
            128 => (None, 0),
            repeat => (rest.first(), 257 - usize::from(repeat)),
        };
        let taken = if run.is_some() { 1 } else { count.min(rest.len()) };
        for n in 0..count {
            let Some(&byte) = run.or_else(|| rest.get(n)) else {
                return written;
            };
            let Some(place) = places.next() else {
                return written;
            };
            *place = byte;
            written += 1;
        }
        packed = rest.get(taken..).unwrap_or_default();
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_literals_unpack() {
        let mut out = [0; 8];
        // PS3.5, section G.3.2: 2 literals, nothing, 3 times 9, 1 literal.
        assert_eq!(unpack(&[1, 5, 6, 128, 254, 9, 0, 7], out.iter_mut()), 6);
        assert_eq!(out, [5, 6, 9, 9, 9, 7, 0, 0]);
        assert_eq!(unpack(&[129, 3], out.iter_mut()), 8);
        for cut in [&[5, 1][..], &[200], &[]] {
            assert!(unpack(cut, out.iter_mut()) < 2);
        }
    }
}
