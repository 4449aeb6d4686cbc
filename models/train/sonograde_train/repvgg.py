"""RepVGG with a class activation map as its head.

Architecture: Ding et al., "RepVGG: Making VGG-style ConvNets Great Again", CVPR 2021,
10.1109/CVPR46437.2021.01352, section 4.1 and table 2. Head: global average pooling and one linear
layer, written as a 1x1 convolution before the mean so that the activation map of Zhou et al. 2016
(10.1109/CVPR.2016.319) is an output and not an afterthought.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CLASSES = ("low", "high")
STRIDE = 32

# Blocks in the four stages, and their widths: (64, 128, 256) * a and 512 * b of the paper.
VARIANTS = {
    "A0": ((2, 4, 14, 1), (48, 96, 192, 1280)),
    "A1": ((2, 4, 14, 1), (64, 128, 256, 1280)),
    "B0": ((4, 6, 16, 1), (64, 128, 256, 1280)),
}


class Block(nn.Module):
    """Training form: 3x3, 1x1 and (where the shape allows) identity, each with its own BN, summed."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv3 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        same_shape = inputs == outputs and stride == 1
        self.bn_identity = nn.BatchNorm2d(outputs) if same_shape else None

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn3(self.conv3(x)) + self.bn1(self.conv1(x))
        if self.bn_identity is not None:
            y = y + self.bn_identity(x)
        return F.relu(y)

    def fused(self) -> nn.Conv2d:
        """The one 3x3 convolution with a bias that equals this block before its ReLU."""
        kernel, bias = _fold(self.conv3.weight, self.bn3)
        kernel1, bias1 = _fold(F.pad(self.conv1.weight, (1, 1, 1, 1)), self.bn1)
        kernel, bias = kernel + kernel1, bias + bias1
        if self.bn_identity is not None:
            delta = torch.zeros_like(self.conv3.weight)
            channels = torch.arange(delta.shape[0])
            delta[channels, channels, 1, 1] = 1.0
            kernel0, bias0 = _fold(delta, self.bn_identity)
            kernel, bias = kernel + kernel0, bias + bias0
        outputs, inputs = kernel.shape[:2]
        conv = nn.Conv2d(inputs, outputs, 3, self.conv3.stride, padding=1)
        conv.weight.data.copy_(kernel)
        conv.bias.data.copy_(bias)
        return conv


def _fold(kernel: Tensor, bn: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Kernel and bias of a convolution followed by `bn` at its running statistics."""
    gain = bn.weight.double() / (bn.running_var.double() + bn.eps).sqrt()
    bias = bn.bias.double() - bn.running_mean.double() * gain
    return kernel.double() * gain[:, None, None, None], bias


class Network(nn.Module):
    """A body of convolutions and the activation-map head.

    Input: [n, 3, H, W] of byte / 255, H and W multiples of 32. There is no mean and no deviation: zero
    padding must mean black. Output: logits [n, 2] and activation map [n, 2, H/32, W/32] (low, high).
    """

    def __init__(self, body: nn.Sequential, channels: int) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Conv2d(channels, len(CLASSES), 1, bias=False)
        self.bias = nn.Parameter(torch.zeros(len(CLASSES)))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        activation_map = self.head(self.body(x))
        return activation_map.mean(dim=(2, 3)) + self.bias, activation_map


def build(variant: str) -> Network:
    """A fresh network in training form."""
    depths, widths = VARIANTS[variant]
    stem = min(64, widths[0])
    blocks, inputs = [Block(3, stem, 2)], stem
    for depth, width in zip(depths, widths):
        for index in range(depth):
            blocks.append(Block(inputs, width, 2 if index == 0 else 1))
            inputs = width
    return Network(nn.Sequential(*blocks), inputs)


def fuse(network: Network) -> Network:
    """The deploy form: the body is Conv 3x3 → ReLU throughout; equal to `network` in eval mode."""
    layers: list[nn.Module] = []
    for block in network.body:
        layers += [block.fused(), nn.ReLU()]
    deploy = Network(nn.Sequential(*layers), network.head.in_channels)
    deploy.head.load_state_dict(network.head.state_dict())
    deploy.bias.data.copy_(network.bias.data)
    return deploy.eval()


def convolutions(deploy: Network) -> list[nn.Conv2d]:
    """The body's convolutions of a deploy network, in order."""
    return [layer for layer in deploy.body if isinstance(layer, nn.Conv2d)]
