//! `sonograde model info`: a model's metadata and its card's figures.

use std::path::Path;
use std::time::Instant;

use super::Failure;
use crate::infer::{Model, Runtime};
use crate::package::{self, Package};
use crate::preprocess;

/// Describes the model of a file or a package, the shipped one if none is named.
pub(super) fn info(file: Option<&Path>) -> Result<String, Failure> {
    let Some(path) = file else {
        return of_package(&Package::shipped()?);
    };
    let bytes = package::read_file(path, package::MAX_BYTES)?;
    if package::is_archive(&bytes) {
        let said = of_package(&Package::read(&bytes, path)?)?;
        return Ok(said + "\nThe signature was not looked at: `sonograde model verify` does that.\n");
    }
    let start = Instant::now();
    let model = Model::from_bytes(&bytes, path, Runtime::default())?;
    let load_ms = start.elapsed().as_secs_f64() * 1e3;
    Ok(describe(&model, bytes.len(), load_ms) + "\nA plain ONNX file has no card and so no figures.\n")
}

fn of_package(package: &Package) -> Result<String, Failure> {
    let (model, load) = package.load(Runtime::default())?;
    let figures = package
        .figures()
        .unwrap_or("The card has no section \"## Figures\".");
    let facts = describe(&model, package.model_bytes(), load.as_secs_f64() * 1e3);
    Ok(format!("{facts}\n{figures}\n"))
}

fn describe(model: &Model, bytes: usize, load_ms: f64) -> String {
    let (identity, contract) = (model.identity(), model.contract());
    let [low, high] = contract.band;
    let lines = [
        ("name", identity.name.clone()),
        ("version", identity.version.clone()),
        ("sha256", identity.sha256.clone()),
        ("label", identity.label().into()),
        ("intended use", contract.intended_use.clone()),
        ("training data", contract.training_data.clone()),
        ("classes", "low, high".into()),
        (
            "input",
            format!("{} x {} pixels, RGB, 8 bits", contract.width, contract.height),
        ),
        ("map", format!("{} x {}", contract.map_width, contract.map_height)),
        ("preprocessing", preprocess::NAME.into()),
        ("temperature", contract.temperature.to_string()),
        ("band", format!("{low} to {high} is indeterminate")),
        ("engine", model.engine().into()),
        ("size", format!("{bytes} bytes")),
        ("load time", format!("{load_ms:.0} ms")),
    ];
    lines
        .iter()
        .map(|(what, value)| format!("{what:15} {value}\n"))
        .collect()
}
