"""A finished run → one ONNX file that keeps the contract.

Fuses, quantizes on training pictures, fits temperature and band on validation patients with the
int8 file itself, and prints the parity gate: what int8 cost against float.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from . import cache, metrics
from .calibrate import fit_band, fit_temperature
from .contract import check
from .data import Row, assert_no_patient_crosses, read_labels
from .onnx_file import to_onnx
from .quantize import quantize
from .runtime import Model, scores
from .train import load_best, predict

CALIBRATION_PICTURES = 128
LARGEST_AUC_LOSS = 0.01
SOURCE = "RepVGG-{}, Ding et al. 2021, 10.1109/CVPR46437.2021.01352; CAM, Zhou et al. 2016"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="the folder that was trained on")
    parser.add_argument("--run", dest="run_folder", type=Path, required=True, help="folder of the run")
    parser.add_argument("--cache", type=Path, help="folder for resized pictures (default: RUN/cache)")
    parser.add_argument("--model", type=Path, required=True, help="the ONNX file to write")
    parser.add_argument("--name", required=True)
    parser.add_argument("--version", required=True, help="MAJOR.MINOR.PATCH")
    parser.add_argument("--training-data", required=True, help="what it learned from, one line")
    parser.add_argument("--intended-use", default="demonstration")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """The `export` command."""
    metadata = {
        "name": args.name,
        "version": args.version,
        "training_data": args.training_data,
        "intended_use": args.intended_use,
    }
    export(args.data, args.run_folder, args.cache or args.run_folder / "cache", args.model, metadata)


def export(
    data: Path, run_folder: Path, cache_folder: Path, model_path: Path, metadata: dict[str, str]
) -> dict:
    """Writes `model_path`; returns the parity figures on all validation pictures."""
    training, validation = split_of_run(run_folder, read_labels(data))
    deploy, checkpoint = load_best(run_folder)
    size = checkpoint["size"]
    chosen = [training[i] for i in np.linspace(0, len(training) - 1, CALIBRATION_PICTURES).astype(int)]
    network = quantize(deploy, cache.input_array(cache_folder, chosen, size))

    pictures = cache.input_array(cache_folder, validation, size)
    grades = np.array([row.grade for row in validation])
    unfitted = {"temperature": "1", "band_low": "0.5", "band_high": "0.5"}
    metadata = {**metadata, "source": SOURCE.format(checkpoint["variant"])}
    logits, maps = Model(to_onnx(network, size, {**metadata, **unfitted}))(pictures)
    temperature = round(fit_temperature(logits, grades), 4)
    score = scores(logits, temperature)
    band = fit_band(score, grades)
    fitted = {
        "temperature": f"{temperature}",
        "band_low": f"{band[0]:.4f}",
        "band_high": f"{band[1]:.4f}",
    }
    model_path.write_bytes(to_onnx(network, size, {**metadata, **fitted}))

    print(f"{model_path}: {model_path.stat().st_size} bytes")
    print(json.dumps(check(model_path), indent=1, sort_keys=True))
    float_logits, float_maps = predict(deploy, pictures)
    exact = scores(float_logits, temperature), float_maps[:, 1]
    parity = metrics.parity(grades, exact, (score, maps[:, 1]))
    metrics.show("validation, float against int8", parity)
    if parity["auc_float"] - parity["auc_int8"] > LARGEST_AUC_LOSS:
        raise SystemExit(f"int8 loses more than {LARGEST_AUC_LOSS} AUC: not fit to ship")
    return parity


def split_of_run(run_folder: Path, rows: list[Row]) -> tuple[list[Row], list[Row]]:
    """(training, validation) rows as the run's split.json divides them."""
    split = json.loads((run_folder / "split.json").read_text())
    unknown = {row.patient_id for row in rows} ^ {*split["training"], *split["validation"]}
    if unknown:
        raise SystemExit(
            f"{run_folder} was trained on other patients: {', '.join(sorted(unknown)[:5])} …"
        )
    held_out = set(split["validation"])
    training = [row for row in rows if row.patient_id not in held_out]
    validation = [row for row in rows if row.patient_id in held_out]
    assert_no_patient_crosses(training, validation)
    return training, validation
