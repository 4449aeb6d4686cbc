"""A folder in the layout of `labels.csv` with blobs in speckle: for the smoke run and the tests.

It is no model of CEUS. High grade has a dark core, low grade does not, and that is all.
"""

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from .data import COLUMNS
from .repvgg import CLASSES


def write(folder: Path, patients: int, pictures: int, seed: int = 0, side: int = 160) -> None:
    """`patients` patients of alternating grade with one exam of `pictures` pictures each."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    yy, xx = np.mgrid[:side, :side] / side
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for patient in range(patients):
            grade = patient % 2
            cx, cy, radius = rng.uniform(0.4, 0.6), rng.uniform(0.4, 0.6), rng.uniform(0.18, 0.25)
            distance = np.hypot(xx - cx, yy - cy) / radius
            mask = f"p{patient:03}-mask.png"
            Image.fromarray(((distance < 1) * 255).astype(np.uint8)).save(folder / mask)
            for picture in range(pictures):
                light = 0.25 + 0.45 * (distance < 1) - 0.4 * grade * (distance < 0.5)
                speckle = rng.rayleigh(0.8, (side, side))
                grey = np.clip(light * speckle, 0, 1)[..., None] * [255, 180, 80]
                path = f"p{patient:03}-{picture:03}.png"
                Image.fromarray(grey.astype(np.uint8)).save(folder / path)
                half = round(1.2 * radius * side)
                left, top = max(0, round(cx * side) - half), max(0, round(cy * side) - half)
                roi = (left, top, min(2 * half, side - left), min(2 * half, side - top))
                writer.writerow(
                    [
                        f"p{patient:03}",
                        f"e{patient:03}",
                        path,
                        100 * picture,
                        CLASSES[grade],
                        f"0,0,{side},{side}",
                        ",".join(map(str, roi)),
                        mask,
                    ]
                )
