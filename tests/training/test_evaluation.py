"""The evaluator against counts made by hand; what it tells of the target; which models rules choose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tlcore.data.dataset import Dataset, Domain, PairData, Provenance
from tlcore.runs.records import SOURCE, TARGET, Confusion, Notice, Series
from tlcore.training.evaluation import PairEvaluator, choose_probe, summarise_run
from tlcore.training.events import Features, Metrics, Outputs

CLASSES = ("a", "b", "c")


def dataset(count: int, seed: int) -> Dataset:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 3, (count,), generator=generator)
    # The first pixel names the example, so that it can be found again.
    inputs = torch.randint(0, 255, (count, 3, 2, 2), dtype=torch.uint8, generator=generator)
    inputs[:, 0, 0, 0] = torch.arange(count)
    inputs[:, 1, 0, 0] = labels
    inputs[:, 2, 0, 0] = seed
    return Dataset(inputs, labels, torch.arange(count), CLASSES, Provenance("", "", "", ""))


@pytest.fixture
def pair() -> PairData:
    source, target = (
        Domain(train=dataset(60, seed), validation=dataset(30, seed + 1), test=dataset(90, seed + 2))
        for seed in (10, 20)
    )
    return PairData(source, target)


@pytest.fixture
def evaluator(pair: PairData) -> PairEvaluator:
    return PairEvaluator(pair, choose_probe(pair, 60, 0)[0], steps=100, seed=0)


def logits(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 3)).astype(np.float32)


@pytest.mark.parametrize("domain", ["source", "target"])
def test_accuracy_and_confusion_are_hand_counts(evaluator: PairEvaluator, pair: PairData, domain: Any) -> None:
    guesses = logits(90)
    labels = getattr(pair, domain).test.labels.tolist()
    predictions = [max(range(3), key=lambda column: row[column]) for row in guesses.tolist()]
    told = list(evaluator.score(Outputs(7, domain, "test", guesses)))
    (metrics,) = (event for event in told if isinstance(event, Metrics))
    (confusion,) = (event for event in told if isinstance(event, Confusion))
    hits = sum(label == prediction for label, prediction in zip(labels, predictions, strict=True))
    assert metrics == Metrics(7, {f"{domain}_accuracy": pytest.approx(hits / 90)})
    for true in range(3):
        for predicted in range(3):
            pairs = zip(labels, predictions, strict=True)
            assert confusion.counts[true, predicted] == sum(one == (true, predicted) for one in pairs)
    assert (confusion.step, confusion.domain) == (7, domain)


def test_source_validation_is_scored_by_its_labels(evaluator: PairEvaluator, pair: PairData) -> None:
    perfect = np.eye(3, dtype=np.float32)[pair.source.validation.labels.numpy()]
    assert list(evaluator.score(Outputs(3, "source", "validation", perfect))) == [
        Metrics(3, {"source_validation_accuracy": 1.0})
    ]


def test_no_rule_depends_on_the_targets_validation_labels(pair: PairData) -> None:
    """With other target labels the same outputs get the same score."""
    guesses = logits(30)
    scores = []
    for turn in (0, 1):
        validation = pair.target.validation
        other = Dataset(validation.inputs, (validation.labels + turn) % 3, *list(vars(validation).values())[2:])
        changed = PairData(pair.source, Domain(pair.target.train, other, pair.target.test))
        evaluator = PairEvaluator(changed, choose_probe(pair, 60, 0)[0], steps=100, seed=0)
        scores.append(list(evaluator.score(Outputs(3, "target", "validation", guesses))))
    assert scores[0] == scores[1]
    assert set(scores[0][0].values) == {"target_information_maximisation"}  # type: ignore[union-attr]


def test_no_score_carries_labels(evaluator: PairEvaluator, pair: PairData) -> None:
    """What the evaluator tells are numbers of the whole set and counts, never one label."""
    events = [Outputs(1, domain, part, logits(90 if part == "test" else 30))
              for domain in ("source", "target") for part in ("validation", "test")]  # fmt: skip
    for event in events:
        for told in evaluator.score(event):
            if isinstance(told, Metrics):
                assert all(isinstance(value, float) for value in told.values.values())
            else:
                assert isinstance(told, Confusion) and told.counts.shape == (3, 3)


def test_outputs_that_are_no_numbers_get_no_score(evaluator: PairEvaluator) -> None:
    broken = logits(90)
    broken[3, 1] = np.nan
    assert list(evaluator.score(Outputs(1, "target", "test", broken))) == []


def test_features_of_separate_domains_are_far_apart_and_of_one_cloud_are_not(
    evaluator: PairEvaluator, pair: PairData
) -> None:
    probe, _ = choose_probe(pair, 60, 0)
    random = np.random.default_rng(0)
    cloud = random.normal(size=(len(probe), 5)).astype(np.float32)
    apart = cloud + 9 * (probe.domains == TARGET)[:, None]
    classes = np.zeros(len(probe), np.int16)
    (together,) = evaluator.score(Features(1, cloud, classes))
    (separate,) = evaluator.score(Features(2, apart.astype(np.float32), classes))
    assert isinstance(together, Metrics) and isinstance(separate, Metrics)
    assert separate.values["proxy_a_distance"] == pytest.approx(2.0)
    assert separate.values["probe_domain_accuracy"] == pytest.approx(1.0)
    assert together.values["proxy_a_distance"] < 1.0
    (notice,) = evaluator.score(Features(3, cloud * np.nan, classes))
    assert isinstance(notice, Notice) and notice.code == "features_not_finite"


def test_a_dead_domain_head_is_told_once(evaluator: PairEvaluator) -> None:
    dead = {"domain_accuracy": 0.5, "domain_loss": 0.6931, "domain_head_gradient_norm": 0.0, "grl_lambda": 0.9,
            "probe_domain_accuracy": 0.98}  # fmt: skip
    first, again = (list(evaluator.score(Metrics(step, dead))) for step in (50, 60))
    assert [type(event) for event in first] == [Notice]
    assert again == []
    assert list(evaluator.score(Metrics(0, dead))) == []


def series(name: str, values: list[float], steps: list[int] | None = None) -> Series:
    return Series(name, np.asarray(steps or range(0, 10 * len(values), 10)), np.asarray(values, float))


def test_a_summary_gives_the_final_model_the_chosen_ones_and_the_oracle() -> None:
    summary = summarise_run(
        {
            one.name: one
            for one in (
                series("target_accuracy", [0.1, 0.8, 0.6, 0.7]),
                series("source_accuracy", [0.1, 0.9, 0.95, 0.97]),
                series("source_validation_accuracy", [0.1, 0.9, 0.99, 0.98]),
                series("target_information_maximisation", [0.0, 2.0, 1.5, 2.0]),
            )
        }
    )
    assert (summary["target_accuracy"], summary["source_accuracy"]) == (0.7, 0.97)
    assert summary["target_accuracy_oracle"] == 0.8 >= summary["target_accuracy"]
    assert summary["selected_step_by_source_validation"] == 20
    assert summary["target_accuracy_by_source_validation"] == 0.6
    # Among equal scores the model that trained longer.
    assert summary["selected_step_by_information_maximisation"] == 30
    assert summary["target_accuracy_by_information_maximisation"] == 0.7


def test_a_rule_chooses_among_models_whose_target_accuracy_is_known() -> None:
    """Logits on the target's test pictures that are no numbers are not scored: that step has no accuracy."""
    summary = summarise_run(
        {
            one.name: one
            for one in (
                series("target_accuracy", [0.5, 0.6], [0, 10]),
                series("source_validation_accuracy", [0.1, 0.8, 0.9], [0, 10, 20]),
            )
        }
    )
    assert summary["selected_step_by_source_validation"] == 10
    assert summary["target_accuracy_by_source_validation"] == 0.6


