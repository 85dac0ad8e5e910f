import math

import numpy as np
import pytest
import torch

from tlcore.analysis.diagnosis import (
    diagnose,
    losing_classes,
    negative_transfer,
    negative_transfer_by_class,
)
from tlcore.analysis.proxy_a_distance import proxy_a_distance


def code(**changes: float | None) -> str | None:
    numbers: dict[str, float | None] = {
        "domain_accuracy": 0.52,
        "domain_loss": 0.69,
        "head_gradient_norm": 0.05,
        "probe_accuracy": 0.54,
        "grl_lambda": 1.0,
        "progress": 0.8,
    }
    numbers.update(changes)
    diagnosis = diagnose(**numbers)  # type: ignore[arg-type]
    return None if diagnosis is None else diagnosis.code


def test_head_and_probe_at_chance_are_aligned() -> None:
    assert code() == "aligned"
    assert code(domain_accuracy=0.47, probe_accuracy=0.45) == "aligned"


def test_the_probe_tells_a_dead_head_from_alignment() -> None:
    dead = {"domain_accuracy": 0.5, "domain_loss": math.log(2), "head_gradient_norm": 0.0, "progress": 0.1}
    assert code(**dead, probe_accuracy=0.99) == "dead_domain_head"
    assert code(**dead, probe_accuracy=0.51) == "aligned"
    assert code(**dead, probe_accuracy=None) is None  # without a probe nobody can know


def test_a_living_head_at_chance_is_not_called_dead() -> None:
    assert code(probe_accuracy=0.95, progress=0.1) is None  # it may have just begun
    assert code(probe_accuracy=0.95, progress=0.9) == "fooled_domain_head"
    assert code(probe_accuracy=0.68) is None  # somewhere between: no verdict


def test_a_head_that_wins_is_named_only_late() -> None:
    winning = {"domain_accuracy": 0.99, "domain_loss": 0.03, "probe_accuracy": 1.0}
    assert code(**winning) == "domain_head_wins"
    assert code(**winning, progress=0.1) is None
    assert code(domain_accuracy=0.8, domain_loss=0.4, probe_accuracy=0.9) is None


@pytest.mark.parametrize("name", ["domain_accuracy", "domain_loss", "head_gradient_norm", "grl_lambda"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_any_measurement_that_is_no_number_has_diverged(name: str, value: float) -> None:
    assert code(**{name: value}) == "diverged"


def test_a_confidently_wrong_head_is_neither_aligned_nor_dead() -> None:
    assert code(domain_loss=40.0, probe_accuracy=0.5) == "saturated_domain_head"


def test_every_diagnosis_is_one_plain_sentence() -> None:
    diagnosis = diagnose(0.5, 0.693, 0.0, 0.97, 1.0, 0.5)
    assert diagnosis is not None
    assert diagnosis.level == "error"
    assert "97%" in diagnosis.text and diagnosis.text.endswith(".") and "\n" not in diagnosis.text


def test_a_head_whose_units_have_died_is_recognised() -> None:
    """Every hidden unit is below zero for every point: the head answers one half, and no gradient reaches it."""
    generator = torch.Generator().manual_seed(0)
    source = torch.randn(200, 10, generator=generator)
    target = torch.randn(200, 10, generator=generator) + 1.0
    head = torch.nn.Sequential(torch.nn.Linear(10, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
    torch.nn.init.constant_(head[0].bias, -100.0)
    torch.nn.init.zeros_(head[2].bias)
    domains = torch.cat([torch.zeros(200), torch.ones(200)])
    logits = head(torch.cat([source, target])).squeeze(1)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, domains)
    loss.backward()
    norm = float(torch.cat([parameter.grad.flatten() for parameter in head.parameters()]).norm())
    accuracy = float(((logits > 0).float() == domains).float().mean())
    probe = proxy_a_distance(source.numpy(), target.numpy(), seed=0)
    diagnosis = diagnose(accuracy, loss.item(), norm, probe.accuracy, 1.0, 0.3)
    assert diagnosis is not None and diagnosis.code == "dead_domain_head"


def test_negative_transfer_considers_the_spread() -> None:
    assert negative_transfer([0.80, 0.81, 0.79], [0.70, 0.71, 0.69]) is not None
    assert negative_transfer([0.80, 0.90, 0.70], [0.78, 0.88, 0.66]) is None  # less than the seeds differ
    assert negative_transfer([0.70, 0.71, 0.69], [0.80, 0.81, 0.79]) is None  # a gain
    assert negative_transfer([0.800, 0.800], [0.797, 0.797]) is None  # no spread, but too little to speak of


def test_negative_transfer_says_how_much_and_how_sure() -> None:
    sentence = negative_transfer([0.80, 0.82], [0.60, 0.62])
    assert sentence is not None
    assert "81.0 ± 1.4 %" in sentence and "61.0 ± 1.4 %" in sentence and "20.0 points" in sentence
    alone = negative_transfer([0.8], [0.7])
    assert alone is not None and "single seed" in alone
    assert negative_transfer([0.8], [0.79]) is None
    with pytest.raises(ValueError):
        negative_transfer([], [0.5])


def test_losing_classes_are_listed_worst_first_although_the_mean_gained() -> None:
    source_only = np.array([[0.9, 0.5, 0.8, np.nan], [0.9, 0.5, 0.8, 0.5]])
    adapted = np.array([[0.8, 0.9, 0.5, 0.1], [0.8, 0.9, 0.5, 0.1]])
    assert losing_classes(source_only, adapted) == [(2, pytest.approx(0.3)), (0, pytest.approx(0.1))]
    sentence = negative_transfer_by_class(source_only, adapted, ["cat", "dog", "owl", "fox"])
    assert sentence == "Adaptation hurt 2 of 4 classes: owl (−30.0 points), cat (−10.0 points)."


def test_no_losing_class_no_sentence() -> None:
    table = np.array([[0.5, 0.6], [0.5, 0.6]])
    assert negative_transfer_by_class(table, table + 0.1, ["a", "b"]) is None
    with pytest.raises(ValueError, match="names"):
        negative_transfer_by_class(table, table, ["a"])
    with pytest.raises(ValueError, match="same classes"):
        losing_classes(table, table[:, :1])
