"""Random changes that leave the grade what it is: where the ROI was drawn, and how the scanner was set.

Only what a second sonographer could have done to the same lesion: mirrored probe, a looser, tighter or
shifted ROI, none at all (the whole pane), another gain or dynamic range, capture noise.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from .cache import MARGIN, Views
from .repvgg import STRIDE

WHOLE_PANE = 0.15
"""Share of pictures shown as the whole pane, as the daemon does before a ROI is drawn."""


SAMPLES = 4
"""Points on each side of an activation map's cell at which the lesion mask is looked up."""


def augment(views: Views, size: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """(pictures f32 [n, 3, size, size] of byte / 255, lesion f32 [n, 1, size / 32, size / 32]).

    `lesion` is the share of each cell of the activation map that is lesion, 0 to 1, after the same shift,
    zoom and mirror as the picture.
    """
    n = views.wide.shape[0]

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(n, *shape, generator=rng)

    whole = torch.rand(n, generator=rng) < WHOLE_PANE
    source = torch.where(whole[:, None, None, None], views.pane, views.wide)
    mask = torch.where(whole[:, None, None], views.pane_mask, views.wide_mask)

    zoom = torch.where(whole, uniform(0.9, 1.0), uniform(0.85, 1.2) / MARGIN)
    aspect = uniform(0.92, 1.08).sqrt()
    mirror = torch.where(torch.rand(n, 2, generator=rng) < 0.5, -1.0, 1.0)
    shift = uniform(-0.1, 0.1, 2)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 1, 1] = zoom * aspect * mirror[:, 0], zoom / aspect * mirror[:, 1]
    theta[:, :, 2] = shift
    x = _moved(source.permute(0, 3, 1, 2), theta, size)
    lesion = F.avg_pool2d(_moved(mask[:, None], theta, size // STRIDE * SAMPLES), SAMPLES)

    gamma, gain, noise = (
        uniform(0.8, 1.25, 1, 1, 1),
        uniform(0.8, 1.25, 1, 1, 1),
        uniform(0, 0.02, 1, 1, 1),
    )
    x = gain * x.clamp_min(1e-6).pow(gamma) + noise * torch.randn(x.shape, generator=rng)
    return (x.clamp(0, 1) * 255).round() / 255, lesion


def _moved(source: Tensor, theta: Tensor, size: int) -> Tensor:
    """u8 [n, c, s, s] → f32 [n, c, size, size], 0 to 1, under the affine maps `theta` [n, 2, 3]."""
    grid = F.affine_grid(theta, [*source.shape[:2], size, size], align_corners=False)
    return F.grid_sample(source.float() / 255, grid, padding_mode="zeros", align_corners=False)
