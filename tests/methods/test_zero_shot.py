"""Every zero-shot method against the same thing written out, and what none of them may learn from."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.io import savemat
from torch.nn import functional

from tests.methods.test_target_labels_stay_hidden import arrays_within, same
from tests.methods.zero_shot_parts import (
    NAMES,
    SEEN,
    TUNING,
    VECTORS,
    context_of,
    events_of,
    spec_of,
    start_of,
    task,
    weights_of,
)
from tlcore.analysis.attribute_scores import (
    attribute_priors,
    conse_embeddings,
    cosine_scores,
    direct_attribute_scores,
)
from tlcore.analysis.zero_shot import zero_shot_accuracy
from tlcore.errors import InvalidRequest, MissingData
from tlcore.methods.registry import METHODS
from tlcore.methods.zero_shot import GAMMAS, LAMBDAS, ZeroShotObjective, choose_strengths
from tlcore.presets.zero_shot import PRESETS, benchmark
from tlcore.projection.neighbours import nearest_neighbours, with_descriptions
from tlcore.specs import RunSpec, override
from tlcore.training import preparation
from tlcore.training.events import Advanced, Checkpoint, Features, Finished, Metrics, Outputs

TRAINED = ("attributes", "naive", "margin", "devise", "ale")
NOT_OF_SEEN = ("predictor.vectors", "predictor.evidence_of_probe")


def objective_of(spec: RunSpec, **more: Any) -> Any:
    data = task(vectors=spec.network.name == "as-they-are")
    return inspect.getgeneratorlocals(METHODS[spec.method.name](spec, context_of(spec, data, **more)))["objective"]  # type: ignore


def test_naive_and_margin_losses_are_those_of_the_lecture() -> None:
    generator = torch.Generator().manual_seed(1)
    features, labels = torch.rand(7, 32, generator=generator), torch.tensor([0, 1, 2, 3, 4, 5, 0])
    for name in ("naive", "margin"):
        objective = objective_of(spec_of(name))
        loss, _ = objective.loss_of(features, labels)
        weights = {key: value.detach().double() for key, value in objective.head.state_dict().items()}
        middle = VECTORS[SEEN].double().mean(0)
        total = 0.0
        for x, label in zip(features.double(), labels.tolist(), strict=True):
            f = weights["picture_map.weight"] @ x + weights["picture_map.bias"]
            g = [weights["description_map.weight"] @ (s.double() - middle) for s in VECTORS]
            if name == "naive":
                total += float(((f - g[label]) ** 2).sum())
            else:
                others = max(float(f @ g[m]) for m in range(6) if m != label)  # the unseen ones take no part
                total += max(0.0, 1.0 - float(f @ g[label]) + others)
        assert loss.item() == pytest.approx(total / len(labels), rel=1e-5)


def test_attributes_are_looked_up_as_the_paper_says() -> None:
    objective = objective_of(spec_of("attributes"))
    features = torch.randn(9, 32, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        scores = objective.head(features).numpy()
        probabilities = objective.head.probabilities(features).numpy()
    priors = attribute_priors(VECTORS.numpy(), SEEN.numpy())
    expected = direct_attribute_scores(probabilities, VECTORS.numpy(), priors)
    # Less what is the same for every class.
    np.testing.assert_allclose(
        scores - scores.mean(1, keepdims=True), expected - expected.mean(1, keepdims=True), atol=1e-4
    )
    loss, _ = objective.loss_of(features, torch.arange(6).repeat(2)[:9])
    targets = VECTORS[torch.arange(6).repeat(2)[:9]]
    wanted = targets.numpy()
    by_hand = -(wanted * np.log(probabilities) + (1 - wanted) * np.log(1 - probabilities)).mean()
    assert loss.item() == pytest.approx(by_hand, rel=1e-4)


def test_conse_mixes_the_descriptions_a_classifier_believes_in() -> None:
    data = task()
    start, weights = start_of(data)
    spec = spec_of("conse", start=start, method={"most": 3})
    events = events_of(spec, context_of(spec, data, start_weights=weights))
    found = [event for event in events if isinstance(event, Outputs) and event.domain == "target"][-1].logits
    extractor = ZeroShotObjective(spec, context_of(spec, data, start_weights=weights)).network.extractor.eval()
    with torch.no_grad():
        features = extractor(data.test_unseen.inputs)
        logits = features @ weights["predictor.seen_classes.output.weight"].T
        logits += weights["predictor.seen_classes.output.bias"]
    vectors = VECTORS.numpy()
    mixed = conse_embeddings(logits.double().softmax(1).numpy(), vectors[SEEN.numpy()], 3)
    np.testing.assert_allclose(found, cosine_scores(mixed, vectors), atol=1e-5)
    with pytest.raises(InvalidRequest, match="classifier of the seen classes"):
        events_of(spec, context_of(spec, data, start_weights={}))


def test_eszsl_is_the_closed_form() -> None:
    data = task(vectors=True)
    spec = spec_of("eszsl", vectors=True, method={"gamma": 2.0, "lam": 0.5})
    events = events_of(spec, context_of(spec, data))
    x, s = data.train.inputs.double().numpy(), VECTORS[SEEN].double().numpy()
    y = np.where(data.train.labels[:, None].numpy() == np.arange(6), 1.0, -1.0)
    solution = np.linalg.inv(x.T @ x + 2.0 * np.eye(5)) @ x.T @ y @ s @ np.linalg.inv(s.T @ s + 0.5 * np.eye(4))
    found = weights_of(events)["predictor.picture_map.weight"].numpy()
    np.testing.assert_allclose(found.T, solution, rtol=1e-3, atol=1e-5)
    last = [event for event in events if isinstance(event, Outputs) and event.domain == "target"][-1]
    expected = data.test_unseen.inputs.double().numpy() @ solution @ VECTORS.double().numpy().T
    np.testing.assert_allclose(last.logits, expected, rtol=1e-3, atol=1e-4)


def strengths_by_hand(
    features: np.ndarray, labels: np.ndarray, vectors: np.ndarray, held: np.ndarray, fitted: np.ndarray
) -> tuple[float, float]:
    """The strengths that are best on the held-out classes, of a map that was fitted with the classes `fitted` alone."""
    inside, best = fitted[labels], []
    x, s = features[inside], vectors[fitted]
    y = np.where(labels[inside][:, None] == np.flatnonzero(fitted), 1.0, -1.0)
    for gamma in GAMMAS:
        left = np.linalg.inv(x.T @ x + gamma * np.eye(x.shape[1])) @ x.T @ y @ s
        for lam in LAMBDAS:
            solution = left @ np.linalg.inv(s.T @ s + lam * np.eye(s.shape[1]))
            scores = features[held[labels]] @ solution @ vectors.T
            best.append((zero_shot_accuracy(scores, labels[held[labels]], ~held), gamma, lam))
    return max(best)[1:]


@pytest.mark.parametrize("seed", [2, 4, 6, 7])
def test_strengths_are_chosen_by_a_map_that_has_not_seen_the_held_out_classes(seed: int) -> None:
    random = np.random.default_rng(seed)
    vectors, labels, held = random.random((8, 5)), np.arange(8).repeat(12), np.arange(8) >= 5
    features = vectors[labels] @ random.normal(size=(5, 6)) + 0.6 * random.normal(size=(96, 6))
    without = strengths_by_hand(features, labels, vectors, held, ~held)
    assert without != strengths_by_hand(features, labels, vectors, held, held | ~held), "a leak would be seen"
    assert choose_strengths(features, labels, vectors, held) == without


def test_strengths_are_chosen_without_the_classes_they_are_for() -> None:
    data = task(vectors=True)
    held = TUNING[SEEN].numpy()
    inputs, labels, vectors = data.train.inputs.numpy(), data.train.labels.numpy(), VECTORS[SEEN].numpy()
    gamma, lam = choose_strengths(inputs, labels, vectors, held)
    assert gamma in GAMMAS and lam in LAMBDAS
    with pytest.raises(InvalidRequest, match="No seen class is set apart"):
        choose_strengths(inputs, labels, vectors, np.zeros(6, dtype=bool))
    spec = spec_of("eszsl", vectors=True, method={"strengths": "chosen"})
    told = [event.values for event in events_of(spec, context_of(spec, data)) if isinstance(event, Metrics)]
    assert {"gamma": gamma, "lambda": lam} in told


@pytest.mark.parametrize(
    ("name", "method"),
    [*((name, {}) for name in (*TRAINED, "features", "eszsl")), ("eszsl", {"strengths": "chosen"})],
)
def test_what_is_unseen_does_not_change_what_is_learned(name: str, method: dict[str, str]) -> None:
    """Other pictures, labels and descriptions of unseen classes: the same weights, bit for bit."""
    vectors = name in ("eszsl", "ale")
    data = task(vectors=vectors)
    others = replace(data.test_unseen, inputs=0 * data.test_unseen.inputs, labels=data.test_unseen.labels.flip(0))
    foreign = replace(data, test_unseen=others, class_vectors=torch.where(SEEN[:, None], VECTORS, 1 - VECTORS))
    spec = spec_of(name, vectors=vectors, method=method)
    one, other = (weights_of(events_of(spec, context_of(spec, task))) for task in (data, foreign))
    assert one.keys() == other.keys()
    for key in one.keys() - set(NOT_OF_SEEN):
        assert torch.equal(one[key], other[key]), key
    if name != "features":
        assert not torch.equal(one["predictor.vectors"], other["predictor.vectors"])


@pytest.mark.parametrize("name", ["margin", "attributes", "features"])
def test_no_unseen_label_is_within_reach(name: str) -> None:
    """Everything a method under way can get hold of: no label of an unseen class, no picture of one to learn from."""
    data = task()
    spec = spec_of(name)
    generator = METHODS[name](spec, context_of(spec, data))
    for _ in range(9):
        next(generator)  # type: ignore[call-overload]
    arrays = arrays_within(generator)
    assert not any(same(array, data.test_unseen.labels) for array in arrays)
    assert not any(same(array, data.test_seen.labels) for array in arrays)
    assert any(same(array, data.train.labels) for array in arrays), "the walk finds what may be found"
    context = context_of(spec, data)
    assert set(context.data.source.labels.tolist()) <= set(torch.nonzero(SEEN).flatten().tolist())
    assert len(context.data.target) == 0 and not hasattr(context.data.target, "labels")
    pictures = {bytes(picture.numpy().tobytes()) for picture in context.data.source.inputs}
    assert pictures.isdisjoint(bytes(picture.numpy().tobytes()) for picture in data.test_unseen.inputs)


@pytest.mark.parametrize("name", TRAINED)
@pytest.mark.parametrize("side", ["learns", "stays"])
def test_an_interrupted_run_ends_alike(name: str, side: str) -> None:
    data = task()
    start, weights = start_of(data)
    spec = spec_of(name, start=start, method={"picture_side": side})
    context = context_of(spec, data, start_weights=weights)
    whole, checkpoint = [], None
    for event in METHODS[name](spec, context):
        whole.append(event)
        if isinstance(event, Advanced) and event.step == 3:
            context.cadence.checkpoint_requested = True
        if isinstance(event, Checkpoint):
            checkpoint = event
    assert checkpoint is not None and checkpoint.step == 4
    rest = events_of(spec, context_of(spec, data, resume_state=checkpoint.state))
    ends = [weights_of(events) for events in (whole, rest)]
    for key, tensor in ends[0].items():
        assert torch.equal(tensor, ends[1][key]), key


@pytest.mark.parametrize("name", [*TRAINED, "conse", "eszsl"])
def test_evidence_scores_any_description(name: str) -> None:
    """With what is kept of the probe's pictures, the score of every class follows from its description alone."""
    data = task()
    start, weights = start_of(data)
    spec = spec_of(name, start=start)
    context = context_of(spec, data, start_weights=weights)
    events = events_of(spec, context)
    last = [event for event in events if isinstance(event, Features)][-1]
    end = weights_of(events)
    evidence = end["predictor.evidence_of_probe"].double()
    assert len(last.array) == len(evidence) + len(NAMES)
    vectors = VECTORS.double()
    described = functional.normalize(vectors, dim=1) if name == "conse" else vectors - end["predictor.centre"].double()
    assert (evidence @ described.T).argmax(1).tolist() == last.predictions[: len(evidence)].tolist()
    # A description among the points is of a class of its own.
    assert last.predictions[len(evidence) :].tolist() == list(range(len(NAMES), 2 * len(NAMES)))


