"""The proxy A-distance of two data sets grows with a made shift."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tlcore.data import load_pair
from tlcore.errors import InvalidRequest
from tlcore.specs import Digits, DomainPair, Moons, Shifted
from tlcore.training.domain_distance import distance_between, distance_of


def shifted(shift: str, strength: float) -> DomainPair:
    base = Digits(renderings=1)
    return DomainPair(source=base, target=Shifted(base=base, shift=shift, strength=strength))


@pytest.mark.parametrize("shift", ["photo-background", "contrast", "noise"])
def test_it_grows_with_the_strength(shift):
    none, weak, strong = (distance_of(shifted(shift, strength), 0).distance for strength in (0.0, 0.1, 1.0))
    assert none < 0.4 and strong > 1.5
    assert none < weak <= strong


def test_the_same_seed_measures_the_same():
    assert distance_of(shifted("rotation", 0.5), 1) == distance_of(shifted("rotation", 0.5), 1)


def test_points_too():
    near, far = (
        distance_of(DomainPair(source=Moons(), target=Moons(rotation=turn)), 0).distance for turn in (0.0, 90.0)
    )
    assert far > near


def test_too_few_examples():
    pair = load_pair(shifted("noise", 0.5), 0)
    tiny = replace(pair.source, train=pair.source.train.subset(torch.arange(2)))
    with pytest.raises(InvalidRequest, match="at least four points"):
        distance_between(replace(pair, source=tiny), 0)
