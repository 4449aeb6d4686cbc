"""Calibrated post-training quantization of a fused network.

Weights: int8, symmetric, one scale for each output channel. Activations: u8 with zero point 0 after each
ReLU, one scale a layer, clipped where the squared error on calibration pictures is least. The mean shift
that rounding causes is taken out of the bias, layer by layer, on what the quantized layers before it
really give (Nagel et al. 2019, 10.1109/ICCV.2019.00141, section 4.2). The head stays in float.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .repvgg import Network, convolutions

INPUT_SCALE = np.float32(1 / 255)


@dataclass(frozen=True)
class Layer:
    """One convolution 3x3 with padding 1, its ReLU and the rounding to u8 after it."""

    weight: np.ndarray  # int8 [co, ci, 3, 3], never -128
    weight_scale: np.ndarray  # f32 [co]
    bias: np.ndarray  # int32 [co], in units of input_scale * weight_scale
    stride: int
    input_scale: np.float32
    output_scale: np.float32

    @property
    def bias_scale(self) -> np.ndarray:
        """f32 [co]."""
        return self.input_scale * self.weight_scale


@dataclass(frozen=True)
class QuantizedNetwork:
    """Everything the ONNX file holds but its metadata."""

    layers: list[Layer]
    head: np.ndarray  # f32 [2, c, 1, 1]
    bias: np.ndarray  # f32 [2]


@torch.no_grad()
def quantize(deploy: Network, pictures: np.ndarray) -> QuantizedNetwork:
    """`deploy` (fused, on the CPU) → int8, calibrated on `pictures` u8 [n, h, w, 3]."""
    exact = torch.from_numpy(np.array(pictures)).permute(0, 3, 1, 2).float() / 255
    rounded, scale, layers = exact, INPUT_SCALE, []
    for conv in convolutions(deploy):
        weight_scale = _weight_scale(conv.weight)
        weight = (conv.weight / weight_scale[:, None, None, None]).round().clamp(-127, 127)
        dequantized = weight * weight_scale[:, None, None, None]

        exact_sum = _conv(exact, conv.weight, conv)
        shift = exact_sum.mean(dim=(0, 2, 3)) - _conv(rounded, dequantized, conv).mean(dim=(0, 2, 3))
        bias_scale = scale * weight_scale.numpy()
        bias = np.rint((conv.bias + shift).numpy() / bias_scale).astype(np.int32)

        bias_back = torch.from_numpy(bias.astype(np.float32) * bias_scale)
        output = F.relu(_conv(rounded, dequantized, conv) + bias_back[:, None, None])
        output_scale = np.float32(_clip(output) / 255)
        layers.append(
            Layer(
                weight.numpy().astype(np.int8),
                weight_scale.numpy(),
                bias,
                conv.stride[0],
                scale,
                output_scale,
            )
        )
        exact = F.relu(exact_sum + conv.bias[:, None, None])
        rounded = (output / float(output_scale)).round().clamp(0, 255) * float(output_scale)
        scale = output_scale
    return QuantizedNetwork(layers, deploy.head.weight.numpy(), deploy.bias.numpy())


def _conv(x: Tensor, weight: Tensor, like: torch.nn.Conv2d) -> Tensor:
    chunks = [F.conv2d(part, weight, None, like.stride, like.padding) for part in x.split(16)]
    return torch.cat(chunks)


def _weight_scale(weight: Tensor) -> Tensor:
    """f32 [co]: for each output channel the scale with the least squared rounding error."""
    flat = weight.flatten(1)
    largest = flat.abs().amax(dim=1, keepdim=True).clamp_min(1e-8)
    best, best_error = largest / 127, torch.full_like(largest, torch.inf)
    for share in np.linspace(0.6, 1.0, 41):
        scale = largest * float(share) / 127
        error = ((flat / scale).round().clamp(-127, 127) * scale - flat).square().sum(1, keepdim=True)
        best, best_error = (
            torch.where(error < best_error, scale, best),
            torch.minimum(error, best_error),
        )
    return best[:, 0]


def _clip(activation: Tensor, sample: int = 1_000_000) -> float:
    """The largest value worth representing: least squared error of u8 steps from 0 to it."""
    values = activation.flatten()
    largest = max(float(values.max()), 1e-6)
    values = values[:: max(1, values.numel() // sample)]
    errors = {}
    for share in np.linspace(0.1, 1.0, 91):
        scale = largest * float(share) / 255
        errors[largest * share] = float(
            ((values / scale).round().clamp(0, 255) * scale - values).square().mean()
        )
    return min(errors, key=errors.get)
