"""The networks of the papers, layer by layer."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tlcore.networks import build_classifier, build_domain_classifier
from tlcore.networks.classifiers import CentreInputs
from tlcore.specs import PaperMnist, PaperSvhn, Perceptron, SmallCnn


def shapes(module: nn.Module) -> dict[str, tuple[int, ...]]:
    """The shapes of the weights, without biases."""
    return {
        name.removesuffix(".weight"): tuple(tensor.shape)
        for name, tensor in module.named_parameters()
        if name.endswith("weight")
    }


def maps(module: nn.Sequential, inputs: torch.Tensor) -> dict[str, tuple[int, ...]]:
    """The shape of what each layer gives for one example."""
    found = {}
    for name, layer in module.named_children():
        inputs = layer(inputs)
        found[name] = tuple(inputs.shape[1:])
    return found


def test_the_papers_network_for_mnist() -> None:
    """Figure 4a of Ganin et al. 2016: conv5-32, pool, conv5-48, pool, 100-100-10; domain head 100-1."""
    network = build_classifier(PaperMnist(), (3, 28, 28), 10, torch.zeros(3, 1, 1))
    assert shapes(network.extractor) == {"conv1": (32, 3, 5, 5), "conv2": (48, 32, 5, 5)}
    assert shapes(network.predictor) == {"dense1": (100, 48 * 7 * 7), "dense2": (100, 100), "output": (10, 100)}
    given = maps(network.extractor, torch.zeros(2, 3, 28, 28))
    assert given["conv1"] == (32, 28, 28) and given["conv2"] == (48, 14, 14)
    assert given["relu1"] == (32, 14, 14) and given["relu2"] == (48, 7, 7)
    assert given["flatten"] == (network.feature_width,) == (2352,)
    head = build_domain_classifier(network.feature_width, 1, 100, 0.0)
    assert shapes(head) == {"dense1": (100, 2352), "output": (1, 100)}
    assert head(torch.zeros(5, 2352)).shape == (5, 1)


def test_the_papers_network_for_svhn() -> None:
    """Figure 4b: conv5-64, pool 3/2, conv5-64, pool 3/2, conv5-128, 3072-2048-10; dropout."""
    network = build_classifier(PaperSvhn(), (3, 32, 32), 10, torch.zeros(3, 1, 1))
    assert shapes(network.extractor) == {"conv1": (64, 3, 5, 5), "conv2": (64, 64, 5, 5), "conv3": (128, 64, 5, 5)}
    widths = shapes(network.predictor)
    assert widths == {"dense1": (3072, network.feature_width), "dense2": (2048, 3072), "output": (10, 2048)}
    pools = [layer for layer in network.extractor if isinstance(layer, nn.MaxPool2d)]
    assert [(pool.kernel_size, pool.stride) for pool in pools] == [(3, 2), (3, 2)]
    assert sum(isinstance(layer, nn.Dropout) for layer in network.modules()) == 3


def test_the_small_networks() -> None:
    network = build_classifier(SmallCnn(), (3, 16, 16), 10, torch.zeros(3, 1, 1))
    assert shapes(network.extractor) == {"conv1": (16, 3, 5, 5), "conv2": (32, 16, 5, 5), "dense1": (100, 512)}
    assert shapes(network.predictor) == {"output": (10, 100)}
    plane = build_classifier(Perceptron(), (2,), 2, torch.zeros(2))
    assert shapes(plane.extractor) == {"dense1": (15, 2)}
    assert [type(layer) for layer in plane.extractor] == [CentreInputs, nn.Linear, nn.Sigmoid]


@pytest.mark.parametrize(("hidden", "expected"), [(0, ["output"]), (2, ["dense1", "dense2", "output"])])
def test_depth_of_the_domain_classifier(hidden: int, expected: list[str]) -> None:
    assert list(shapes(build_domain_classifier(4, hidden, 6, 0.0))) == expected


def test_pooling_before_rectifying_is_rectifying_before_pooling() -> None:
    """Values and gradients of the order that the paper draws, where all of a window is negative too."""
    generator = torch.Generator().manual_seed(0)
    maps_one = (torch.randn(4, 3, 8, 8, generator=generator) - 0.5).requires_grad_()
    maps_two = maps_one.detach().clone().requires_grad_()
    weights = torch.randn(4, 3, 4, 4, generator=generator)
    ours = nn.functional.max_pool2d(maps_one, 2).relu()
    drawn = nn.functional.max_pool2d(maps_two.relu(), 2)
    (ours * weights).sum().backward()
    (drawn * weights).sum().backward()
    assert torch.equal(ours, drawn)
    assert maps_one.grad is not None and maps_two.grad is not None
    assert torch.equal(maps_one.grad, maps_two.grad)


def test_pictures_and_points_are_centred() -> None:
    mean = torch.tensor([0.1, 0.2, 0.3])[:, None, None]
    pictures = torch.randint(0, 256, (4, 3, 5, 5), dtype=torch.uint8)
    torch.testing.assert_close(CentreInputs(mean)(pictures), pictures / 255 - mean)
    points = torch.tensor([[1.0, 2.0]])
    assert CentreInputs(torch.tensor([0.5, 0.5]))(points).tolist() == [[0.5, 1.5]]
    assert points.tolist() == [[1.0, 2.0]]
