"""Keeps class evidence inside the lesion: right for the right reasons.

The idea of Ross et al. 2017 (10.24963/ijcai.2017/371), in the energy form of Rao et al. 2023 (arXiv
2303.11932): the network is paid for the share of each class's positive evidence that lies in the lesion,
wherever in it and however strong, so the labels alone still decide what the evidence is.
"""

from torch import Tensor
from torch.nn import functional as F


def outside_loss(activation_map: Tensor, lesion: Tensor) -> Tensor:
    """Mean of -log(share of the evidence inside), over both classes and the pictures that show a lesion.

    `activation_map` [n, 2, h, w]; `lesion` [n, 1, h, w], 0 to 1, all 0 where the lesion is unknown or out of
    view. Evidence is softplus of the map: its positive part, with a slope where the map is negative
    throughout. A cell counts relative to the fullest, so a lesion smaller than a cell can be met too.
    """
    fullest = lesion.amax(dim=(2, 3), keepdim=True)
    inside = lesion / fullest.clamp_min(1e-6)
    evidence = F.softplus(activation_map)
    share = (evidence * inside).sum(dim=(2, 3)) / evidence.sum(dim=(2, 3)).clamp_min(1e-6)
    shown = (fullest[:, :, 0, 0] > 0).float()
    losses = -share.clamp_min(1e-6).log() * shown
    return losses.mean(dim=1).sum() / shown.sum().clamp_min(1)
