"""Pictures decoded and resized once, so that no epoch decodes a PNG.

Training pictures are kept with a margin around the ROI for the shifts and scales of `augment`, and a
second time as the whole pane. Validation and calibration pictures are exact model inputs.
"""

import hashlib
from collections.abc import Callable
from multiprocessing.pool import ThreadPool
from pathlib import Path

import numpy as np
from tqdm import tqdm

from .data import Row
from .preprocess import Box, crop_resize, open_rgb

MARGIN = 1.25
"""Side of what is kept over side of the ROI."""


def wide_box(row: Row) -> Box:
    """The ROI grown by MARGIN about its centre; may reach outside the picture."""
    x, y, w, h = row.roi
    grow_x, grow_y = round(w * (MARGIN - 1) / 2), round(h * (MARGIN - 1) / 2)
    return x - grow_x, y - grow_y, w + 2 * grow_x, h + 2 * grow_y


def training_arrays(folder: Path, rows: list[Row], size: int) -> tuple[np.ndarray, np.ndarray]:
    """(wide ROI, whole pane), each u8 [n, s, s, 3] with s = `size` * MARGIN."""
    side = round(size * MARGIN)
    return _cached(folder, "wide", rows, side, wide_box), _cached(
        folder, "pane", rows, side, lambda r: r.pane
    )


def input_array(folder: Path, rows: list[Row], size: int) -> np.ndarray:
    """Exact model inputs, u8 [n, size, size, 3]."""
    return _cached(folder, "input", rows, size, lambda row: row.roi)


def _cached(
    folder: Path, name: str, rows: list[Row], side: int, box: Callable[[Row], Box]
) -> np.ndarray:
    digest = hashlib.sha256(
        repr([(str(r.path), r.path.stat().st_mtime_ns, box(r)) for r in rows]).encode()
    )
    path = folder / f"{name}-{side}-{digest.hexdigest()[:16]}.npy"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        shape = (len(rows), side, side, 3)
        array = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)

        def fill(index: int) -> None:
            array[index] = crop_resize(open_rgb(rows[index].path), box(rows[index]), side)

        with ThreadPool() as pool:
            for _ in tqdm(pool.imap(fill, range(len(rows))), total=len(rows), desc=f"{name} {side}px"):
                pass
        array.flush()
        partial.rename(path)
    return np.load(path, mmap_mode="r")
