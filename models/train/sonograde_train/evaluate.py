"""Figures of a model file on labelled pictures it has never seen."""

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image

from . import cache, metrics
from .contract import check
from .data import Row, read_labels
from .preprocess import crop_resize
from .runtime import Model, scores
from .train import load_best, predict


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="folder of unseen patients")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True, help="folder for resized pictures")
    parser.add_argument(
        "--run",
        dest="run_folder",
        type=Path,
        help="the training run: refuses its patients, and compares with its float network",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """The `evaluate` command."""
    check(args.model)
    model, rows = Model(args.model), read_labels(args.data)
    if args.run_folder:
        _refuse_known_patients(args.run_folder, rows)
    pictures = cache.input_array(args.cache, rows, model.size)
    temperature, low, high = (
        float(model.metadata[key]) for key in ("temperature", "band_low", "band_high")
    )
    logits, maps = model(pictures)
    score = scores(logits, temperature)
    metrics.show("by picture", metrics.picture_figures(rows, score, (low, high)))
    metrics.show("by exam", {"auc": metrics.exam_auc(rows, score)})
    if all(row.mask for row in rows):
        metrics.show("activation map of high, high-grade pictures", map_figures(rows, maps[:, 1]))
    if args.run_folder:
        float_logits, float_maps = predict(load_best(args.run_folder)[0], pictures)
        exact = scores(float_logits, temperature), float_maps[:, 1]
        grades = np.array([row.grade for row in rows])
        metrics.show("float against int8", metrics.parity(grades, exact, (score, maps[:, 1])))


def map_figures(rows: list[Row], maps: np.ndarray) -> dict[str, float]:
    """Pointing game (Zhang et al. 2016, 10.1007/978-3-319-46493-0_33), positive energy in the mask."""
    hits, shares, areas = [], [], []
    for row, one in zip(rows, maps):
        if row.grade == 0:
            continue
        with Image.open(row.mask) as mask:
            inside = crop_resize(mask.convert("L"), row.roi, one.shape[-1]) / 255
        energy = np.clip(one, 0, None)
        hits.append(inside.flat[one.argmax()] >= 0.5)
        shares.append((energy * inside).sum() / max(energy.sum(), 1e-9))
        areas.append(inside.mean())
    return {
        "pointing_game": float(np.mean(hits)),
        "energy_in_mask": float(np.mean(shares)),
        "mask_share_of_roi": float(np.mean(areas)),
    }


def _refuse_known_patients(run_folder: Path, rows: list[Row]) -> None:
    split = json.loads((run_folder / "split.json").read_text())
    known = {row.patient_id for row in rows} & {*split["training"], *split["validation"]}
    if known:
        raise SystemExit(f"patients that the run has seen: {', '.join(sorted(known)[:5])} …")
