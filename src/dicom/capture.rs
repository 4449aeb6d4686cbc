//! Key frames as pictures that every viewer shows (PS3.3, A.8.5): map, colour bar, score and label are burned in.

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};
use image::{Rgb, RgbImage};

use super::dataset::{DataSet, put, put_code, put_empty, short};
use super::header::{self, Kind};
use super::{Case, DicomError, codes};
use crate::overlay;

pub(super) const CLASS: &str = uids::MULTI_FRAME_TRUE_COLOR_SECONDARY_CAPTURE_IMAGE_STORAGE;

/// Makes the secondary capture.
pub(super) fn make(case: &Case) -> Result<DataSet, DicomError> {
    let kind = Kind {
        class: CLASS,
        modality: "US",
        series_number: "9001",
        series_description: "AI nuclear grade: key frames with activation map",
    };
    let mut set = header::begin(case, &kind, &case.uids.capture)?;
    put(&mut set, tags::IMAGE_TYPE, strings(&["DERIVED", "SECONDARY"]));
    put(&mut set, tags::CONVERSION_TYPE, "WSD");
    put(&mut set, tags::IMAGE_COMMENTS, short(&case.exam.label));
    put(&mut set, tags::BODY_PART_EXAMINED, "KIDNEY");
    put_empty(&mut set, tags::LATERALITY);
    put_empty(&mut set, tags::PATIENT_ORIENTATION);
    // The pane alone is stored, but where the whole screen is the pane, what the scanner writes on it is in it.
    put(&mut set, tags::BURNED_IN_ANNOTATION, "YES");
    header::put_relative(
        &mut set,
        super::map::CLASS,
        &case.uids.map,
        codes::FUNCTIONAL_IMAGE,
    );
    put_code(&mut set, tags::ANATOMIC_REGION_SEQUENCE, codes::KIDNEY);

    let frames = frames(case);
    let (width, height) = frames.first().map_or((0, 0), RgbImage::dimensions);
    put(&mut set, tags::SAMPLES_PER_PIXEL, 3u16);
    put(&mut set, tags::PHOTOMETRIC_INTERPRETATION, "RGB");
    put(&mut set, tags::PLANAR_CONFIGURATION, 0u16);
    put(&mut set, tags::ROWS, height as u16);
    put(&mut set, tags::COLUMNS, width as u16);
    put(&mut set, tags::BITS_ALLOCATED, 8u16);
    put(&mut set, tags::BITS_STORED, 8u16);
    put(&mut set, tags::HIGH_BIT, 7u16);
    put(&mut set, tags::PIXEL_REPRESENTATION, 0u16);
    put(&mut set, tags::NUMBER_OF_FRAMES, frames.len().to_string());
    if frames.len() > 1 {
        let vector = PrimitiveValue::Tags([tags::FRAME_TIME_VECTOR].into_iter().collect());
        put(&mut set, tags::FRAME_INCREMENT_POINTER, vector);
        put(&mut set, tags::FRAME_TIME_VECTOR, steps(case));
    }
    let mut pixels: Vec<u8> = frames
        .into_iter()
        .map(RgbImage::into_raw)
        .collect::<Vec<_>>()
        .concat();
    pixels.resize(pixels.len().next_multiple_of(2), 0);
    set.put(DataElement::new(
        tags::PIXEL_DATA,
        VR::OB,
        PrimitiveValue::U8(pixels.into()),
    ));
    Ok(set)
}

pub(super) fn strings(values: &[&str]) -> PrimitiveValue {
    PrimitiveValue::Strs(values.iter().map(|value| String::from(*value)).collect())
}

/// The pictures, drawn, on canvases of one size.
fn frames(case: &Case) -> Vec<RgbImage> {
    let draw = |picture: &super::Picture| {
        let mut rgb = picture.pane.clone();
        let roi = case.exam.provenance.roi_in(rgb.dimensions());
        overlay::draw(&mut rgb, roi, &picture.map, picture.score, &case.exam.label);
        rgb
    };
    let drawn: Vec<RgbImage> = case.pictures.iter().map(draw).collect();
    let width = drawn.iter().map(RgbImage::width).max().unwrap_or(0);
    let height = drawn.iter().map(RgbImage::height).max().unwrap_or(0);
    let widen = |rgb: RgbImage| {
        if rgb.dimensions() == (width, height) {
            return rgb;
        }
        let mut canvas = RgbImage::from_pixel(width, height, Rgb([0; 3]));
        image::imageops::replace(&mut canvas, &rgb, 0, 0);
        canvas
    };
    drawn.into_iter().map(widen).collect()
}

/// Milliseconds from each frame to the next, 0 for the first.
fn steps(case: &Case) -> PrimitiveValue {
    let mut before = case.pictures.first().map_or(0, |first| first.since_first_ms);
    let step = |picture: &super::Picture| {
        let step = picture.since_first_ms.saturating_sub(before);
        before = picture.since_first_ms;
        step.to_string()
    };
    PrimitiveValue::Strs(case.pictures.iter().map(step).collect())
}