@pytest.mark.parametrize("name", ["margin", "naive", "conse"])
def test_the_first_description_beside_a_picture_is_of_the_class_it_is_taken_for(name: str) -> None:
    """What the film draws lines to. Rankers show no more than directions, so that there it is so of most."""
    data = task()
    start, weights = start_of(data)
    spec = spec_of(name, start=start, budget={"steps": 30})
    events = events_of(spec, context_of(spec, data, start_weights=weights))
    last = [event for event in events if isinstance(event, Features)][-1]
    pictures, features = len(last.array) - len(NAMES), np.asarray(last.array, dtype=np.float32)
    described = np.arange(len(features)) >= pictures
    chosen = with_descriptions(nearest_neighbours(features, 9)[0][:, 1:], features, described)
    first = [next(other for other in row if described[other]) - pictures for row in chosen[:pictures]]
    assert np.mean(first == np.asarray(last.predictions[:pictures])) > 0.98


def test_the_naive_space_collapses_and_the_margins_does_not() -> None:
    data, spreads = task(), {}
    for name in ("naive", "margin"):
        spec = spec_of(name, budget={"steps": 60}, optimisation={"learning_rate": 0.02})
        told: dict[str, list[float]] = {}
        for event in events_of(spec, context_of(spec, data)):
            if isinstance(event, Metrics):
                for key, value in event.values.items():
                    told.setdefault(key, []).append(value)
        spreads[name] = told["description_spread"][-1] / told["description_spread"][0]
    assert spreads["naive"] < 0.7 * spreads["margin"]


