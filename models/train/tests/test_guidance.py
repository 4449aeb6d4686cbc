import numpy as np
import pytest
import torch

from sonograde_train.augment import augment
from sonograde_train.cache import Views
from sonograde_train.guidance import outside_loss
from sonograde_train.metrics import map_figures


def spot(row: int, column: int, value: float) -> torch.Tensor:
    activation_map = torch.full((1, 2, 4, 4), -20.0)
    activation_map[:, :, row, column] = value
    return activation_map


def test_evidence_inside_costs_nothing_and_outside_much():
    lesion = torch.zeros(1, 1, 4, 4)
    lesion[:, :, 1:3, 1:3] = 1
    assert outside_loss(spot(1, 2, 3.0), lesion) == pytest.approx(0, abs=1e-4)
    assert outside_loss(spot(0, 0, 3.0), lesion) > 5
    assert outside_loss(torch.zeros(1, 2, 4, 4), lesion) == pytest.approx(np.log(4), abs=1e-4)


def test_a_lesion_smaller_than_a_cell_can_be_met():
    lesion = torch.zeros(1, 1, 4, 4)
    lesion[:, :, 1, 1] = 0.2
    assert outside_loss(spot(1, 1, 3.0), lesion) == pytest.approx(0, abs=1e-4)


def test_pictures_without_a_lesion_do_not_count():
    lesion = torch.zeros(2, 1, 4, 4)
    both = torch.cat([spot(0, 0, 3.0), spot(0, 0, 3.0)])
    assert outside_loss(both, lesion) == 0
    lesion[0, :, 2, 2] = 1
    assert outside_loss(both, lesion) == pytest.approx(float(outside_loss(both[:1], lesion[:1])))


def test_the_mask_moves_with_the_picture():
    rng = np.random.default_rng(0)
    corners = rng.integers(10, 24, (100, 2))
    mask = np.zeros((100, 40, 40), np.uint8)
    for one, (top, left) in zip(mask, corners):
        one[top : top + 9, left : left + 6] = 255
    picture = mask.repeat(4, axis=1).repeat(4, axis=2)[..., None].repeat(3, axis=3)
    views = Views(*(torch.from_numpy(part) for part in (picture, picture, mask, mask)))
    x, lesion = augment(views, 128, torch.Generator().manual_seed(0))
    seen = torch.nn.functional.avg_pool2d(x.amax(dim=1, keepdim=True), 32)
    assert lesion.shape == seen.shape == (100, 1, 4, 4)
    assert np.corrcoef(seen.flatten(), lesion.flatten())[0, 1] > 0.98


def test_the_pointing_game_by_grade():
    maps, masks = np.zeros((4, 2, 2, 2), np.float32), np.zeros((4, 2, 2), np.uint8)
    masks[:3, 0, 0] = 255
    maps[0, 1, 0, 0] = maps[1, 1, 1, 1] = maps[2, 0, 0, 0] = 2.0
    maps[0, 1, 1, 1] = 1.0
    figures = map_figures(np.array([1, 1, 0, 1]), maps, masks)
    assert figures["pointing_game_high"] == 0.5 and figures["pointing_game_low"] == 1
    assert figures["energy_in_mask_high"] == pytest.approx(1 / 3)
