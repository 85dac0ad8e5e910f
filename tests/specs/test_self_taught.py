"""What can be asked for in self-taught learning, and what cannot."""

from __future__ import annotations

import pytest

from tlcore.errors import InvalidRequest
from tlcore.specs import validate

UNLABELLED = {"method": {"name": "contrastive"}, "data": {"kind": "unlabelled"}, "network": {"name": "block-cnn"}}


def test_there_must_be_something_to_learn_from():
    alone = {"kind": "unlabelled", "source": None}
    with pytest.raises(InvalidRequest, match="nothing to learn from"):
        validate(UNLABELLED | {"data": alone})
    assert validate(UNLABELLED | {"data": alone | {"target_pictures": 10}}).datasets()[0].name == "photo-digits"


def test_learned_features_come_from_another_run():
    asked = {"method": {"name": "learned_features"}, "data": {"kind": "task_pair"}, "network": {"name": "block-cnn"}}
    with pytest.raises(InvalidRequest, match="start names none"):
        validate(asked)
    assert validate(asked | {"start": {"kind": "run", "spec": UNLABELLED}}).dependencies()


def test_principal_components_are_a_linear_map():
    with pytest.raises(InvalidRequest, match="linear-map"):
        validate(UNLABELLED | {"method": {"name": "principal_components"}})


def test_points_cannot_be_seen_in_two_ways():
    moons = {"name": "moons"}
    with pytest.raises(InvalidRequest, match="does not fit data moons"):
        validate(UNLABELLED | {"data": {"kind": "unlabelled", "source": moons, "target": moons}})
