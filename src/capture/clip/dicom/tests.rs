//! DICOM files made here. Real ones are in the tests of [`super::super`].

mod damage;

use std::io::Cursor;

use dicom_core::value::PixelFragmentSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::uids;
use dicom_object::meta::FileMetaTableBuilder;
use dicom_object::{InMemDicomObject, mem::InMemElement};
use image::ImageFormat;

use super::*;
use crate::capture::clip::tests::picture;
use crate::frame::PixelFormat;

fn us(tag: Tag, value: u16) -> InMemElement {
    DataElement::new(tag, VR::US, PrimitiveValue::from(value))
}

fn text(tag: Tag, vr: VR, value: &str) -> InMemElement {
    DataElement::new(tag, vr, PrimitiveValue::from(value))
}

/// A file of `width`x`height` 8-bit pixels; `more` replaces elements.
fn file(
    syntax: &str,
    colours: &str,
    size: (u16, u16),
    pixels: InMemElement,
    more: Vec<InMemElement>,
) -> Vec<u8> {
    let samples = if colours.starts_with("MONO") || colours.starts_with("PAL") {
        1
    } else {
        3
    };
    let mut object = InMemDicomObject::from_element_iter([
        text(
            tags::SOP_CLASS_UID,
            VR::UI,
            uids::ULTRASOUND_MULTI_FRAME_IMAGE_STORAGE,
        ),
        text(tags::SOP_INSTANCE_UID, VR::UI, "2.25.1"),
        text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, colours),
        us(tags::SAMPLES_PER_PIXEL, samples),
        us(tags::COLUMNS, size.0),
        us(tags::ROWS, size.1),
        us(tags::BITS_ALLOCATED, 8),
        us(tags::BITS_STORED, 8),
        us(tags::HIGH_BIT, 7),
        pixels,
    ]);
    more.into_iter().for_each(|element| drop(object.put(element)));
    let mut bytes = vec![0; 128];
    let meta = FileMetaTableBuilder::new().transfer_syntax(syntax);
    object
        .with_meta(meta)
        .expect("complete")
        .write_all(&mut bytes)
        .expect("a vector takes all");
    if bytes.get(128..132) != Some(b"DICM") {
        bytes.drain(..128);
    }
    bytes
}

fn native(bytes: &[u8]) -> InMemElement {
    DataElement::new(tags::PIXEL_DATA, VR::OB, PrimitiveValue::from(bytes.to_vec()))
}

fn fragments(table: &[u32], fragments: Vec<Vec<u8>>) -> InMemElement {
    let sequence = PixelFragmentSequence::new(table.to_vec(), fragments);
    DataElement::new(tags::PIXEL_DATA, VR::OB, sequence)
}

type Frames = Vec<Result<(PixelFormat, u128, Vec<u8>), String>>;

fn read(bytes: &[u8]) -> Result<Frames, Fault> {
    let mut dicom = Dicom::new(Cursor::new(bytes))?;
    let mut all = Vec::new();
    loop {
        let mut into = Vec::new();
        match dicom.next(&mut into) {
            Ok(Some(Picture { format, t })) => all.push(Ok((format.pixels, t.as_millis(), into))),
            Ok(None) => return Ok(all),
            Err(fault) => {
                all.push(Err(format!("{fault:?}")));
                if !dicom.goes_on() {
                    return Ok(all);
                }
            }
        }
    }
}

/// The pixels of a file of one frame.
fn pixels(bytes: &[u8]) -> Vec<u8> {
    let mut frames = read(bytes).expect("opens");
    assert_eq!(frames.len(), 1);
    frames.remove(0).expect("a good frame").2
}

const EXPLICIT: &str = uids::EXPLICIT_VR_LITTLE_ENDIAN;

