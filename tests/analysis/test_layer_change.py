"""How far layers moved and what became of their features, against sums written out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tlcore.analysis.distances import linear_cka
from tlcore.analysis.layer_change import layer_changes

LAYERS = {"conv1": ("centre", "conv1", "norm1", "relu1"), "conv10": ("conv10",), "blocks.0": ("blocks.0",)}


def parameters(seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    shapes = {
        "conv1.weight": (4, 3, 5, 5),
        "conv1.bias": (4,),
        "norm1.weight": (4,),
        "conv10.weight": (6, 4),
        "blocks.0.branch.0.weight": (2, 3),
        "blocks.0.shortcut.bias": (2,),
    }
    return {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def test_relative_change_is_that_of_all_parameters_of_the_layer_as_one_vector() -> None:
    before, after = parameters(0), parameters(1)
    changes = {change.layer: change for change in layer_changes(LAYERS, before, after)}
    assert list(changes) == list(LAYERS)
    members = {
        "conv1": ["conv1.weight", "conv1.bias", "norm1.weight"],
        "conv10": ["conv10.weight"],
        "blocks.0": ["blocks.0.branch.0.weight", "blocks.0.shortcut.bias"],
    }
    for layer, names in members.items():
        moved = before_squared = 0.0
        for name in names:
            for old, new in zip(before[name].ravel().tolist(), after[name].ravel().tolist(), strict=True):
                moved += (new - old) ** 2
                before_squared += old**2
        assert changes[layer].parameter_change == pytest.approx(math.sqrt(moved / before_squared), rel=1e-12)
        assert changes[layer].parameter_count == sum(before[name].size for name in names)
        assert changes[layer].similarity is None and changes[layer].notes == ()


def test_only_the_layer_that_moved_is_told_to_have_moved() -> None:
    before = parameters()
    after = before | {"conv10.weight": before["conv10.weight"] * np.float32(2.0)}
    assert [change.parameter_change for change in layer_changes(LAYERS, before, after)] == [0.0, 1.0, 0.0]
    # The name of one layer may begin with that of another.
    after = before | {"conv1.weight": before["conv1.weight"] + 1}
    moved = [change.parameter_change for change in layer_changes(LAYERS, before, after)]
    assert moved[0] is not None and moved[0] > 0 and moved[1:] == [0.0, 0.0]


def test_parameters_of_no_module_go_with_the_first_layer() -> None:
    before = parameters() | {"positions": np.full((1, 9), 2.0)}
    after = before | {"positions": np.full((1, 9), 3.0)}
    changes = layer_changes(LAYERS, before, after)
    norm = math.sqrt(sum(float((before[name].astype(float) ** 2).sum()) for name in before if "1." in name) + 36)
    assert changes[0].parameter_change == pytest.approx(3.0 / norm)


def test_a_new_head_and_a_start_at_zero_have_no_ratio_and_say_why() -> None:
    before = parameters()
    wider = before | {"conv10.weight": np.ones((9, 4), np.float32)}
    changed = layer_changes(LAYERS, before, wider)[1]
    assert changed.parameter_change is None and changed.parameter_count == 36
    assert "new" in changed.notes[0] and changed.notes[0].endswith(".")
    renamed = {name: array for name, array in before.items() if name != "blocks.0.shortcut.bias"}
    assert layer_changes(LAYERS, before, renamed)[2].parameter_change is None

    zero = before | {"conv10.weight": np.zeros((6, 4))}
    assert layer_changes(LAYERS, zero, before)[1].parameter_change is None
    assert "were 0 before" in layer_changes(LAYERS, zero, before)[1].notes[0]
    assert layer_changes(LAYERS, zero, zero)[1].parameter_change == 0.0
    empty = layer_changes(LAYERS, {}, {})[0]
    assert (empty.parameter_change, empty.parameter_count, empty.notes) == (None, 0, ())


def test_similarity_is_the_cka_of_flattened_activations() -> None:
    random = np.random.default_rng(2)
    before = {"conv1": random.normal(size=(40, 3, 2, 2)), "conv10": random.normal(size=(40, 5))}
    rotation = np.linalg.qr(random.normal(size=(5, 5)))[0]
    after = {"conv1": before["conv1"] + random.normal(size=(40, 3, 2, 2)), "conv10": 2 * before["conv10"] @ rotation}
    changes = layer_changes(LAYERS, parameters(), parameters(), before, after)
    expected = linear_cka(before["conv1"].reshape(40, 12), after["conv1"].reshape(40, 12))
    assert changes[0].similarity == pytest.approx(expected) and 0.3 < expected < 0.9
    assert changes[1].similarity == pytest.approx(1.0)  # turned and enlarged, but the same picture
    assert changes[2].similarity is None and changes[2].notes == ()  # nobody looked


def test_similarity_of_a_head_that_became_wider_can_be_told() -> None:
    random = np.random.default_rng(3)
    features = random.normal(size=(50, 4))
    wider = np.hstack([features, np.zeros((50, 2))])
    changes = layer_changes(LAYERS, parameters(), parameters(), {"conv10": features}, {"conv10": wider})
    assert changes[1].similarity == pytest.approx(1.0)


def test_a_dead_layer_is_told_instead_of_compared() -> None:
    alive = np.random.default_rng(4).normal(size=(20, 3))
    dead = np.full((20, 3), 0.1)  # the mean of many 0.1 is not 0.1 to the last digit
    for before, after, moment in ((alive, dead, "after"), (dead, alive, "before")):
        change = layer_changes(LAYERS, parameters(), parameters(), {"conv1": before}, {"conv1": after})[0]
        assert change.similarity is None and change.parameter_change == 0.0
        assert change.notes == (f"Its activations {moment} are the same for every example, so CKA is undefined.",)


def test_malformed_input_is_refused_in_one_sentence() -> None:
    fine, table = parameters(), np.arange(12.0).reshape(4, 3) ** 2
    broken = fine | {"conv1.bias": np.array([1, 2, np.nan, 4])}
    cases: list[tuple[tuple, str]] = [
        (({}, fine, fine), "no layer to compare"),
        ((LAYERS, broken, fine), "'conv1.bias' has NaN"),
        ((LAYERS, fine, broken), "'conv1.bias' has NaN"),
        ((LAYERS, fine | {"norm1.num_batches_tracked": np.array(7)}, fine), "statistic of batch normalisation"),
        ((LAYERS, fine, fine, {"fc": table}, {"fc": table}), "'fc', which is no layer"),
        ((LAYERS, fine, fine, {"conv1": table}), "'conv1' before the training only"),
        ((LAYERS, fine, fine, None, {"conv1": table}), "'conv1' after the training only"),
        ((LAYERS, fine, fine, {"conv1": table}, {"conv1": table[:3]}), "of 4 and 3 examples"),
        ((LAYERS, fine, fine, {"conv1": table[0]}, {"conv1": table}), "'conv1' before need two examples"),
        ((LAYERS, fine, fine, {"conv1": table}, {"conv1": table[:1]}), "'conv1' after need two examples"),
        ((LAYERS, fine, fine, {"conv1": table}, {"conv1": table + np.inf}), "'conv1' after have NaN"),
    ]
    for arguments, sentence in cases:
        with pytest.raises(ValueError, match=sentence) as refused:
            layer_changes(*arguments)
        assert str(refused.value).endswith(".") and "\n" not in str(refused.value)


def test_it_reads_the_layers_of_a_real_network() -> None:
    """Every parameter is counted once, under the names that the rest of the lab uses."""
    from torch import nn

    from tlcore.networks.layers import layers

    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(16, 2))
    named = {layer.name: layer.modules for layer in layers(network)}
    before = {name: tensor.detach().numpy().copy() for name, tensor in network.named_parameters()}
    after = before | {"4.bias": before["4.bias"] + 1}
    changes = layer_changes(named, before, after)
    assert [change.layer for change in changes] == ["0", "4"]
    assert sum(change.parameter_count for change in changes) == sum(p.numel() for p in network.parameters())
    assert changes[0].parameter_change == 0.0
    assert changes[1].parameter_change is not None and changes[1].parameter_change > 0
