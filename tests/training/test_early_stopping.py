"""Early stopping: what is set aside, which weights are kept, and that an interruption changes nothing."""

from __future__ import annotations

import torch
from torch import nn

from tlcore.data.dataset import Dataset, Provenance
from tlcore.runs.records import Notice
from tlcore.training.early_stopping import EarlyStopping, set_aside


def labelled(each: int, classes: int = 3) -> Dataset:
    labels = torch.arange(classes).repeat(each)
    inputs = torch.arange(len(labels)).float()[:, None]
    return Dataset(inputs, labels, torch.arange(len(labels)), ("a", "b", "c"), Provenance("t", "o", "l", ""))


def test_a_fifth_of_each_class_is_set_aside_and_not_learned_from():
    data = labelled(11)
    kept, stopping = set_aside(data, 0)
    assert stopping is not None
    assert torch.bincount(stopping.examples.labels).tolist() == [2, 2, 2]
    together = torch.cat([kept.inputs, stopping.examples.inputs]).flatten().sort().values
    assert torch.equal(together, data.inputs.flatten())


def test_with_four_labels_a_class_everything_is_learned_from():
    data = labelled(4)
    kept, stopping = set_aside(data, 0)
    assert kept is data
    assert stopping is None


def test_the_seed_decides_what_is_set_aside():
    chosen = [set_aside(labelled(20), seed)[1].examples.inputs.flatten().tolist() for seed in (0, 0, 1)]
    assert chosen[0] == chosen[1] != chosen[2]


def answers(right: float) -> torch.Tensor:
    """Logits for the examples 0, 1, 2 that give the right class this much more than the others."""
    return right * torch.eye(3)


def looked_at(sequence: list[float]) -> tuple[EarlyStopping, nn.Linear]:
    stopping, module = EarlyStopping(labelled(1)), nn.Linear(1, 1)
    for step, right in enumerate(sequence):
        nn.init.constant_(module.weight, float(step))
        list(stopping.look(step, answers(right), {"extractor": module}))
    return stopping, module


def test_the_weights_that_did_best_are_put_back():
    stopping, module = looked_at([0.0, 3.0, 1.0, 2.0])
    told = list(stopping.put_back(3, {"extractor": module}))
    assert module.weight.item() == 1.0
    assert [type(one) for one in told] == [Notice]
    assert "step 1 " in told[0].text and "3 labels" in told[0].text


def test_nothing_is_said_where_the_last_weights_are_best():
    stopping, module = looked_at([0.0, 1.0, 2.0])
    assert list(stopping.put_back(2, {"extractor": module})) == []
    assert module.weight.item() == 2.0


def test_the_figures_told_are_those_of_the_examples_set_aside():
    stopping = EarlyStopping(labelled(1))
    (event,) = stopping.look(4, torch.tensor([[2.0, 0, 0], [0, 2.0, 0], [2.0, 0, 0]]), {})
    expected = torch.nn.functional.cross_entropy(torch.tensor([[2.0, 0, 0], [0, 2.0, 0], [2.0, 0, 0]]), torch.arange(3))
    assert event.values["set_aside_accuracy"] == torch.tensor(2 / 3).item()
    assert abs(event.values["set_aside_cross_entropy"] - expected.item()) < 1e-6


def test_a_memory_that_was_written_down_is_the_same():
    stopping, module = looked_at([0.0, 3.0, 1.0])
    again = EarlyStopping(labelled(1))
    again.restore(stopping.state())
    list(again.put_back(2, {"extractor": module}))
    assert module.weight.item() == 1.0
