import pytest
import torch
from conftest import randomize_batch_norms

from sonograde_train import repvgg


@pytest.mark.parametrize("variant", repvgg.VARIANTS)
def test_the_fused_network_equals_the_trained_one(variant):
    torch.manual_seed(0)
    network = repvgg.build(variant)
    randomize_batch_norms(network)
    network.eval()
    pictures = torch.rand(4, 3, 96, 96)
    with torch.no_grad():
        logits, activation_map = network(pictures)
        network.head.weight /= activation_map.std()
        trained, fused = network(pictures), repvgg.fuse(network)(pictures)
    assert trained[1].std() > 0.5
    assert (trained[0] - fused[0]).abs().max() <= 1e-4
    assert (trained[1] - fused[1]).abs().max() <= 1e-3


@pytest.mark.parametrize(
    ("variant", "count", "stem", "last"),
    [("A0", 22, 48, 1280), ("A1", 22, 64, 1280), ("B0", 28, 64, 1280)],
)
def test_depth_and_widths_are_those_of_the_paper(variant, count, stem, last):
    convs = repvgg.convolutions(repvgg.fuse(repvgg.build(variant).eval()))
    assert (len(convs), convs[0].out_channels, convs[-1].out_channels) == (count, stem, last)
    assert sum(conv.stride == (2, 2) for conv in convs) == 5


@pytest.mark.parametrize(("variant", "millions"), [("A0", 8.30), ("A1", 12.78), ("B0", 14.33)])
def test_there_are_as_many_parameters_as_in_the_paper(variant, millions):
    """Table 4, which counts a classifier of 1,000 classes and cuts the third decimal."""
    body = repvgg.fuse(repvgg.build(variant).eval()).body
    classifier = 1280 * 1000 + 1000
    count = sum(parameter.numel() for parameter in body.parameters()) + classifier
    assert millions <= count / 1e6 < millions + 0.01


def test_the_mean_of_the_map_plus_the_bias_is_the_logit():
    network = repvgg.build("A0").eval()
    network.bias.data = torch.tensor([0.25, -0.5])
    with torch.no_grad():
        logits, activation_map = network(torch.rand(2, 3, 64, 96))
    assert activation_map.shape == (2, 2, 2, 3)
    torch.testing.assert_close(activation_map.mean(dim=(2, 3)) + network.bias.data, logits)