def test_features_that_stay_stay() -> None:
    data = task()
    start, weights = start_of(data)
    spec = spec_of("ale", start=start, method={"picture_side": "stays"})
    end = weights_of(events_of(spec, context_of(spec, data, start_weights=weights)))
    for key, tensor in weights.items():
        if key.startswith("extractor."):
            assert torch.equal(end[key], tensor), key


def test_a_benchmark_without_its_files_says_which(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLCORE_DATA", str(tmp_path))
    for spec in benchmark("sun").arms.values():
        with pytest.raises(MissingData, match=r"res101\.mat is not in the folder “SUN”"):
            preparation.prepare(spec, device=torch.device("cpu"), precision=torch.float32)


def test_every_arm_of_a_benchmark_runs_on_files_in_its_layout(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six classes, the last two unseen, their features a mixture of their attributes; indices count from 1."""
    random, labels = np.random.default_rng(5), np.arange(240) % 6 + 1
    attributes = random.random((5, 6))
    features = random.normal(size=(9, 5)) @ attributes[:, labels - 1] + 0.05 * random.normal(size=(9, 240))
    seen, unseen = np.flatnonzero(labels <= 4) + 1, np.flatnonzero(labels > 4) + 1
    learned = seen[:120]
    folder = tmp_path / "xlsa17" / "data" / "AWA2"
    folder.mkdir(parents=True)
    savemat(folder / "res101.mat", {"features": features, "labels": labels[:, None].astype(float)})
    splits = {
        "att": attributes, "allclasses_names": np.array(NAMES[:6], dtype=object)[:, None],
        "trainval_loc": learned[:, None], "test_seen_loc": seen[120:, None], "test_unseen_loc": unseen[:, None],
        "train_loc": learned[labels[learned - 1] <= 2][:, None],
        "val_loc": learned[labels[learned - 1] > 2][:, None],
    }  # fmt: skip
    savemat(folder / "att_splits.mat", splits)
    monkeypatch.setenv("TLCORE_DATA", str(tmp_path))
    weights: dict[str, Any] = {}
    arms = override(benchmark("awa2").arms, {"budget.steps": 40, "budget.probe_points": 20})
    for arm in ("features", *(arm for arm in arms if arm != "features")):
        spec = arms[arm]
        start = weights["features"] if spec.dependencies() else None
        run = preparation.prepare(spec, device=torch.device("cpu"), precision=torch.float32, start_weights=start)
        told: dict[str, float] = {}
        for event in METHODS[arm](spec, run.context):
            if isinstance(event, Finished):
                weights[arm] = event.weights
            for record in run.evaluator.score(event):
                told |= dict(record.values) if isinstance(record, Metrics) else {}
        assert 0 <= told["seen_accuracy"] <= 1
        if arm != "features":
            assert {"unseen_accuracy", "harmonic_mean", "calibration_area"} <= told.keys(), arm


def test_the_pages_presets_have_the_names_people_know() -> None:
    assert [preset.name for preset in PRESETS] == ["creatures", "collapse", "generalised", "awa2", "cub", "sun"]
    for preset in PRESETS:
        for arm, spec in preset.arms.items():
            assert spec.method.name == arm
    generalised, creatures = PRESETS[2].arms, PRESETS[0].arms
    assert all(spec == creatures[arm] for arm, spec in generalised.items()), "nothing is trained twice"