def test_a_run_without_evaluations_has_a_summary() -> None:
    assert summarise_run({"class_loss": series("class_loss", [1.0])}) == {}


class TestProbe:
    def test_is_balanced_over_domains_and_classes_and_from_the_test_parts(self, pair: PairData) -> None:
        probe, inputs = choose_probe(pair, 60, 0)
        assert len(probe) == len(inputs) == 60
        for domain in (SOURCE, TARGET):
            assert np.bincount(probe.labels[probe.domains == domain]).tolist() == [10, 10, 10]
        # Each picture names itself: example, label and the seed of its data set.
        for picture, label, domain in zip(inputs, probe.labels, probe.domains, strict=True):
            assert picture[1, 0, 0] == label
            assert picture[2, 0, 0] == {SOURCE: 12, TARGET: 22}[domain]
        assert len({(int(picture[2, 0, 0]), int(picture[0, 0, 0])) for picture in inputs}) == 60
        assert probe.thumbnails is not None and np.array_equal(probe.thumbnails, inputs.numpy())

    def test_is_the_same_for_the_same_seed_alone(self, pair: PairData) -> None:
        one, again, other = (choose_probe(pair, 60, seed)[1] for seed in (0, 0, 1))
        assert torch.equal(one, again)
        assert not torch.equal(one, other)


def test_with_too_few_test_pictures_the_distance_is_left_out_and_said(pair: PairData) -> None:
    few = Domain(pair.target.train, pair.target.validation, pair.target.test.subset(torch.arange(3)))
    small = PairData(pair.source, few)
    probe, _ = choose_probe(small, 60, 0)
    features = np.random.default_rng(0).normal(size=(len(probe), 5)).astype(np.float32)
    told = list(
        PairEvaluator(small, probe, steps=100, seed=0).score(Features(7, features, np.zeros(len(probe), np.int16)))
    )
    assert [(type(one), one.code) for one in told if isinstance(one, Notice)] == [(Notice, "too_few_for_distance")]
    assert not [one for one in told if isinstance(one, Metrics)]
