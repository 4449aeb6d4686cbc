"""Random changes that leave the grade what it is: where the ROI was drawn, and how the scanner was set.

Only what a second sonographer could have done to the same lesion: mirrored probe, a looser, tighter or
shifted ROI, none at all (the whole pane), another gain or dynamic range, capture noise.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from .cache import MARGIN

WHOLE_PANE = 0.15
"""Share of pictures shown as the whole pane, as the daemon does before a ROI is drawn."""


def augment(wide: Tensor, pane: Tensor, size: int, rng: torch.Generator) -> Tensor:
    """u8 [n, s, s, 3] twice (see `cache.training_arrays`) → f32 [n, 3, size, size] of byte / 255."""
    n = wide.shape[0]

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(n, *shape, generator=rng)

    whole = torch.rand(n, generator=rng) < WHOLE_PANE
    source = torch.where(whole[:, None, None, None], pane, wide).permute(0, 3, 1, 2).float() / 255

    zoom = torch.where(whole, uniform(0.9, 1.0), uniform(0.85, 1.2) / MARGIN)
    aspect = uniform(0.92, 1.08).sqrt()
    mirror = torch.where(torch.rand(n, 2, generator=rng) < 0.5, -1.0, 1.0)
    shift = uniform(-0.1, 0.1, 2)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 1, 1] = zoom * aspect * mirror[:, 0], zoom / aspect * mirror[:, 1]
    theta[:, :, 2] = shift
    grid = F.affine_grid(theta, [n, 3, size, size], align_corners=False)
    x = F.grid_sample(source, grid, mode="bilinear", padding_mode="zeros", align_corners=False)

    gamma, gain, noise = (
        uniform(0.8, 1.25, 1, 1, 1),
        uniform(0.8, 1.25, 1, 1, 1),
        uniform(0, 0.02, 1, 1, 1),
    )
    x = gain * x.clamp_min(1e-6).pow(gamma) + noise * torch.randn(x.shape, generator=rng)
    return (x.clamp(0, 1) * 255).round() / 255
