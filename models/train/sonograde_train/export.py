"""A finished run → one ONNX file that keeps the contract.

Fuses, quantizes on training pictures, fits temperature and band on validation patients with the int8 file
itself, and holds it to the parity gate there: what int8 may cost against float.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from . import cache, metrics
from .calibrate import fit_band, fit_temperature
from .contract import check
from .data import Row, assert_no_patient_crosses, read_labels
from .finetune import STEPS, finetune
from .onnx_file import to_onnx
from .quantize import QuantizedNetwork, quantize
from .repvgg import Network
from .runtime import Model, scores
from .train import load_best, predict

CALIBRATION_PICTURES = 128
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
    export(
        args.data,
        args.run_folder,
        args.cache or args.run_folder / "cache",
        args.model,
        metadata,
        metrics.Gate(),
    )


def export(
    data: Path,
    run_folder: Path,
    cache_folder: Path,
    model_path: Path,
    metadata: dict[str, str],
    gate: metrics.Gate,
) -> dict[str, float]:
    """Writes `model_path` and RUN/export.json; returns the parity figures on all validation pictures.

    Calibrates first, fine-tunes if the parity gate asks for it, and raises SystemExit, writing nothing, if
    that is not enough.
    """
    training, validation = split_of_run(run_folder, read_labels(data))
    deploy, checkpoint = load_best(run_folder)
    size = checkpoint["size"]
    metadata = {**metadata, "source": SOURCE.format(checkpoint["variant"])}
    judge = _Judge(deploy, validation, cache.input_array(cache_folder, validation, size), metadata)

    chosen = [training[i] for i in np.linspace(0, len(training) - 1, CALIBRATION_PICTURES).astype(int)]
    network = quantize(deploy, cache.input_array(cache_folder, chosen, size))
    content, parity = judge(network)
    metrics.show("validation, float against int8 as calibrated", parity)
    how = "calibrated"
    if gate.breaches(parity):
        views = cache.training_views(cache_folder, training, size)
        content, parity = judge(finetune(deploy, network, views, size))
        metrics.show("validation, float against int8 fine-tuned", parity)
        how = f"calibrated, then fine-tuned for {STEPS} steps"
    if breaches := gate.breaches(parity):
        raise SystemExit(f"int8 is too far from float to ship: {'; '.join(breaches)}")

    model_path.write_bytes(content)
    (run_folder / "export.json").write_text(json.dumps({"quantization": how, "parity": parity}, indent=1))
    print(f"{model_path}: {len(content)} bytes, {how}")
    print(json.dumps(check(model_path), indent=1, sort_keys=True))
    return parity


class _Judge:
    """Fits a quantized network's temperature and band on validation patients, and compares it with float."""

    def __init__(
        self, deploy: Network, rows: list[Row], pictures: np.ndarray, metadata: dict[str, str]
    ) -> None:
        self.grades = np.array([row.grade for row in rows])
        self.pictures, self.metadata = pictures, metadata
        self.float_logits, self.float_maps = predict(deploy, pictures)

    def __call__(self, network: QuantizedNetwork) -> tuple[bytes, dict[str, float]]:
        """(the ONNX file, its parity figures)."""
        size = self.pictures.shape[1]
        unfitted = {"temperature": "1", "band_low": "0.5", "band_high": "0.5"}
        logits, maps = Model(to_onnx(network, size, {**self.metadata, **unfitted}))(self.pictures)
        temperature = round(fit_temperature(logits, self.grades), 4)
        score = scores(logits, temperature)
        low, high = fit_band(score, self.grades)
        fitted = {
            "temperature": f"{temperature}",
            "band_low": f"{low:.4f}",
            "band_high": f"{high:.4f}",
        }
        exact = scores(self.float_logits, temperature), self.float_maps[:, 1]
        parity = metrics.parity(self.grades, exact, (score, maps[:, 1]))
        return to_onnx(network, size, {**self.metadata, **fitted}), parity


def split_of_run(run_folder: Path, rows: list[Row]) -> tuple[list[Row], list[Row]]:
    """(training, validation) rows as the run's split.json divides them."""
    split = json.loads((run_folder / "split.json").read_text())
    unknown = {row.patient_id for row in rows} ^ {*split["training"], *split["validation"]}
    if unknown:
        raise SystemExit(f"{run_folder} was trained on other patients: {', '.join(sorted(unknown)[:5])} …")
    held_out = set(split["validation"])
    training = [row for row in rows if row.patient_id not in held_out]
    validation = [row for row in rows if row.patient_id in held_out]
    assert_no_patient_crosses(training, validation)
    return training, validation
