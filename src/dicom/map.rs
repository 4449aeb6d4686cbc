//! Activation maps as numbers (PS3.3, A.75): one frame for each key frame, in the order of the secondary capture.

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};

use chrono::TimeDelta;

use super::capture::{self, strings};
use super::dataset::{DataSet, date_time, decimal, put, put_code, put_empty, put_items, reference, short};
use super::header::{self, Kind};
use super::{Case, DicomError, Picture, codes};
use crate::exam::record::ActivationMap;

pub(super) const CLASS: &str = uids::PARAMETRIC_MAP_STORAGE;

const IMAGE_TYPE: [&str; 4] = ["DERIVED", "PRIMARY", "DYNAMIC", "QUANTITY"];

/// Makes the parametric map; every map of the case has the size of `size`.
pub(super) fn make(case: &Case, size: &ActivationMap) -> Result<DataSet, DicomError> {
    let kind = Kind {
        class: CLASS,
        modality: "OT",
        series_number: "9002",
        series_description: "AI nuclear grade: activation maps",
    };
    let uids = &case.uids.map;
    let mut set = header::begin(case, &kind, uids)?;
    let frame_of_reference = header::derived_uid(&["frame of reference", &uids.instance]);
    put(&mut set, tags::FRAME_OF_REFERENCE_UID, frame_of_reference);
    put_empty(&mut set, tags::POSITION_REFERENCE_INDICATOR);
    put(&mut set, tags::IMAGE_TYPE, strings(&IMAGE_TYPE));
    put(&mut set, tags::CONTENT_QUALIFICATION, "RESEARCH");
    put(&mut set, tags::CONTENT_LABEL, "ACTIVATION_MAP");
    put(&mut set, tags::CONTENT_DESCRIPTION, short(&case.exam.label));
    put_empty(&mut set, tags::CONTENT_CREATOR_NAME);
    put(&mut set, tags::PIXEL_PRESENTATION, "MONOCHROME");
    put(&mut set, tags::PRESENTATION_LUT_SHAPE, "IDENTITY");
    put(&mut set, tags::BURNED_IN_ANNOTATION, "NO");
    put(&mut set, tags::RECOGNIZABLE_VISUAL_FEATURES, "NO");
    put(&mut set, tags::LOSSY_IMAGE_COMPRESSION, "00");
    put_items(&mut set, tags::ACQUISITION_CONTEXT_SEQUENCE, vec![]);
    put_empty(&mut set, tags::PATIENT_ORIENTATION);
    header::put_series_of(&mut set, capture::CLASS, &case.uids.capture);

    put(&mut set, tags::SAMPLES_PER_PIXEL, 1u16);
    put(&mut set, tags::PHOTOMETRIC_INTERPRETATION, "MONOCHROME2");
    put(&mut set, tags::ROWS, size.height as u16);
    put(&mut set, tags::COLUMNS, size.width as u16);
    put(&mut set, tags::BITS_ALLOCATED, 32u16);
    put(&mut set, tags::NUMBER_OF_FRAMES, case.pictures.len().to_string());
    dimension(&mut set, &case.uids.dimensions);
    let values: Vec<f32> = case
        .pictures
        .iter()
        .flat_map(|p| p.map.values.iter().copied())
        .collect();
    let lowest = values.iter().copied().fold(f32::INFINITY, f32::min);
    let highest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    put_items(
        &mut set,
        tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE,
        vec![shared(lowest, highest)],
    );
    let frames = (1u32..)
        .zip(case.pictures)
        .map(|(n, picture)| frame(case, n, picture));
    put_items(
        &mut set,
        tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE,
        frames.collect(),
    );
    set.put(DataElement::new(
        tags::FLOAT_PIXEL_DATA,
        VR::OF,
        PrimitiveValue::F32(values.into()),
    ));
    Ok(set)
}

/// Frames follow each other in time.
fn dimension(set: &mut DataSet, organization: &str) {
    let mut item = DataSet::new_empty();
    put(&mut item, tags::DIMENSION_ORGANIZATION_UID, organization);
    let mut index = item.clone();
    put_items(set, tags::DIMENSION_ORGANIZATION_SEQUENCE, vec![item]);
    let tag = |tag| PrimitiveValue::Tags([tag].into_iter().collect());
    put(
        &mut index,
        tags::DIMENSION_INDEX_POINTER,
        tag(tags::FRAME_REFERENCE_DATE_TIME),
    );
    put(
        &mut index,
        tags::FUNCTIONAL_GROUP_POINTER,
        tag(tags::FRAME_CONTENT_SEQUENCE),
    );
    put(&mut index, tags::DIMENSION_DESCRIPTION_LABEL, "Time of the frame");
    put_items(set, tags::DIMENSION_INDEX_SEQUENCE, vec![index]);
}

