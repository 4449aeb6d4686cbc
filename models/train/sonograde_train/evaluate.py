"""Figures of a model file on labelled pictures it has never seen, as the `## Figures` of its card."""

import argparse
import json
from pathlib import Path

import numpy as np

from . import cache, card, metrics
from .contract import check
from .data import Row, read_labels
from .repvgg import CLASSES, STRIDE
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
    parser.add_argument("--card", type=Path, help="model card whose section Figures is written anew")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """The `evaluate` command."""
    check(args.model)
    model, rows = Model(args.model), read_labels(args.data)
    if args.run_folder:
        _refuse_known_patients(args.run_folder, rows)
    grades = np.array([row.grade for row in rows])
    if len(set(grades)) < len(CLASSES):
        raise SystemExit(f"{args.data}: figures need pictures of both grades")
    pictures = cache.input_array(args.cache, rows, model.size)
    masks = cache.input_masks(args.cache, rows, model.size // STRIDE)
    temperature, *band = (float(model.metadata[k]) for k in ("temperature", "band_low", "band_high"))

    def judge(logits: np.ndarray, maps: np.ndarray) -> tuple[np.ndarray, dict[str, str]]:
        score = scores(logits, temperature)
        return score, {
            **metrics.picture_figures(rows, score, band),
            **metrics.exam_figures(rows, score),
            **metrics.map_figures(grades, maps, masks),
        }

    logits, maps = model(pictures)
    score, figures = judge(logits, maps)
    columns, parity = {"int8": figures}, {}
    if args.run_folder:
        float_logits, float_maps = predict(load_best(args.run_folder)[0], pictures)
        exact, columns["float"] = judge(float_logits, float_maps)
        exported = args.run_folder / "export.json"
        if exported.exists():
            parity["validation"] = json.loads(exported.read_text())["parity"]
        parity["test"] = metrics.parity(grades, (exact, float_maps[:, 1]), (score, maps[:, 1]))
    section = card.figures_section(args.model, rows, columns, parity)
    print(section)
    if args.card:
        card.replace_figures(args.card, section)


def _refuse_known_patients(run_folder: Path, rows: list[Row]) -> None:
    split = json.loads((run_folder / "split.json").read_text())
    known = {row.patient_id for row in rows} & {*split["training"], *split["validation"]}
    if known:
        raise SystemExit(f"patients that the run has seen: {', '.join(sorted(known)[:5])} …")
