"""Golden vectors: preprocessed pictures with the outputs that onnxruntime gives for them.

An engine is right when it gives these numbers on the very box it runs on.
"""

import argparse
import hashlib
import json
from pathlib import Path

from PIL import Image

from .data import Row, read_labels
from .preprocess import crop_resize, open_rgb
from .repvgg import CLASSES
from .runtime import Model, scores

PICTURES = 6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, required=True, help="folder the pictures are taken from")
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """The `golden` command."""
    write(args.model, read_labels(args.data), args.out)


def write(model_path: Path, rows: list[Row], out: Path) -> None:
    """PICTURES pictures of alternating grade, each of another patient, and golden.json."""
    model = Model(model_path)
    temperature = float(model.metadata["temperature"])
    out.mkdir(parents=True, exist_ok=True)
    vectors = []
    for index, row in enumerate(_choose(rows)):
        picture = crop_resize(open_rgb(row.path), row.roi, model.size)
        logits, maps = model(picture[None])
        name = f"{index}-{CLASSES[row.grade]}.png"
        Image.fromarray(picture).save(out / name, optimize=True)
        vectors.append(
            {
                "picture": name,
                "grade": CLASSES[row.grade],
                "logits": logits[0].tolist(),
                "score": float(scores(logits, temperature)[0]),
                "map_high": maps[0, 1].tolist(),
            }
        )
    content = {
        "model": model_path.name,
        "sha256": hashlib.sha256(model_path.read_bytes()).hexdigest(),
        "vectors": vectors,
    }
    (out / "golden.json").write_text(json.dumps(content, indent=1) + "\n")


def _choose(rows: list[Row]) -> list[Row]:
    """From the middle of each exam, spread over the patients, low and high in turn."""
    chosen = []
    for grade in range(len(CLASSES)):
        patients = sorted({row.patient_id for row in rows if row.grade == grade})
        for patient in patients[:: max(1, len(patients) // (PICTURES // 2))][: PICTURES // 2]:
            exam = sorted((row for row in rows if row.patient_id == patient), key=lambda row: row.t_ms or 0)
            chosen.append((len(chosen) % (PICTURES // 2), grade, exam[len(exam) // 2]))
    return [row for _, _, row in sorted(chosen, key=lambda item: item[:2])]
