//! Damaged and hostile DICOM files: errors or whole frames, never a crash.

use proptest::prelude::*;

use super::*;

#[test]
fn a_length_beyond_the_file_and_endless_nesting_are_errors_not_crashes() {
    let mut huge = file(EXPLICIT, "MONOCHROME2", (2, 1), native(&[1, 2]), vec![]);
    let at = huge
        .windows(4)
        .position(|w| w == [0x28, 0, 2, 0])
        .expect("samples per pixel");
    huge.splice(at.., [0x28, 0, 0, 0, b'O', b'B', 0, 0, 0xf0, 0xff, 0xff, 0xff, 1]);
    assert!(format!("{:?}", read(&huge)).contains("needs 4294967280 bytes"));
    huge.truncate(at);
    for _ in 0..200_000 {
        huge.extend([
            0x28, 0, 0, 0, b'S', b'Q', 0, 0, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xff, 0, 0xe0, 0xff, 0xff, 0xff,
            0xff,
        ]);
    }
    assert!(format!("{:?}", read(&huge)).contains("no pixel data"));
}

/// A file with everything that is walked over: sequences of known and unknown length, compressed frames.
fn sample() -> Vec<u8> {
    let item = InMemDicomObject::from_element_iter([us(tags::REGION_FLAGS, 1)]);
    let sequence = dicom_core::value::DataSetSequence::from(vec![item.clone(), item]);
    let regions = DataElement::new(tags::SEQUENCE_OF_ULTRASOUND_REGIONS, VR::SQ, sequence);
    let parts = vec![
        picture(16, 16, ImageFormat::Jpeg),
        picture(16, 16, ImageFormat::Jpeg),
    ];
    let more = vec![
        regions,
        text(tags::NUMBER_OF_FRAMES, VR::IS, "2"),
        text(tags::FRAME_TIME, VR::DS, "33.3"),
    ];
    file(
        uids::JPEG_BASELINE8_BIT,
        "YBR_FULL_422",
        (16, 16),
        fragments(&[], parts),
        more,
    )
}

#[test]
fn a_file_cut_anywhere_gives_whole_frames_or_an_error() {
    let whole = sample();
    assert_eq!(
        read(&whole)
            .expect("opens")
            .iter()
            .filter(|frame| frame.is_ok())
            .count(),
        2
    );
    for end in (0..whole.len() - 16).step_by(7) {
        let frames = read(&whole[..end]).unwrap_or_default();
        assert!(
            frames.iter().filter(|frame| frame.is_ok()).count() < 2,
            "cut at {end}"
        );
    }
}

proptest! {
    #[test]
    fn no_damage_makes_it_panic(flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut bytes = sample();
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let _ = read(&bytes);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut file = vec![0; 128];
        file.extend(b"DICM");
        file.extend(&bytes);
        let _ = read(&file);
    }
}
