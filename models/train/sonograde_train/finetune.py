"""Quantization-aware fine-tuning, for a network whose calibrated rounding alone costs too much.

Starts from the fused float network and its calibrated quantization. The forward pass is the contract's
integer arithmetic; backwards every rounding is the identity (straight-through estimator), and the scales of
weights and activations learn with the weights (Esser et al. 2020, "Learned Step Size Quantization",
arXiv 1902.08153). The teacher is the float network itself: its logits and maps are what int8 has to give,
so no label is looked at.
"""

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from .augment import augment
from .cache import Views
from .quantize import INPUT_SCALE, Layer, QuantizedNetwork
from .repvgg import Network, convolutions

STEPS = 80
BATCH = 16
WEIGHT_RATE = 2e-5
SCALE_RATE = 1e-3


class FakeQuantized(nn.Module):
    """`deploy` with the rounding of `start`: integers in f32, trainable."""

    def __init__(self, deploy: Network, start: QuantizedNetwork) -> None:
        super().__init__()
        self.strides = [layer.stride for layer in start.layers]
        self.weights = nn.ParameterList(conv.weight.detach().clone() for conv in convolutions(deploy))
        self.biases = nn.ParameterList(
            torch.from_numpy(layer.bias * layer.bias_scale).float() for layer in start.layers
        )
        self.weight_scales = nn.ParameterList(
            torch.from_numpy(layer.weight_scale).log() for layer in start.layers
        )
        self.output_scales = nn.ParameterList(
            torch.tensor(layer.output_scale).log() for layer in start.layers
        )
        self.head = nn.Parameter(torch.from_numpy(start.head.copy()))
        self.bias = nn.Parameter(torch.from_numpy(start.bias.copy()))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """As `Network`: [n, 3, H, W] of byte / 255 → logits [n, 2], activation map [n, 2, H/32, W/32]."""
        q, scale = (x * 255).round(), x.new_tensor(float(INPUT_SCALE))
        for index, stride in enumerate(self.strides):
            weight, weight_scale, bias = self._integers(index, scale)
            output_scale = self.output_scales[index].exp()
            factor = scale * weight_scale / output_scale
            total = F.conv2d(q, weight * factor[:, None, None, None], bias * factor, stride, padding=1)
            q = _Round.apply(total.clamp(0, 255))
            scale = output_scale
        activation_map = F.conv2d(q * scale, self.head)
        return activation_map.mean(dim=(2, 3)) + self.bias, activation_map

    def _integers(self, index: int, input_scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(int8 weight, its scales, int32 bias) of one layer, in f32."""
        scale = self.weight_scales[index].exp()
        weight = _Round.apply(self.weights[index] / scale[:, None, None, None]).clamp(-127, 127)
        return weight, scale, _Round.apply(self.biases[index] / (input_scale * scale))

    @torch.no_grad()
    def quantized(self) -> QuantizedNetwork:
        """What the ONNX file is to hold."""
        layers, scale = [], torch.tensor(INPUT_SCALE, device=self.bias.device)
        for index, stride in enumerate(self.strides):
            weight, weight_scale, bias = self._integers(index, scale)
            output_scale = self.output_scales[index].exp()
            layers.append(
                Layer(
                    weight.cpu().numpy().astype(np.int8),
                    weight_scale.cpu().numpy(),
                    bias.cpu().numpy().astype(np.int32),
                    stride,
                    np.float32(scale.item()),
                    np.float32(output_scale.item()),
                )
            )
            scale = output_scale
        return QuantizedNetwork(layers, self.head.cpu().numpy(), self.bias.cpu().numpy())


class _Round(torch.autograd.Function):
    """Half to even; the identity backwards."""

    @staticmethod
    def forward(_ctx, x: Tensor) -> Tensor:
        return x.round()

    @staticmethod
    def backward(_ctx, gradient: Tensor) -> Tensor:
        return gradient


def finetune(
    deploy: Network, start: QuantizedNetwork, views: Views, size: int, steps: int = STEPS
) -> QuantizedNetwork:
    """`start` after `steps` batches of training pictures, closer to `deploy` (the float network)."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    rng = torch.Generator().manual_seed(0)
    teacher, student = deploy.to(device), FakeQuantized(deploy, start).to(device)
    scales = [*student.weight_scales, *student.output_scales]
    others = [*student.weights, *student.biases, student.head, student.bias]
    optimizer = torch.optim.Adam(
        [{"params": others, "lr": WEIGHT_RATE}, {"params": scales, "lr": SCALE_RATE}]
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: 0.5 * (1 + math.cos(math.pi * step / steps))
    )
    progress = tqdm(range(steps), desc="int8 fine-tuning", mininterval=5)
    for _ in progress:
        indices = torch.randperm(len(views.wide), generator=rng)[:BATCH].sort().values.numpy()
        x = augment(views.batch(indices), size, rng)[0].to(device)
        with torch.no_grad():
            wanted = teacher(x)
        loss = _distance(student(x), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        progress.set_postfix(loss=f"{loss.item():.4f}", refresh=False)
    return student.quantized()


def _distance(got: tuple[Tensor, Tensor], wanted: tuple[Tensor, Tensor]) -> Tensor:
    """Squared error of the logits, and of the maps in units of their variance."""
    return F.mse_loss(got[0], wanted[0]) + F.mse_loss(got[1], wanted[1]) / wanted[1].var()
