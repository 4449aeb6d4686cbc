import numpy as np
import torch
from torch.nn import functional as F

from sonograde_train.runtime import Model
from sonograde_train.train import predict


def integer_reference(network, picture: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The arithmetic of models/README.md in f64, where every integer sum is exact."""
    q = torch.from_numpy(picture.transpose(2, 0, 1)[None].astype(np.float64))
    for layer in network.layers:
        total = F.conv2d(
            q,
            torch.from_numpy(layer.weight.astype(np.float64)),
            torch.from_numpy(layer.bias.astype(np.float64)),
            layer.stride,
            padding=1,
        )
        factor = torch.from_numpy(layer.bias_scale.astype(np.float64) / layer.output_scale)
        q = (total * factor[:, None, None]).round().clamp(0, 255)
    feature = q * float(network.layers[-1].output_scale)
    one_map = F.conv2d(feature, torch.from_numpy(network.head.astype(np.float64)))
    return (one_map.mean(dim=(2, 3)).numpy() + network.bias)[0], one_map.numpy()[0]


def test_onnxruntime_gives_the_integer_arithmetic_of_the_contract(small, small_file):
    _, pictures, network = small
    logits, maps = Model(small_file)(pictures[:8])
    for picture, got_logits, got_map in zip(pictures, logits, maps):
        expected_logits, expected_map = integer_reference(network, picture)
        np.testing.assert_allclose(got_logits, expected_logits, atol=0.02 * np.abs(expected_map).max())
        np.testing.assert_allclose(got_map, expected_map, atol=0.02 * np.abs(expected_map).max())


def test_the_quantized_network_follows_the_float_one(small, small_file):
    deploy, pictures, _ = small
    exact, rounded = predict(deploy, pictures)[1], Model(small_file)(pictures)[1]
    assert np.corrcoef(exact.ravel(), rounded.ravel())[0, 1] > 0.99


def test_weights_are_symmetric_and_biases_are_in_their_unit(small):
    for layer in small[2].layers:
        assert layer.weight.min() >= -127 and layer.weight.max() > 60
        assert layer.bias.dtype == np.int32 and (layer.weight_scale > 0).all()
        assert np.abs(layer.bias).max() < 2**26