#[test]
fn uncompressed_pictures_of_every_colour() {
    let one = |colours, size, bytes: &[u8], more| pixels(&file(EXPLICIT, colours, size, native(bytes), more));
    assert_eq!(one("MONOCHROME2", (2, 1), &[3, 250], vec![]), [3, 250]);
    assert_eq!(one("MONOCHROME1", (2, 1), &[3, 250], vec![]), [252, 5]);
    let sixteen = || vec![us(tags::BITS_ALLOCATED, 16), us(tags::HIGH_BIT, 11)];
    assert_eq!(
        one("MONOCHROME2", (2, 1), &[0xf0, 0xff, 0x10, 0x02], sixteen()),
        [0xff, 0x21]
    );
    assert_eq!(one("RGB", (2, 1), b"abcdef", vec![]), b"abcdef");
    let planar = vec![us(tags::PLANAR_CONFIGURATION, 1)];
    assert_eq!(one("RGB", (2, 1), b"adbecf", planar), b"abcdef");
    assert_eq!(
        one("YBR_FULL", (1, 2), &[76, 85, 255, 9, 128, 128], vec![]),
        [254, 0, 0, 9, 9, 9]
    );
    let pair = [76, 9, 85, 255];
    assert_eq!(one("YBR_FULL_422", (2, 1), &pair, vec![])[..3], [254, 0, 0]);
    let bytes = file(
        uids::IMPLICIT_VR_LITTLE_ENDIAN,
        "RGB",
        (2, 1),
        native(b"abcdef"),
        vec![],
    );
    assert_eq!(pixels(&bytes), b"abcdef");
}

#[test]
fn palettes_of_both_depths() {
    let describe = [
        tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
        tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
        tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
    ];
    let data = [
        tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
        tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
        tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    ];
    let levels = [[1, 2, 200], [10, 20, 30], [7, 8, 9]];
    let words =
        |tag, vr, words: [u16; 3]| DataElement::new(tag, vr, PrimitiveValue::U16(words.to_vec().into()));
    for (bits, scale) in [(8, 1), (16, 256)] {
        let describe = describe.map(|tag| words(tag, VR::US, [3, 5, bits]));
        let data = data
            .iter()
            .zip(levels)
            .map(|(&tag, of)| words(tag, VR::OW, of.map(|level| level * scale)));
        let more = describe.into_iter().chain(data).collect();
        let bytes = file(EXPLICIT, "PALETTE COLOR", (4, 1), native(&[0, 6, 7, 255]), more);
        assert_eq!(
            pixels(&bytes),
            [1, 10, 7, 2, 20, 8, 200, 30, 9, 200, 30, 9],
            "{bits} bits"
        );
    }
}

#[test]
fn frames_have_times_and_a_file_that_ends_early_gives_those_it_has() {
    let cine = |more: Vec<InMemElement>| {
        let more = more
            .into_iter()
            .chain([text(tags::NUMBER_OF_FRAMES, VR::IS, "3")])
            .collect();
        file(EXPLICIT, "MONOCHROME2", (2, 2), native(b"aaaabbbbcccc"), more)
    };
    let times = |bytes: &[u8]| {
        let frames = read(bytes).expect("opens");
        frames
            .into_iter()
            .map(|frame| frame.expect("good").1)
            .collect::<Vec<_>>()
    };
    assert_eq!(times(&cine(vec![])), [0, 40, 80]);
    assert_eq!(
        times(&cine(vec![text(tags::FRAME_TIME, VR::DS, "66.5 ")])),
        [0, 66, 133]
    );
    assert_eq!(
        times(&cine(vec![text(
            tags::RECOMMENDED_DISPLAY_FRAME_RATE,
            VR::IS,
            "10"
        )])),
        [0, 100, 200]
    );
    assert_eq!(
        times(&cine(vec![text(tags::FRAME_TIME_VECTOR, VR::DS, "0\\10\\30")])),
        [0, 10, 40]
    );
    assert_eq!(
        times(&cine(vec![text(tags::FRAME_TIME, VR::DS, "-1e300")])),
        [0, 40, 80]
    );

    let whole = cine(vec![]);
    let frames = read(&whole[..whole.len() - 3]).expect("opens");
    let [Ok(a), Ok(b), Err(words)] = &frames[..] else {
        panic!("{frames:?}")
    };
    assert_eq!((&a.2[..], &b.2[..]), (&b"aaaa"[..], &b"bbbb"[..]));
    assert!(words.contains("ends after 2 of 3"), "{words}");
}

