"""Small networks and folders shared by the tests."""

import numpy as np
import pytest
import torch
from torch import nn

from sonograde_train import repvgg, synthetic
from sonograde_train.onnx_file import to_onnx
from sonograde_train.quantize import quantize

METADATA = {
    "name": "test",
    "version": "1.2.3",
    "training_data": "noise",
    "intended_use": "demonstration",
    "source": "test",
    "temperature": "1.5",
    "band_low": "0.4",
    "band_high": "0.6",
}


@pytest.fixture
def folder(tmp_path):
    """Six patients with two pictures each."""
    synthetic.write(tmp_path / "data", patients=6, pictures=2, side=64)
    return tmp_path / "data"


def randomize_batch_norms(network: nn.Module, seed: int = 0) -> None:
    """Statistics and gains as after a training: nothing at its initial value."""
    rng = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor, low, high in (
                (module.weight, 0.3, 1.0),
                (module.bias, -0.5, 0.5),
                (module.running_mean, -0.5, 0.5),
                (module.running_var, 0.5, 2.0),
            ):
                tensor.data.uniform_(low, high, generator=rng)


@pytest.fixture(scope="session")
def small():
    """(deploy network of five convolutions, pictures u8 [24, 64, 64, 3], its quantized form)."""
    torch.manual_seed(0)
    blocks = [repvgg.Block(i, o, 2) for i, o in ((3, 8), (8, 12), (12, 16), (16, 16), (16, 20))]
    network = repvgg.Network(nn.Sequential(*blocks), 20)
    randomize_batch_norms(network)
    network.bias.data = torch.tensor([0.1, -0.2])
    deploy = repvgg.fuse(network.eval())
    pictures = np.random.default_rng(0).integers(0, 256, (24, 64, 64, 3), dtype=np.uint8)
    return deploy, pictures, quantize(deploy, pictures)


@pytest.fixture(scope="session")
def small_file(small) -> bytes:
    """`small` as an ONNX file."""
    return to_onnx(small[2], 64, METADATA)
