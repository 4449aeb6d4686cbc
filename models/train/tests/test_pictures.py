import numpy as np
import torch
from PIL import Image

from sonograde_train import cache
from sonograde_train.augment import augment
from sonograde_train.cache import Views
from sonograde_train.data import read_labels
from sonograde_train.preprocess import crop_resize, open_rgb


def triangle_weights(n_in: int, n_out: int) -> np.ndarray:
    """models/README.md, "Preprocessing", written out."""
    s = n_in / n_out
    centre = (np.arange(n_out)[:, None] + 0.5) * s
    weight = np.maximum(0, 1 - np.abs(np.arange(n_in)[None] + 0.5 - centre) / max(s, 1))
    return weight / weight.sum(axis=1, keepdims=True)


def test_the_resize_is_the_formula_of_the_contract():
    source = np.random.default_rng(0).integers(0, 256, (301, 223, 3), dtype=np.uint8)
    for box in ((11, 7, 200, 290), (0, 0, 223, 301), (50, 60, 40, 33)):
        x, y, w, h = box
        crop = source[y : y + h, x : x + w].astype(float)
        rows, columns = triangle_weights(h, 96), triangle_weights(w, 96)
        expected = np.einsum("ij,jkc,lk->ilc", rows, crop, columns, optimize=True)
        got = crop_resize(Image.fromarray(source), box, 96)
        assert np.abs(got - expected).max() <= 1.0


def test_outside_the_picture_is_black():
    white = Image.fromarray(np.full((20, 20, 3), 255, np.uint8))
    out = crop_resize(white, (-10, 0, 20, 20), 20)
    assert (out[:, :10] == 0).all() and (out[:, 10:] == 255).all()


def test_the_cache_holds_what_preprocessing_gives_and_notices_a_changed_roi(folder, tmp_path):
    rows = read_labels(folder)
    array = cache.input_array(tmp_path / "cache", rows, 64)
    assert (array[3] == crop_resize(open_rgb(rows[3].path), rows[3].roi, 64)).all()
    rewritten = (folder / "labels.csv").read_text().replace('"0,0,64,64"', '"1,1,63,63"')
    (folder / "labels.csv").write_text(rewritten)
    x, y, w, h = rows[3].roi
    moved = [type(row)(**{**vars(row), "roi": (x, y, w - 1, h - 1)}) for row in rows]
    assert (cache.input_array(tmp_path / "cache", moved, 64)[3] != array[3]).any()


def views_of(pictures: np.ndarray) -> Views:
    masks = np.zeros((len(pictures), cache.MASK_SIDE, cache.MASK_SIDE), np.uint8)
    return Views(*(torch.from_numpy(part) for part in (pictures, pictures, masks, masks)))


def test_augmented_pictures_are_bytes_over_255_and_repeat_with_the_seed():
    views = views_of(np.random.default_rng(0).integers(0, 256, (16, 80, 80, 3), dtype=np.uint8))
    x, lesion = augment(views, 64, torch.Generator().manual_seed(3))
    assert x.shape == (16, 3, 64, 64) and lesion.shape == (16, 1, 2, 2)
    torch.testing.assert_close((x * 255).round() / 255, x)
    assert 0 <= x.min() and x.max() <= 1
    assert torch.equal(x, augment(views, 64, torch.Generator().manual_seed(3))[0])
    assert not torch.equal(x, augment(views, 64, torch.Generator().manual_seed(4))[0])


def test_augmentation_keeps_the_lesion_in_the_picture():
    pictures = np.zeros((200, 80, 80, 3), np.uint8)
    pictures[:, 32:48, 32:48] = 255
    x, _ = augment(views_of(pictures), 64, torch.Generator().manual_seed(0))
    assert (x.mean(dim=1).flatten(1).gt(0.5).sum(dim=1) > 50).all()


def test_masks_are_cached_at_the_side_asked_for_and_empty_where_there_is_none(folder, tmp_path):
    rows = read_labels(folder)
    rows[1] = type(rows[1])(**{**vars(rows[1]), "mask": None})
    masks = cache.input_masks(tmp_path / "cache", rows, 7)
    assert masks.shape == (len(rows), 7, 7)
    assert masks[0, 3, 3] == 255 and not masks[1].any()