#[test]
fn a_broken_frame_does_not_lose_the_others() {
    let good = || picture(16, 16, ImageFormat::Jpeg);
    let even = |mut jpeg: Vec<u8>| {
        jpeg.resize(jpeg.len().next_multiple_of(2), 0);
        jpeg
    };
    let three = vec![text(tags::NUMBER_OF_FRAMES, VR::IS, "3")];
    let parts = vec![even(good()), vec![0xff, 0xd8, 1, 2], even(good())];
    let jpeg = uids::JPEG_BASELINE8_BIT;
    let frames = read(&file(
        jpeg,
        "YBR_FULL_422",
        (16, 16),
        fragments(&[], parts),
        three.clone(),
    ))
    .expect("opens");
    assert!(matches!(&frames[..], [Ok(_), Err(_), Ok(_)]), "{frames:?}");

    // Frames in several fragments: found by the offset table, or by where streams begin.
    let (a, b) = (even(good()), even(good()));
    let parts = vec![
        a[..100].to_vec(),
        a[100..].to_vec(),
        b[..64].to_vec(),
        b[64..].to_vec(),
        even(good()),
    ];
    let second = (a.len() + 16) as u32;
    for table in [vec![], vec![0, second, second + b.len() as u32 + 16]] {
        let pixels = fragments(&table, parts.clone());
        let frames = read(&file(jpeg, "YBR_FULL_422", (16, 16), pixels, three.clone())).expect("opens");
        let frames: Vec<_> = frames.into_iter().map(|frame| frame.expect("good").2).collect();
        assert!(frames.len() == 3 && frames[0] == frames[1] && frames[1] == frames[2]);
    }
}

#[test]
fn jpeg_colours_follow_the_stream_then_the_header() {
    let jpeg = picture(16, 16, ImageFormat::Jpeg);
    let read = |stream: Vec<u8>, colours| {
        let pixels_of = fragments(&[], vec![stream]);
        pixels(&file(
            uids::JPEG_BASELINE8_BIT,
            colours,
            (16, 16),
            pixels_of,
            vec![],
        ))
    };
    let right = |pixels: &[u8]| (pixels[0].abs_diff(200), pixels[1] < 30, pixels[2] < 30);
    // Its JFIF marker says luma and chroma, whatever the header says.
    assert!(matches!(
        right(&read(jpeg.clone(), "YBR_FULL_422")),
        (0..6, true, true)
    ));
    assert!(matches!(right(&read(jpeg.clone(), "RGB")), (0..6, true, true)));
    // Without the marker the header decides: the same samples shown as they are.
    let mut plain = jpeg;
    let at = plain
        .windows(4)
        .position(|w| w == b"JFIF")
        .expect("a JFIF marker");
    plain[at] = b'X';
    assert!(matches!(
        right(&read(plain.clone(), "YBR_FULL")),
        (0..6, true, true)
    ));
    let samples = read(plain, "RGB");
    assert!(
        samples[0].abs_diff(60) < 8 && samples[2] > 190,
        "luma and red-difference: {:?}",
        &samples[..3]
    );
}

#[test]
fn lossless_streams_are_exact_in_every_colour() {
    // One pixel 200, 128, 100 by JPEG's process 14: codes 00, 01 and 10 for differences of 0, 5 and 7 bits.
    let mut jpeg = vec![
        0xff, 0xd8, 0xff, 0xc3, 0, 17, 8, 0, 1, 0, 1, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0,
    ];
    jpeg.extend([
        0xff, 0xc4, 0, 22, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 7,
    ]);
    jpeg.extend([
        0xff, 0xda, 0, 12, 3, 1, 0, 2, 0, 3, 0, 1, 0, 0, 0xa4, 0x08, 0xff, 0, 0xff, 0xd9,
    ]);
    let syntax = uids::JPEG_LOSSLESS_SV1;
    let one = |colours| {
        pixels(&file(
            syntax,
            colours,
            (1, 1),
            fragments(&[], vec![jpeg.clone()]),
            vec![],
        ))
    };
    assert_eq!(one("RGB"), [200, 128, 100]);
    assert_eq!(one("YBR_FULL"), [161, 220, 200]);

    let j2k = decode_hex(JPEG2000);
    let j2k = file(
        uids::JPEG2000_LOSSLESS,
        "YBR_RCT",
        (8, 8),
        fragments(&[], vec![j2k]),
        vec![],
    );
    let expected: Vec<u8> = (0..64).flat_map(|n| [200, n % 8 * 8, n / 8 * 8]).collect();
    assert_eq!(pixels(&j2k), expected);
}

