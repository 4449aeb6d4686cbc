"""The whole pipeline on a tiny synthetic folder: what CI runs.

Trains a few steps of A0 at low resolution, fuses, quantizes, exports, and checks each joint.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from . import cache, contract, golden, synthetic
from .data import read_labels
from .export import export, split_of_run
from .finetune import finetune
from .metrics import Gate
from .onnx_file import to_onnx
from .quantize import quantize
from .runtime import Model
from .train import Settings, load_best, predict, train

FINE_TUNING_STEPS = 30
GATE = Gate(0.01, 0.05, 0.95)
"""Wider than a shipped model's: so little training leaves a network coarse."""

METADATA = {
    "name": "smoke",
    "version": "0.0.1",
    "training_data": "synthetic blobs",
    "intended_use": "demonstration",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=run)


def run(_args: argparse.Namespace) -> None:
    """The `smoke` command."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sonograde-smoke-") as scratch:
        check(Path(scratch))
    print(f"smoke: all held, {time.monotonic() - started:.0f} s")


def check(scratch: Path) -> None:
    """Raises AssertionError, or what the pipeline raises, if a joint does not hold."""
    data, out, model_path = scratch / "data", scratch / "run", scratch / "smoke.onnx"
    synthetic.write(data, patients=12, pictures=24)
    settings = Settings(
        "A0",
        ((64, 5),),
        batch=12,
        learning_rate=1e-3,
        weight_decay=0.05,
        smoothing=0.0,
        guidance=0.1,
        validation_share=0.34,
        seed=0,
    )
    train(data, out, settings, scratch / "cache")
    log = (out / "log.jsonl").read_text()
    train(data, out, settings, scratch / "cache")
    assert (out / "log.jsonl").read_text() == log, "a finished run was trained again"
    _held("trained, resumed at the end without another epoch")

    parity = export(data, out, scratch / "cache", model_path, METADATA, GATE)
    _held(f"int8 in onnxruntime follows the float network: {parity}")

    metadata = contract.check(model_path)
    assert all(metadata[key] == value for key, value in METADATA.items())
    _held("the file keeps the contract and its metadata")

    training, validation = split_of_run(out, read_labels(data))
    deploy, _ = load_best(out)
    pictures = cache.input_array(scratch / "cache", validation, 64)
    logits, maps = Model(model_path)(pictures)
    bias = deploy.bias.detach().numpy()
    assert np.abs(maps.mean(axis=(2, 3)) + bias - logits).max() < 0.01
    _held("mean of the activation map plus bias is the logit")

    exact = predict(deploy, pictures)[1]
    coarse = quantize(deploy, pictures[:2])
    views = cache.training_views(scratch / "cache", training, 64)
    tuned = finetune(deploy, coarse, views, 64, FINE_TUNING_STEPS)
    errors = [
        np.square(Model(to_onnx(network, 64, contract.check(model_path)))(pictures)[1] - exact).mean()
        for network in (coarse, tuned)
    ]
    assert errors[1] < errors[0], errors
    _held("fine-tuning brings the int8 maps of unseen patients closer to float")

    golden.write(model_path, read_labels(data), scratch / "golden")
    assert len(list((scratch / "golden").glob("*.png"))) == golden.PICTURES
    _held("golden vectors written")


def _held(what: str) -> None:
    print(f"smoke: {what}", flush=True)
