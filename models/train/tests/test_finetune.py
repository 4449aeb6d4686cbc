import numpy as np
import torch
from conftest import METADATA

from sonograde_train.cache import Views
from sonograde_train.finetune import STEPS, FakeQuantized, finetune
from sonograde_train.onnx_file import to_onnx
from sonograde_train.quantize import quantize
from sonograde_train.runtime import Model


def outputs(network, pictures):
    return Model(to_onnx(network, 64, METADATA))(pictures)


def test_onnxruntime_gives_what_the_fake_quantized_network_gave(small):
    deploy, pictures, start = small
    student = FakeQuantized(deploy, start)
    rng = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in student.parameters():
            parameter.add_(0.02 * parameter.abs().mean() * torch.randn(parameter.shape, generator=rng))
        x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
        expected_logits, expected_maps = (part.numpy() for part in student(x))
    logits, maps = outputs(student.quantized(), pictures)
    step = student.output_scales[-1].exp().item() * np.abs(student.head.detach().numpy()).max()
    assert np.abs(maps - expected_maps).max() <= 2 * step
    assert np.abs(logits - expected_logits).max() <= step
    assert expected_maps.std() > 20 * step


def test_fine_tuning_repairs_a_bad_calibration(small):
    deploy, pictures, _ = small
    start = quantize(deploy, pictures[:1] // 4)
    blank = np.zeros((len(pictures), 40, 40), np.uint8)
    views = Views(pictures, pictures, blank, blank)
    tuned = finetune(deploy, start, views, 64, steps=STEPS)
    with torch.no_grad():
        exact = deploy(torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255)[1].numpy()
    before, after = (np.square(outputs(n, pictures)[1] - exact).mean() for n in (start, tuned))
    assert after < 0.9 * before
    for layer in tuned.layers:
        assert layer.weight.min() >= -127


def test_a_gradient_reaches_every_parameter(small):
    deploy, pictures, start = small
    student = FakeQuantized(deploy, start)
    x = torch.from_numpy(pictures[:4]).permute(0, 3, 1, 2).float() / 255
    student(x)[1].square().sum().backward()
    for name, parameter in student.named_parameters():
        if name != "bias":
            assert parameter.grad.abs().sum() > 0, name
