"""Frozen layers: which parameters and statistics they cover, and that computing them once changes nothing."""

from __future__ import annotations

import pytest
import torch

from tlcore.networks import build_classifier
from tlcore.specs import BlockCnn, Pretrained
from tlcore.training.freezing import FreezableExtractor


def pictures(count: int = 7) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, 16, 16), generator=torch.Generator().manual_seed(0)).to(torch.uint8)


def body(*, examples: int = 7, sample: bool = True, **options: bool) -> FreezableExtractor:
    torch.manual_seed(0)
    network = build_classifier(BlockCnn(channels=4, features=6, dropout=0.5), (3, 16, 16), 3, torch.zeros(3, 1, 1))
    network.train()
    return FreezableExtractor(network.extractor, sample=pictures(1) if sample else None, examples=examples, **options)


def learning(extractor: FreezableExtractor) -> set[str]:
    return {name.split(".")[0] for name, one in extractor.extractor.named_parameters() if one.requires_grad}


@pytest.mark.parametrize("numbers, expected", [
    ((), {"conv1", "norm1", "conv2", "norm2", "conv3", "norm3", "conv4", "norm4", "dense1"}),
    ((1, 2, 3), {"conv4", "norm4", "dense1"}),
    ((2, 5), {"conv1", "norm1", "conv3", "norm3", "conv4", "norm4"}),
    ((1, 2, 3, 4, 5), set()),
], ids=["none", "first", "any", "all"])  # fmt: skip
def test_frozen_layers_get_no_gradient_and_count_no_batch(numbers, expected):
    extractor = body()
    extractor.freeze(numbers)
    assert learning(extractor) == expected
    norms = {name: module.training for name, module in extractor.extractor.named_modules() if name.startswith("norm")}
    assert norms == {name: name in expected for name in ("norm1", "norm2", "norm3", "norm4")}


def test_what_was_frozen_learns_again():
    extractor = body()
    assert extractor.freeze((1, 2))
    assert not extractor.freeze((2, 1)), "nothing changes"
    assert extractor.freeze(())
    assert learning(extractor) == {f"{kind}{n}" for kind in ("conv", "norm") for n in range(1, 5)} | {"dense1"}


def test_statistics_that_are_to_stay_do_so_in_layers_that_learn():
    extractor = body(statistics_stay=True)
    extractor.freeze((1,))
    assert not any(module.training for name, module in extractor.extractor.named_modules() if name.startswith("norm"))
    assert "norm2" in learning(extractor)


@pytest.mark.parametrize("frozen", range(6))
def test_leading_layers_computed_once_give_the_same_features(frozen):
    extractor = body()
    extractor.freeze(range(1, frozen + 1))
    extractor.extractor.eval()
    expected = extractor.extractor(pictures())
    torch.testing.assert_close(extractor.rest(extractor.prepared("some", pictures())), expected)
    assert (len(extractor.leading) > 0) == (frozen > 0)


def test_only_leading_layers_are_computed_once():
    extractor = body()
    extractor.freeze((1, 3))
    assert [name for name, _ in extractor.leading.named_children()] == ["centre", "conv1", "norm1", "pool1", "relu1"]


def test_what_is_kept_is_forgotten_once_other_layers_are_frozen():
    extractor = body()
    extractor.freeze((1, 2))
    before = extractor.prepared("some", pictures())
    assert extractor.prepared("some", pictures()) is before
    extractor.freeze((1,))
    assert extractor.prepared("some", pictures()).shape != before.shape


def test_dropout_of_a_frozen_layer_does_not_drop():
    extractor = body()
    extractor.freeze(range(1, 6))
    first = extractor.prepared("one", pictures())
    assert torch.equal(first, extractor.prepared("other", pictures()))
    extractor.freeze(range(1, 5))
    assert extractor.extractor.dropout.training, "the layer that learns drops again"


@pytest.mark.parametrize("options", [{"sample": False}, {"examples": 10**9}], ids=["varied", "too many"])
def test_pictures_stay_pictures_where_keeping_makes_no_sense(options):
    extractor = body(**options)
    extractor.freeze((1, 2))
    assert extractor.prepared("some", pictures()).dtype == torch.uint8
    assert extractor.rest is extractor.extractor


def test_a_network_of_torchvision_is_frozen_too_but_cut_only_as_a_whole():
    torch.manual_seed(0)
    spec = Pretrained(architecture="squeezenet1_1", weights="none", side=32)
    network = build_classifier(spec, (3, 32, 32), 3, torch.zeros(3, 1, 1))
    sample = torch.zeros(1, 3, 32, 32, dtype=torch.uint8)
    extractor = FreezableExtractor(network.extractor, sample=sample, examples=4)
    extractor.freeze(range(1, extractor.count))
    still = [name for name, one in extractor.extractor.named_parameters() if one.requires_grad]
    assert still and all(name.startswith(extractor.layers[-1].name) for name in still)
    assert not len(extractor.leading)
    extractor.freeze(range(1, extractor.count + 1))
    assert len(extractor.leading)
    assert extractor.prepared("some", sample).ndim == 2


def test_every_parameter_belongs_to_one_layer():
    extractor = body()
    shared = [id(one) for number in range(1, extractor.count + 1) for one in extractor.parameters_of(number)]
    assert sorted(shared) == sorted(id(one) for one in extractor.extractor.parameters())
