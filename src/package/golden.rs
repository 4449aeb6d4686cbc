//! Golden vectors: pictures with the score and the map that the model gave where it was made.
//!
//! An engine is right on this box if it gives them again, within the tolerances of `models/README.md`.

use std::io::Cursor;

use image::codecs::png::PngDecoder;
use image::{ColorType, DynamicImage, ImageDecoder, Limits};
use serde::Deserialize;

use super::archive::{Parts, is_picture};
use crate::infer::Model;

/// How far the score may be from the golden one, and the map, in parts of the golden map's range.
const SCORE: f32 = 0.01;
const MAP: f32 = 0.05;
/// Fewer pictures than these prove too little.
const MIN_VECTORS: usize = 4;
/// Decoding a picture may take no more memory than this.
const MAX_DECODED_BYTES: u64 = 16 << 20;

/// golden.json.
#[derive(Deserialize)]
pub(super) struct Golden {
    /// The model that the vectors belong to.
    sha256: String,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    picture: String,
    score: f32,
    /// Rows of the map of `high`.
    map_high: Vec<Vec<f32>>,
}

/// How near a model came to its golden vectors.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Differences {
    /// Pictures compared.
    pub pictures: usize,
    /// The largest difference of a score.
    pub score: f32,
    /// The largest difference of a map's value, in parts of the golden map's range.
    pub map: f32,
}

impl Golden {
    /// Reads golden.json.
    pub fn read(json: &[u8]) -> Result<Self, String> {
        let golden: Self = serde_json::from_slice(json).map_err(|e| format!("golden.json: {e}"))?;
        let count = golden.vectors.len();
        if count < MIN_VECTORS {
            return Err(format!(
                "it has {count} golden vectors, at least {MIN_VECTORS} are needed"
            ));
        }
        match golden.pictures().find(|name| !is_picture(name)) {
            Some(name) => Err(format!("golden.json names {name:?}, which is no picture's name")),
            None => Ok(()),
        }?;
        Ok(golden)
    }

    /// The pictures that it names.
    pub fn pictures(&self) -> impl Iterator<Item = &str> {
        self.vectors.iter().map(|v| v.picture.as_str())
    }

    /// Checks that it names the pictures of `parts`, all of them and no others.
    pub fn fits(&self, parts: &Parts) -> Result<(), String> {
        let missing = self.pictures().find(|name| !parts.pictures.contains_key(name));
        let stray = parts
            .pictures
            .keys()
            .find(|name| self.pictures().all(|n| n != **name));
        match (missing, stray) {
            (Some(name), _) => Err(format!("golden.json names {name:?}, which is not there")),
            (None, Some(name)) => Err(format!("golden.json does not name {name:?}")),
            (None, None) => Ok(()),
        }
    }

    /// Runs `model` on every picture. The error says which one went wrong, and how.
    pub fn prove(&self, parts: &Parts, model: &Model) -> Result<Differences, String> {
        if self.sha256 != model.identity().sha256 {
            return Err(format!(
                "golden.json belongs to the model {}, this one is {}",
                self.sha256,
                model.identity().sha256
            ));
        }
        let mut worst = Differences::default();
        for vector in &self.vectors {
            let name = &vector.picture;
            let file = parts.pictures.get(name.as_str()).copied().unwrap_or_default();
            let pixels = pixels(file, model).map_err(|reason| format!("{name}: {reason}"))?;
            let scored = model.score(&pixels).map_err(|e| format!("{name}: {e}"))?;
            let rows: Vec<&[f32]> = scored.map.rows().collect();
            if rows.len() != vector.map_high.len()
                || !rows.iter().zip(&vector.map_high).all(|(a, b)| a.len() == b.len())
            {
                return Err(format!("{name}: the map has another size than the golden one"));
            }
            let score = (scored.score - vector.score).abs();
            let golden = vector.map_high.concat();
            let map = farthest(&scored.map.values, &golden) / range(&golden);
            // Written so that a number that is none fails.
            if !(score <= SCORE && map <= MAP) {
                return Err(format!(
                    "{name}: the score {:.4} should be {:.4} to within {SCORE}, the map is off by {map:.3} of its range, at most {MAP} is right",
                    scored.score, vector.score
                ));
            }
            worst = Differences {
                pictures: worst.pictures + 1,
                score: worst.score.max(score),
                map: worst.map.max(map),
            };
        }
        Ok(worst)
    }
}

/// The largest difference; not a number if any is none.
fn farthest(a: &[f32], b: &[f32]) -> f32 {
    let differences = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, |worst, d| if d.is_nan() || d > worst { d } else { worst })
}

/// From the smallest to the largest value.
fn range(map: &[f32]) -> f32 {
    let (low, high) = map
        .iter()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), v| {
            (low.min(*v), high.max(*v))
        });
    high - low
}

/// A PNG of the model's input size → red, green, blue planes.
fn pixels(png: &[u8], model: &Model) -> Result<Vec<u8>, String> {
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    let decoder = PngDecoder::with_limits(Cursor::new(png), limits).map_err(|e| e.to_string())?;
    let contract = model.contract();
    let (width, height) = decoder.dimensions();
    if (width as usize, height as usize) != (contract.width, contract.height)
        || decoder.color_type() != ColorType::Rgb8
    {
        return Err(format!(
            "{width}x{height} {:?}, expected {}x{} Rgb8",
            decoder.color_type(),
            contract.width,
            contract.height
        ));
    }
    let picture = DynamicImage::from_decoder(decoder)
        .map_err(|e| e.to_string())?
        .into_rgb8();
    let plane = |channel: usize| picture.pixels().map(move |rgb| rgb.0[channel]);
    Ok((0..3).flat_map(plane).collect())
}
