"""Picture → model input: the one definition, which `src/preprocess/` follows to the byte or within 1.

Named `roi-rgb-triangle-u8` in a model's metadata.
"""

import numpy as np
from PIL import Image

NAME = "roi-rgb-triangle-u8"

Box = tuple[int, int, int, int]
"""x, y, w, h in pixels of the picture."""


def crop_resize(picture: Image.Image, box: Box, size: int) -> np.ndarray:
    """The `box` of an RGB picture at `size` x `size`, u8 [size, size, 3]; of a mask u8 [size, size].

    Pillow's BILINEAR is a triangle filter whose support grows with the reduction (antialiased). What of
    the box lies outside the picture is black.
    """
    x, y, w, h = box
    crop = picture.crop((x, y, x + w, y + h))
    return np.asarray(crop.resize((size, size), Image.Resampling.BILINEAR))


def open_rgb(path) -> Image.Image:
    """The picture at `path`, decoded, as RGB."""
    with Image.open(path) as picture:
        return picture.convert("RGB")


def open_mask(path) -> Image.Image:
    """The mask at `path`, decoded, as grey levels: 255 is lesion."""
    with Image.open(path) as picture:
        return picture.convert("L")
