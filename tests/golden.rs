//! The shipped model gives on this box what onnxruntime gave where it was made (`models/golden/`, made by
//! `python -m sonograde_train golden`): pictures → logits, score and activation map.

use std::path::Path;

use serde::Deserialize;
use sonograde::infer::{Choice, Model};

#[derive(Deserialize)]
struct Golden {
    sha256: String,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    picture: String,
    logits: [f32; 2],
    score: f32,
    map_high: Vec<Vec<f32>>,
}

/// How far an engine may be from onnxruntime.
struct Limits {
    logits: f32,
    score: f32,
    /// Part of the map's range.
    map: f32,
}

#[test]
fn tract_gives_the_golden_vectors() {
    // tract sums in another order than onnxruntime, so an activation may round to the neighbouring of 256 steps.
    golden(
        Choice::Tract,
        &Limits {
            logits: 0.05,
            score: 0.01,
            map: 0.1,
        },
    );
}

#[test]
fn repvgg_gives_the_golden_vectors() {
    golden(
        Choice::Repvgg,
        &Limits {
            logits: 0.003,
            score: 0.0004,
            map: 0.01,
        },
    );
}

fn golden(engine: Choice, limits: &Limits) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/golden");
    let text = std::fs::read_to_string(folder.join("golden.json")).expect("golden.json");
    let golden: Golden = serde_json::from_str(&text).expect("golden vectors");
    let model = Model::open(None, engine.into()).expect("the shipped model");
    assert_eq!(
        golden.sha256,
        model.identity().sha256,
        "the vectors belong to another model"
    );
    assert!(golden.vectors.len() >= 4);
    for vector in &golden.vectors {
        let picture = image::open(folder.join(&vector.picture))
            .expect("a picture")
            .to_rgb8();
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let mut pixels = vec![0; 3 * width * height];
        for (n, rgb) in picture.pixels().enumerate() {
            for (channel, &byte) in rgb.0.iter().enumerate() {
                pixels[channel * width * height + n] = byte;
            }
        }
        let outputs = model.run(&pixels).expect("a run");
        let near = |a: f32, b: f32, limit: f32| (a - b).abs() <= limit;
        let name = &vector.picture;
        for (got, want) in outputs.logits.iter().zip(vector.logits) {
            assert!(
                near(*got, want, limits.logits),
                "{name}: logit {got}, golden {want}"
            );
        }
        let want: Vec<f32> = vector.map_high.concat();
        let range = want.iter().fold(0.0f32, |range, v| range.max(v.abs()));
        for (got, want) in outputs.map.iter().zip(&want) {
            assert!(
                near(*got, *want, limits.map * range),
                "{name}: map {got}, golden {want}"
            );
        }
        assert_eq!(outputs.map.len(), want.len());
        let scored = model.read(outputs);
        assert!(
            near(scored.score, vector.score, limits.score),
            "{name}: {} golden {}",
            scored.score,
            vector.score
        );
    }
}