/// 8x8 pixels of 200, 8x, 8y as OpenJPEG 2.5.4 codes them: reversible, components transformed.
const JPEG2000: &str = "ff4fff51002f000000000008000000080000000000000000000000080000000800000000000000000003\
    070101070101070101ff52000c00000001010004040001ff5c00044040ff90000a0000000000880001ff93cfb4ac11503a91\
    367c519136d0030219ab5e309445849d1b4551aead0fc5e5e5e5e5e5e4fac80000000000020405c7d43826c9648a9f1ca5bd\
    ba8f3aaf5b33fc97429074f7a26f512e61def64bdf815014005cac8846119b3ef439d27c18168fb11cd87e6c0b5d5c275beb\
    6a31586ebe6f9be6f9be71644bff7fffd9";

fn decode_hex(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex
        .chars()
        .filter_map(|c| c.to_digit(16))
        .map(|digit| digit as u8)
        .collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

#[test]
fn run_lengths_decode_in_planes() {
    // Three segments: 4 times 1; 2, 3, 4, 5; 4 times 9.
    let mut frame: Vec<u8> = [3u32, 64, 66, 72].iter().flat_map(|n| n.to_le_bytes()).collect();
    frame.resize(64, 0);
    frame.extend([253, 1, 3, 2, 3, 4, 5, 0, 253, 9]);
    let rle = |frame: &[u8]| {
        file(
            uids::RLE_LOSSLESS,
            "RGB",
            (2, 2),
            fragments(&[], vec![frame.to_vec()]),
            vec![],
        )
    };
    assert_eq!(pixels(&rle(&frame)), [1, 2, 9, 1, 3, 9, 1, 4, 9, 1, 5, 9]);
    for end in (0..frame.len() - 1).step_by(2) {
        let frames = read(&rle(&frame[..end])).unwrap_or_default();
        assert!(frames.iter().all(Result::is_err), "cut at {end}");
    }
}

#[test]
fn what_cannot_be_read_is_refused_in_words() {
    let words = |bytes: &[u8]| format!("{:?}", read(bytes).expect_err("refused"));
    let mono = |more| file(EXPLICIT, "MONOCHROME2", (2, 1), native(&[1, 2]), more);
    assert!(
        words(&mono(vec![
            us(tags::BITS_ALLOCATED, 16),
            us(tags::BITS_STORED, 12)
        ]))
        .contains("12 of 16 bits")
    );
    assert!(words(&mono(vec![us(tags::ROWS, 0)])).contains("2x0"));
    assert!(words(&mono(vec![us(tags::ROWS, 60_000), us(tags::COLUMNS, 60_000)])).contains("60000x60000"));
    assert!(words(&mono(vec![us(tags::ROWS, 9)])).contains("none of its 1 frames"));
    assert!(words(&mono(vec![us(tags::SAMPLES_PER_PIXEL, 2)])).contains("2 samples"));
    assert!(words(&mono(vec![text(tags::NUMBER_OF_FRAMES, VR::IS, "999999999999")])).contains("promises"));
    let mpeg = file(
        uids::MPEG4HP41,
        "YBR_PARTIAL_420",
        (2, 1),
        fragments(&[], vec![vec![0; 8]]),
        vec![],
    );
    assert!(words(&mpeg).contains("1.2.840.10008.1.2.4.102"));
    let jpeg = fragments(&[], vec![picture(32, 32, ImageFormat::Jpeg)]);
    let frames = read(&file(uids::JPEG_BASELINE8_BIT, "RGB", (16, 16), jpeg, vec![])).expect("opens");
    assert!(
        matches!(&frames[..], [Err(words)] if words.contains("32x32")),
        "{frames:?}"
    );
}
