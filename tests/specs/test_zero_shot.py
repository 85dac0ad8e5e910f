"""What can be asked for in zero-shot learning, and what cannot."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tlcore.errors import InvalidRequest
from tlcore.specs import AsTheyAre, PyramidCnn, RunSpec, RunStart, ZeroShotTask, override, parameters, validate
from tlcore.specs.creatures import Creatures
from tlcore.specs.zero_shot import Ale, Attributes, Conse, Devise, Eszsl, Margin, Naive, SeenClasses, Xlsa17

METHODS = (SeenClasses, Attributes, Naive, Margin, Conse, Eszsl, Devise, Ale)
FEATURES = RunSpec(method=SeenClasses(), data=ZeroShotTask(), network=PyramidCnn())


def run(method: Any, **more: Any) -> RunSpec:
    start = {} if isinstance(method, SeenClasses) else {"start": RunStart(spec=FEATURES)}
    return RunSpec(method=method, data=ZeroShotTask(), network=PyramidCnn(), **{**start, **more})


@pytest.mark.parametrize("kind", METHODS, ids=lambda kind: kind.__name__)
def test_every_parameter_explains_itself(kind: Any) -> None:
    spec = run(kind())
    for one in parameters(spec):
        if one.path == "data.source.content":  # an identity, which nobody types
            continue
        assert one.help.endswith(".") and "\n" not in one.help and one.label
        assert one.kind != "text"
        if one.kind in ("int", "float"):
            assert one.minimum is not None and one.maximum is not None
            assert one.minimum <= one.default <= one.maximum
    assert kind().title and kind.reads_target_labels is False
    assert validate(spec.model_dump(mode="json")) == spec


def test_what_reads_fixed_features_needs_them_from_somewhere() -> None:
    for method in (Conse(), Eszsl(), Ale(picture_side="stays")):
        with pytest.raises(ValidationError, match="reads the features of another run"):
            RunSpec(method=method, data=ZeroShotTask(), network=PyramidCnn())
        given = ZeroShotTask(source=Xlsa17(benchmark="cub"))
        assert RunSpec(method=method, data=given, network=AsTheyAre()).datasets() == (Xlsa17(benchmark="cub"),)


def test_pictures_need_a_network_and_vectors_none_of_pictures() -> None:
    with pytest.raises(ValidationError, match="as-they-are does not fit data creatures"):
        RunSpec(method=Margin(), data=ZeroShotTask(), network=AsTheyAre())
    with pytest.raises(ValidationError, match="pyramid-cnn does not fit data xlsa17"):
        RunSpec(method=Margin(), data=ZeroShotTask(source=Xlsa17()), network=PyramidCnn())
    with pytest.raises(ValidationError, match="method margin does not fit data of the kind domain_pair"):
        RunSpec(method=Margin())
    with pytest.raises(InvalidRequest, match="method pretrain does not fit data of the kind zero_shot"):
        validate({"method": {"name": "pretrain"}, "data": {"kind": "zero_shot"}, "network": {"name": "pyramid-cnn"}})


def test_settings_can_be_chosen_without_the_unseen_classes() -> None:
    arms = {"features": FEATURES, "ale": run(Ale())}
    tuned = override(arms, {"unseen": "tuning", "pictures": 20})
    assert {spec.data.unseen for spec in tuned.values()} == {"tuning"}
    assert tuned["ale"].start.spec == tuned["features"], "what it starts from did not see the held-out classes either"
    assert tuned["ale"].data.source == Creatures(pictures=20)
    with pytest.raises(InvalidRequest, match="should be 'unseen' or 'tuning'"):
        override(arms, {"unseen": "both"})