/// What is the same in all frames, whose values lie between `lowest` and `highest`.
fn shared(lowest: f32, highest: f32) -> DataSet {
    let mut groups = DataSet::new_empty();
    let mut group = |tag, fill: &dyn Fn(&mut DataSet)| {
        let mut item = DataSet::new_empty();
        fill(&mut item);
        put_items(&mut groups, tag, vec![item]);
    };
    // The plane of the screen, in a frame of reference of its own. How large a pixel is, is not known.
    group(tags::PIXEL_MEASURES_SEQUENCE, &|_| {});
    group(tags::PLANE_POSITION_SEQUENCE, &|item| {
        put(item, tags::IMAGE_POSITION_PATIENT, strings(&["0"; 3]));
    });
    group(tags::PLANE_ORIENTATION_SEQUENCE, &|item| {
        let axes = ["1", "0", "0", "0", "1", "0"];
        put(item, tags::IMAGE_ORIENTATION_PATIENT, strings(&axes));
    });
    group(tags::FRAME_ANATOMY_SEQUENCE, &|item| {
        // On which side the kidney lies is not known; the abdomen has no sides.
        put(item, tags::FRAME_LATERALITY, "U");
        put_code(item, tags::ANATOMIC_REGION_SEQUENCE, codes::ABDOMEN);
        put_code(item, tags::PRIMARY_ANATOMIC_STRUCTURE_SEQUENCE, codes::KIDNEY);
    });
    group(tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE, &|item| {
        put(item, tags::RESCALE_INTERCEPT, "0");
        put(item, tags::RESCALE_SLOPE, "1");
        put(item, tags::RESCALE_TYPE, "US");
    });
    group(tags::FRAME_VOILUT_SEQUENCE, &|item| {
        put(item, tags::VOILUT_FUNCTION, "LINEAR_EXACT");
        put(item, tags::WINDOW_CENTER, decimal((lowest + highest) / 2.0));
        put(item, tags::WINDOW_WIDTH, decimal((highest - lowest).max(0.001)));
    });
    group(tags::REAL_WORLD_VALUE_MAPPING_SEQUENCE, &|item| {
        put(
            item,
            tags::LUT_EXPLANATION,
            "Class activation of high nuclear grade, logit",
        );
        put(item, tags::LUT_LABEL, "ACTIVATION");
        put_code(item, tags::MEASUREMENT_UNITS_CODE_SEQUENCE, codes::NO_UNITS);
        put(
            item,
            tags::DOUBLE_FLOAT_REAL_WORLD_VALUE_FIRST_VALUE_MAPPED,
            f64::from(lowest),
        );
        put(
            item,
            tags::DOUBLE_FLOAT_REAL_WORLD_VALUE_LAST_VALUE_MAPPED,
            f64::from(highest),
        );
        put(item, tags::REAL_WORLD_VALUE_INTERCEPT, 0f64);
        put(item, tags::REAL_WORLD_VALUE_SLOPE, 1f64);
        let mut quantity = DataSet::new_empty();
        put(&mut quantity, tags::VALUE_TYPE, "CODE");
        put_code(&mut quantity, tags::CONCEPT_NAME_CODE_SEQUENCE, codes::QUANTITY);
        put_code(
            &mut quantity,
            tags::CONCEPT_CODE_SEQUENCE,
            codes::CLASS_ACTIVATION,
        );
        put_items(item, tags::QUANTITY_DEFINITION_SEQUENCE, vec![quantity]);
    });
    group(tags::PARAMETRIC_MAP_FRAME_TYPE_SEQUENCE, &|item| {
        put(item, tags::FRAME_TYPE, strings(&IMAGE_TYPE));
    });
    groups
}

/// What differs from frame to frame: when, and which picture of the secondary capture shows it.
fn frame(case: &Case, n: u32, picture: &Picture) -> DataSet {
    let since = TimeDelta::milliseconds(i64::try_from(picture.since_first_ms).unwrap_or(i64::MAX));
    let at = case.exam.started.checked_add_signed(since).unwrap_or(case.ended);
    let mut content = DataSet::new_empty();
    put(&mut content, tags::FRAME_REFERENCE_DATE_TIME, date_time(at));
    put(&mut content, tags::DIMENSION_INDEX_VALUES, n);
    put(
        &mut content,
        tags::FRAME_COMMENTS,
        format!("P(high grade) {:.3}", picture.score),
    );

    let mut shown = reference(capture::CLASS, &case.uids.capture.instance);
    put(&mut shown, tags::REFERENCED_FRAME_NUMBER, n.to_string());
    put_code(
        &mut shown,
        tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE,
        codes::ANATOMIC_IMAGE,
    );
    let mut groups = DataSet::new_empty();
    put_items(&mut groups, tags::FRAME_CONTENT_SEQUENCE, vec![content]);
    put_items(&mut groups, tags::REFERENCED_IMAGE_SEQUENCE, vec![shown]);
    groups
}
