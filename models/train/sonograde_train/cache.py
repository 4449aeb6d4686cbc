"""Pictures decoded and resized once, so that no epoch decodes a PNG.

Training pictures are kept with a margin around the ROI for the shifts and scales of `augment`, and a
second time as the whole pane. Validation and calibration pictures are exact model inputs.
"""

import hashlib
from collections.abc import Callable
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from tqdm import tqdm

from .data import Row
from .preprocess import Box, crop_resize, open_mask, open_rgb

MARGIN = 1.25
"""Side of what is kept over side of the ROI."""

MASK_SIDE = 40
"""Side of a training picture's lesion mask: several cells of it make one cell of an activation map."""


class Views(NamedTuple):
    """Training pictures twice: the ROI with its margin (`wide`) and the whole `pane`, u8, with their masks.

    A picture whose lesion is not known has an empty mask.
    """

    wide: np.ndarray | torch.Tensor  # [n, s, s, 3] with s = size * MARGIN
    pane: np.ndarray | torch.Tensor
    wide_mask: np.ndarray | torch.Tensor  # [n, MASK_SIDE, MASK_SIDE], 255 is lesion
    pane_mask: np.ndarray | torch.Tensor

    def batch(self, indices: np.ndarray) -> "Views":
        """The pictures at ascending `indices`, as tensors."""
        return Views(*(torch.from_numpy(np.array(part[indices])) for part in self))


def wide_box(row: Row) -> Box:
    """The ROI grown by MARGIN about its centre; may reach outside the picture."""
    x, y, w, h = row.roi
    grow_x, grow_y = round(w * (MARGIN - 1) / 2), round(h * (MARGIN - 1) / 2)
    return x - grow_x, y - grow_y, w + 2 * grow_x, h + 2 * grow_y


def training_views(folder: Path, rows: list[Row], size: int) -> Views:
    """What `augment` makes training pictures of `size` x `size` from."""
    side = round(size * MARGIN)
    return Views(
        _pictures(folder, "wide", rows, side, wide_box),
        _pictures(folder, "pane", rows, side, lambda row: row.pane),
        _masks(folder, "wide-mask", rows, MASK_SIDE, wide_box),
        _masks(folder, "pane-mask", rows, MASK_SIDE, lambda row: row.pane),
    )


def input_array(folder: Path, rows: list[Row], size: int) -> np.ndarray:
    """Exact model inputs, u8 [n, size, size, 3]."""
    return _pictures(folder, "input", rows, size, lambda row: row.roi)


def input_masks(folder: Path, rows: list[Row], side: int) -> np.ndarray:
    """The lesion within each exact model input, u8 [n, side, side]; empty where there is no mask."""
    return _masks(folder, "input-mask", rows, side, lambda row: row.roi)


def _pictures(folder: Path, name: str, rows: list[Row], side: int, box: Callable[[Row], Box]) -> np.ndarray:
    keys = [(str(row.path), row.path.stat().st_mtime_ns, box(row)) for row in rows]
    return _cached(
        folder,
        f"{name}-{side}",
        keys,
        (side, side, 3),
        lambda i: crop_resize(open_rgb(rows[i].path), box(rows[i]), side),
    )


def _masks(folder: Path, name: str, rows: list[Row], side: int, box: Callable[[Row], Box]) -> np.ndarray:
    keys = [(str(row.mask), row.mask and row.mask.stat().st_mtime_ns, box(row)) for row in rows]

    def draw(index: int) -> np.ndarray:
        mask = rows[index].mask
        if mask is None:
            return np.zeros((side, side), np.uint8)
        return crop_resize(open_mask(mask), box(rows[index]), side)

    return _cached(folder, f"{name}-{side}", keys, (side, side), draw)


def _cached(
    folder: Path, name: str, keys: list, shape: tuple[int, ...], draw: Callable[[int], np.ndarray]
) -> np.ndarray:
    """[len(keys), *shape] of what `draw` gives for each index, kept in a file named after the `keys`."""
    path = folder / f"{name}-{hashlib.sha256(repr(keys).encode()).hexdigest()[:16]}.npy"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        array = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=(len(keys), *shape))

        def fill(index: int) -> None:
            array[index] = draw(index)

        with ThreadPool() as pool:
            for _ in tqdm(pool.imap(fill, range(len(keys))), total=len(keys), desc=name, mininterval=5):
                pass
        array.flush()
        partial.rename(path)
    return np.load(path, mmap_mode="r")
