"""The judge of both protocols, on scores small enough to be counted by hand; and the points a task is shown by."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.methods.zero_shot_parts import NAMES, SEEN, VECTORS, task
from tlcore.runs.records import Confusion
from tlcore.training.events import Metrics, Outputs
from tlcore.training.zero_shot_data import as_shares, choose_zero_shot_probe, visible_part
from tlcore.training.zero_shot_evaluation import CURVE, ZeroShotEvaluator

STEP = 5


def outputs(domain: str, scores: np.ndarray, step: int = STEP) -> Outputs:
    return Outputs(step, domain, "test", scores.astype(np.float32))  # type: ignore[arg-type]


def scores_for(labels: torch.Tensor, chosen: dict[int, int]) -> np.ndarray:
    """Scores (N, 9) that name each class right, but for those classes that are always taken for another."""
    table = np.zeros((len(labels), len(NAMES)))
    for row, label in enumerate(labels.tolist()):
        table[row, label] = 0.5
        table[row, chosen.get(label, label)] = 1.0
    return table


def told(records: list) -> dict[str, float]:
    return {
        key: value
        for one in records
        if isinstance(one, Metrics) and one.step == STEP
        for key, value in one.values.items()
    }


def test_both_protocols_by_hand() -> None:
    data = task()
    judge = ZeroShotEvaluator(data, last=STEP)
    # Of six seen classes one is taken for another; of three unseen ones the first is taken for a seen class.
    of_seen = scores_for(data.test_seen.labels, {0: 1})
    of_unseen = scores_for(data.test_unseen.labels, {6: 2, 7: 8})
    assert list(judge.score(outputs("source", of_seen))) == [], "it waits for the other side"
    records = list(judge.score(outputs("target", of_unseen)))
    values = told(records)
    assert values["unseen_accuracy"] == pytest.approx(2 / 3)  # the first is right where only unseen ones are asked for
    assert values["seen_accuracy"] == pytest.approx(5 / 6)
    assert values["generalised_unseen_accuracy"] == pytest.approx(1 / 3)
    assert values["harmonic_mean"] == pytest.approx(2 * (5 / 6) * (1 / 3) / (5 / 6 + 1 / 3))
    (confusion,) = (one for one in records if isinstance(one, Confusion))
    assert confusion.counts[7, 8] == 5 and confusion.counts[6, 6] == 5 and confusion.counts[:6].sum() == 0


def test_the_curve_is_kept_of_the_last_step_alone() -> None:
    data = task()
    of_seen, of_unseen = scores_for(data.test_seen.labels, {0: 1}), scores_for(data.test_unseen.labels, {6: 2})
    for last, expected in ((STEP + 1, False), (STEP, True)):
        judge = ZeroShotEvaluator(data, last=last)
        list(judge.score(outputs("source", of_seen)))
        records = list(judge.score(outputs("target", of_unseen)))
        points = [one for one in records if isinstance(one, Metrics) and set(one.values) == set(CURVE)]
        assert bool(points) is expected
    assert [one.step for one in points] == list(range(len(points)))
    table = np.array([[one.values[name] for name in CURVE] for one in points])
    assert (np.diff(table[:, 0]) > 0).all() and (np.diff(table[:, 1]) >= 0).all() and (np.diff(table[:, 2]) <= 0).all()
    assert table[0, 1] == 0.0 and table[-1, 2] == 0.0  # from “always seen” to “always unseen”
    known = told([one for one in records if one not in points])
    at = table[table[:, 0] == 0, 1:].tolist()
    assert at == [pytest.approx([known["generalised_unseen_accuracy"], known["seen_accuracy"]])]


def test_a_classifier_of_seen_classes_is_not_asked_for_others() -> None:
    data = task()
    judge = ZeroShotEvaluator(data, last=STEP, knows_descriptions=False)
    records = list(judge.score(outputs("source", scores_for(data.test_seen.labels, {3: 4}))))
    records += list(judge.score(outputs("target", scores_for(data.test_unseen.labels, {}))))
    assert told(records) == {"seen_accuracy": pytest.approx(5 / 6)}


def test_sides_of_different_steps_are_not_put_together() -> None:
    data = task()
    judge = ZeroShotEvaluator(data, last=STEP)
    list(judge.score(outputs("source", scores_for(data.test_seen.labels, {}), step=STEP - 1)))
    assert list(judge.score(outputs("target", scores_for(data.test_unseen.labels, {})))) == []
    broken = np.full((len(data.test_seen), len(NAMES)), np.nan)
    assert list(judge.score(outputs("source", broken))) == []


def test_descriptions_are_points_of_classes_of_their_own() -> None:
    data = task()
    probe, inputs = choose_zero_shot_probe(data, 30, 0)
    classes = len(NAMES)
    pictures = len(probe) - classes
    assert len(inputs) == len(probe)
    assert probe.labels[pictures:].tolist() == list(range(classes, 2 * classes))
    assert probe.class_names[classes:] == tuple(f"{name}, as described" for name in NAMES)
    assert probe.domains[pictures:].tolist() == [0] * 6 + [1] * 3
    # Test pictures alone, and each on its side.
    assert set(probe.labels[:pictures][probe.domains[:pictures] == 1].tolist()) == {6, 7, 8}
    known = {row.numpy().tobytes() for part in (data.test_seen, data.test_unseen) for row in part.inputs}
    assert all(row.numpy().tobytes() in known for row in inputs[:pictures])


def test_descriptions_of_any_numbers_become_shares_by_the_seen_classes() -> None:
    vectors = 10 * VECTORS - 3
    vectors[8, 0] = 100.0  # an unseen class beyond all seen ones
    shares = as_shares(vectors, SEEN)
    torch.testing.assert_close(shares[SEEN], VECTORS[SEEN])
    assert float(shares[8, 0]) == 1.0
    assert visible_part(task(), torch.zeros(0)).shares is True  # type: ignore[attr-defined]
