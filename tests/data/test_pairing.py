"""Classes are matched by what they mean, and pictures of two sizes are brought together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tlcore.data import load_pair
from tlcore.data.dataset import Dataset, Domain, Provenance
from tlcore.data.pairing import bring_together, plain_name, shared_classes
from tlcore.data.resizing import resize
from tlcore.errors import InvalidRequest
from tlcore.specs import Budget, Digits, DomainPair, Mnist, RunSpec, SynNumbers
from tlcore.training.preparation import prepare


def domain(names: tuple[str, ...], shape: tuple[int, ...] = (3, 4, 4), each: int = 2) -> Domain:
    """Pictures whose every value is ten times the label."""
    labels = torch.arange(len(names)).repeat(each)
    inputs = (10 * labels).view(-1, *[1] * len(shape)).expand(-1, *shape).to(torch.uint8).contiguous()
    data = Dataset(inputs, labels, torch.arange(len(labels)), names, Provenance("t", "t", "l", "u"))
    return Domain(data, data, data)


@pytest.mark.parametrize(
    ("one", "other"),
    [("3", "three"), ("3 - three", "3"), ("Three ", "THREE"), ("ice_cream", "Ice-Cream"), ("café", "cafe"),
     ("automobile", "car"), ("airplane", "Aeroplane"), ("07", "7")],
)  # fmt: skip
def test_names_that_mean_the_same(one, other):
    assert plain_name(one) == plain_name(other)


@pytest.mark.parametrize(
    ("one", "other"), [("3", "13"), ("3", "8"), ("dog", "hot dog"), ("speed limit 20", "speed limit 30"), ("十", "九")]
)
def test_names_that_do_not(one, other):
    assert plain_name(one) != plain_name(other)


def test_equal_names_win_over_names_that_are_alike():
    assert shared_classes(("A", "a", "b"), ("a", "A", "c")) == [(0, 1), (1, 0)]
    assert shared_classes(("one", "1"), ("1",)) == [(1, 0)], "no class is matched twice"


def test_shared_classes_keep_the_sources_order_and_the_rest_is_told():
    source = domain(("cat", "dog", "lizard", "cow"))
    target = domain(("Cow", "fish", "CAT", "Dog"))
    pair = bring_together(source, target, "ours", "theirs")
    assert pair.class_names == pair.target.train.class_names == ("cat", "dog", "cow")
    assert "ours" in pair.notes[0] and "lizard" in pair.notes[0]
    assert "theirs" in pair.notes[1] and "fish" in pair.notes[1]
    for part, values in ((pair.source.train, {0: 0, 1: 10, 2: 30}), (pair.target.train, {0: 20, 1: 30, 2: 0})):
        assert len(part) == 6
        for picture, label in zip(part.inputs, part.labels.tolist(), strict=True):
            assert picture.unique().tolist() == [values[label]], "the label still belongs to its picture"


def test_too_few_shared_classes_are_refused():
    with pytest.raises(InvalidRequest, match="share 1 of their classes"):
        bring_together(domain(("cat", "dog")), domain(("cat", "cow")), "a", "b")
    with pytest.raises(InvalidRequest, match="share none"):
        bring_together(domain(("cat", "dog")), domain(("1", "2")), "a", "b")


def test_points_and_pictures_are_refused():
    with pytest.raises(InvalidRequest, match="shape of inputs"):
        bring_together(domain(("a", "b"), (5,)), domain(("a", "b"), (6,)), "a", "b")


def test_sizes_and_channels_become_one():
    pair = bring_together(domain(("a", "b"), (1, 4, 4)), domain(("a", "b"), (3, 8, 6)), "grey", "colour")
    assert pair.source.train.inputs.shape[1:] == pair.target.train.inputs.shape[1:] == (3, 8, 8)
    assert len(pair.notes) == 2
    assert pair.source.train.inputs[1].unique().tolist() == [10], "a flat picture stays flat"


@pytest.mark.parametrize("side", [7, 40])
def test_resizing_agrees_with_pillow(side):
    picture = torch.randint(0, 256, (3, 16, 20), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    ours = resize(picture[None], side)[0].permute(1, 2, 0).numpy().astype(int)
    theirs = Image.fromarray(picture.permute(1, 2, 0).numpy()).resize((side, side), Image.Resampling.BILINEAR)
    assert np.abs(ours - np.asarray(theirs).astype(int)).max() <= 1
    same = torch.zeros(1, 3, 5, 5, dtype=torch.uint8)
    assert resize(same, 5) is same


def test_digits_of_two_collections_make_a_pair(small_folder: Path):
    pair = load_pair(DomainPair(source=Digits(renderings=1), target=Mnist()), 0)
    assert pair.input_shape == (3, 28, 28)
    assert "16 × 16" in pair.notes[0]


def test_rendered_numbers_make_a_pair_and_are_kept(small_folder: Path):
    spec = DomainPair(source=SynNumbers(pictures=100, side=28, fonts="bundled"), target=Mnist())
    first = load_pair(spec, 0)
    kept = sorted((small_folder / "cache").glob("syn-numbers-*.npy"))
    assert len(kept) == 2
    times = [path.stat().st_mtime_ns for path in kept]
    again = load_pair(spec, 0)
    assert torch.equal(first.source.train.inputs, again.source.train.inputs)
    assert [path.stat().st_mtime_ns for path in kept] == times
    assert first.source.train.inputs.float().std() > 20, "something is drawn"
    assert first.source.train.labels.bincount().tolist() == [9] * 10


def test_a_run_is_told_what_was_done(small_folder: Path):
    spec = RunSpec(data=DomainPair(source=Digits(renderings=1), target=Mnist()), budget=Budget(probe_points=20))
    prepared = prepare(spec, device=torch.device("cpu"), precision=torch.float32)
    assert prepared.notes == ("Pictures of digits are brought from 16 × 16 to 28 × 28 pixels.",)
    assert prepared.context.data.source.inputs.shape[1:] == (3, 28, 28)
