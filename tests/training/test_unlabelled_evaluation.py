"""What someone who knows the classes makes of features and clusters."""

from __future__ import annotations

import numpy as np
import pytest

from tests.methods.self_taught_parts import unlabelled_spec
from tlcore.runs.records import TARGET, Notice, Probe
from tlcore.training.events import Features, Metrics, TaskOutputs
from tlcore.training.unlabelled import UnlabelledEvaluator

LABELS = np.repeat(np.arange(3), 10)


def _evaluator() -> UnlabelledEvaluator:
    spec = unlabelled_spec("contrastive", data={"clusters": 3, "initialisations": 2})
    probe = Probe(LABELS.astype(np.int16), np.full(30, TARGET, np.int8), ("a", "b", "c"))
    return UnlabelledEvaluator(probe, spec.data, spec)  # type: ignore[arg-type]


def _features(step: int, table: np.ndarray) -> Features:
    return Features(step, table.astype(np.float32), np.full(30, -1, np.int16))


def test_features_that_all_look_alike_are_told_once():
    alike, apart = np.ones((30, 4)), np.eye(3)[LABELS]
    at_random = [*_evaluator().score(_features(0, alike))]
    assert not any(isinstance(one, Notice) for one in at_random), "of what has learned nothing yet nothing is said"
    evaluator, course = _evaluator(), ((1, apart), (2, alike), (3, alike))
    told = [one for step, table in course for one in evaluator.score(_features(step, table))]
    notices = [one for one in told if isinstance(one, Notice)]
    assert [(one.step, one.code) for one in notices] == [(2, "collapse")]
    metrics = [one.values for one in told if isinstance(one, Metrics)]
    assert metrics[0]["effective_rank"] == pytest.approx(3) and metrics[1]["effective_rank"] == pytest.approx(1)
    assert metrics[0]["neighbour_agreement"] == 1


def test_the_clustering_with_the_smallest_inertia_counts():
    right = np.where(np.eye(3)[LABELS] > 0, -0.1, -1.0)
    wrong = np.where(np.eye(3)[np.arange(30) % 3] > 0, -0.2, -1.0)
    evaluator, told = _evaluator(), []
    for number, logits in enumerate((wrong, right)):
        event = TaskOutputs(4, "target", "test", logits.astype(np.float32), f"clustering-{number}")
        told += list(evaluator.score(event))
    (metrics,) = (one.values for one in told if isinstance(one, Metrics))
    assert metrics["adjusted_mutual_information"] == pytest.approx(1)
    assert metrics["adjusted_rand_index.highest"] == pytest.approx(1)
    assert metrics["adjusted_rand_index.lowest"] < 0.1
    assert metrics["adjusted_mutual_information.chance"] < 0.3
