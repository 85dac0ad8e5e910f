"""Fine-tuning: losses against hand-written ones, what stays bit for bit as it was, and what is computed only once."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import pytest
import torch

from tests.methods.fine_tuning_parts import (
    TARGET_CLASSES,
    context_of,
    events_of,
    source_weights,
    target_spec,
    weights_of,
)
from tlcore.errors import InvalidRequest
from tlcore.methods import fixed_features
from tlcore.methods.fine_tuning import softened_divergence
from tlcore.methods.registry import METHODS
from tlcore.networks.pretrained import load_network, weights_file
from tlcore.specs import validate
from tlcore.training.events import Checkpoint, Metrics, Outputs

Weights = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def learned() -> Weights:
    torch.set_num_threads(1)
    return source_weights()


def objective_of(spec: Any, weights: Weights) -> Any:
    objective = inspect.getgeneratorlocals(METHODS[spec.method.name](spec, context_of(spec, weights)))["objective"]  # type: ignore[arg-type]
    objective.begin_step(0.99)
    return objective


def bodies(weights: Weights) -> Weights:
    return {name: tensor for name, tensor in weights.items() if name.startswith("extractor.")}


class TestAnchor:
    def moved(self, learned: Weights, **method: float) -> tuple[Any, float]:
        spec = target_spec("l2_sp", method={"anchor_strength": 0.7, "head_decay": 0.3, "gradient_limit": 0, **method})
        objective = objective_of(spec, learned)
        distance = 0.0
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in objective.network.extractor.parameters():
                step = 0.1 * torch.randn(parameter.shape, generator=generator)
                distance += float(step.double().square().sum())
                parameter += step
        return objective, distance

    def test_penalty_is_half_alpha_times_the_squared_distance(self, learned):
        objective, distance = self.moved(learned)
        _, scalars = objective.loss(0.99)
        assert scalars["anchor_loss"].item() == pytest.approx(0.5 * 0.7 * distance, rel=1e-4)
        head = sum(float(one.detach().double().square().sum()) for one in objective.network.predictor.parameters())
        assert scalars["head_decay_loss"].item() == pytest.approx(0.5 * 0.3 * head, rel=1e-5)

    def test_gradient_is_that_of_the_labels_plus_alpha_times_the_way_gone(self, learned):
        """The same batch with and without the anchor: the gradients differ by α (w − w⁰) exactly."""
        gradients = []
        for strength in (0.0, 0.7):
            objective, _ = self.moved(learned, anchor_strength=strength, head_decay=0.0)
            total, _ = objective.loss(0.99)
            total.backward()
            gradients.append({name: one.grad.clone() for name, one in objective.network.extractor.named_parameters()})
        origin = objective.record.origin
        for name, parameter in objective.network.extractor.named_parameters():
            expected = gradients[0][name] + 0.7 * (parameter.detach() - origin[name])
            torch.testing.assert_close(gradients[1][name], expected, rtol=1e-4, atol=1e-5)

    def test_the_anchor_does_not_move_with_the_weights(self, learned):
        spec = target_spec("l2_sp")
        objective = objective_of(spec, learned)
        origin = {name: tensor.clone() for name, tensor in objective.record.origin.items()}
        with torch.no_grad():
            for parameter in objective.network.extractor.parameters():
                parameter.add_(1.0)
        for name, tensor in origin.items():
            assert torch.equal(objective.record.origin[name], tensor)

    def test_a_stronger_anchor_ends_nearer_to_the_source(self, learned):
        moved = []
        for strength in (0.0, 30.0):
            spec = target_spec("l2_sp", method={"anchor_strength": strength}, budget={"steps": 20})
            ended = weights_of(events_of(spec, context_of(spec, learned)))
            moved.append(
                sum(
                    float((ended[name] - learned[name]).square().sum())
                    for name in bodies(learned)
                    if "norm" not in name and name.endswith("weight")
                )
            )
        assert moved[1] < 0.2 * moved[0]


class TestOutputMatching:
    def test_divergence_is_the_hand_written_one(self):
        generator = torch.Generator().manual_seed(1)
        old, new = torch.randn(5, 4, generator=generator), torch.randn(5, 4, generator=generator)
        temperature = 2.5
        total = 0.0
        for before, now in zip(old.tolist(), new.tolist(), strict=True):
            p = [math.exp(value / temperature) for value in before]
            q = [math.exp(value / temperature) for value in now]
            p, q = [value / sum(p) for value in p], [value / sum(q) for value in q]
            total += sum(a * (math.log(a) - math.log(b)) for a, b in zip(p, q, strict=True))
        assert float(softened_divergence(old, new, temperature)) == pytest.approx(temperature**2 * total / 5, rel=1e-5)

    def test_nothing_is_lost_before_anything_has_moved(self, learned):
        objective = objective_of(target_spec("output_matching"), learned)
        _, scalars = objective.loss(0.99)
        assert scalars["matching_loss"].item() == pytest.approx(0.0, abs=1e-5)

    @pytest.mark.parametrize("augmentation", [{}, {"shift": 0.1}], ids=["kept", "varied"])
    def test_old_answers_are_those_of_the_source_network(self, learned, augmentation):
        spec = target_spec("output_matching", augmentation=augmentation)
        objective = objective_of(spec, learned)
        pictures = objective.labelled.inputs[:5]
        extractor = objective_of(target_spec("fine_tune"), learned).network.extractor.eval()
        expected = extractor(pictures) @ learned["predictor.output.weight"].T + learned["predictor.output.bias"]
        with torch.no_grad():
            for parameter in objective.network.extractor.parameters():
                parameter.add_(0.5)  # the new network has moved; the old answers have not
        got = objective.old_answers(torch.arange(5), pictures)
        torch.testing.assert_close(got, expected.detach(), rtol=1e-4, atol=1e-5)

    def test_a_network_without_label_predictor_is_refused(self, learned):
        spec = target_spec("output_matching")
        with pytest.raises(InvalidRequest, match="needs the label predictor"):
            events_of(spec, context_of(spec, bodies(learned)))


class TestWhatIsFrozen:
    def test_fixed_features_leave_the_body_bit_for_bit(self, learned):
        spec = target_spec("fixed_features")
        ended = weights_of(events_of(spec, context_of(spec, learned)))
        assert bodies(ended).keys() == bodies(learned).keys()
        for name, tensor in bodies(learned).items():
            assert torch.equal(ended[name], tensor), name

    @pytest.mark.parametrize("batch_norm", ["source", "target"])
    def test_of_the_last_two_layers_only_these_move(self, learned, batch_norm):
        method = {"last_layers": 2, "head_warm_up": 0.0, "batch_norm": batch_norm}
        spec = target_spec("fine_tune", method=method)
        ended = weights_of(events_of(spec, context_of(spec, learned)))
        for name, tensor in bodies(learned).items():
            of_layer = name.split(".")[1]
            tuned = (of_layer[-1] not in "123" and of_layer != "centre") or of_layer == "dense1"
            statistics = "running" in name or "num_batches" in name
            if tuned and statistics:
                tuned = batch_norm == "target"
            assert torch.equal(ended[name], tensor) != tuned, name

    def test_warm_up_leaves_the_body_untouched_and_moves_the_head(self, learned):
        spec = target_spec("fine_tune", method={"head_warm_up": 1.0})
        ended = weights_of(events_of(spec, context_of(spec, learned)))
        for name, tensor in bodies(learned).items():
            assert torch.equal(ended[name], tensor), name
        fresh = objective_of(spec, learned).network.predictor.output.weight
        assert not torch.equal(ended["predictor.output.weight"], fresh)

    def test_after_the_warm_up_every_layer_moves(self, learned):
        spec = target_spec("fine_tune", method={"head_warm_up": 0.5})
        ended = weights_of(events_of(spec, context_of(spec, learned)))
        still = [
            name
            for name, tensor in bodies(learned).items()
            if name.endswith("weight") and torch.equal(ended[name], tensor)
        ]
        assert still == []

    def test_gradual_unfreezing_opens_layer_after_layer_from_the_last(self, learned):
        objective = objective_of(
            target_spec("fine_tune", method={"gradual_unfreezing": True, "head_warm_up": 0.2}), learned
        )
        frozen = [len(objective.frozen(progress)) for progress in np.linspace(0, 0.999, 50)]
        assert frozen == sorted(frozen, reverse=True)
        assert frozen[0] == 5 and frozen[-1] == 0 and set(frozen) == {0, 1, 2, 3, 4, 5}
        assert len(objective.frozen(0.61)) == 0  # half of what follows the warm-up

    def test_each_layer_below_learns_slower_and_the_head_faster(self, learned):
        objective = objective_of(target_spec("fine_tune", method={"rate_decay": 0.5, "head_rate": 7.0}), learned)
        groups = objective.parameter_groups()
        assert [group["rate"] for group in groups] == [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0, 7.0]
        grouped = [id(parameter) for group in groups for parameter in group["params"]]
        assert sorted(grouped) == sorted(
            id(one) for module in objective.modules().values() for one in module.parameters()
        )

    def test_more_last_layers_than_there_are_is_refused(self, learned):
        spec = target_spec("fine_tune", method={"last_layers": 6})
        with pytest.raises(InvalidRequest, match="has 5"):
            events_of(spec, context_of(spec, learned))


class TestWhatIsComputedOnce:
    @pytest.mark.parametrize("name, method", [
        ("fine_tune", {"last_layers": 2, "head_warm_up": 0.3}),
        ("fine_tune", {"gradual_unfreezing": True}),
        ("l2_sp", {"last_layers": 1}),
        ("output_matching", {"last_layers": 2}),
    ], ids=["last", "gradual", "anchored", "matching"])  # fmt: skip
    def test_kept_and_recomputed_features_learn_the_same(self, learned, monkeypatch, name, method):
        spec = target_spec(name, method=method)
        kept = events_of(spec, context_of(spec, learned))
        monkeypatch.setattr("tlcore.training.freezing.MOST_KEPT", 0)
        recomputed = events_of(spec, context_of(spec, learned))
        first, second = weights_of(kept), weights_of(recomputed)
        for tensor in first:
            torch.testing.assert_close(first[tensor], second[tensor], rtol=1e-4, atol=1e-5)
        answers = [
            [event.logits.argmax(1) for event in events if isinstance(event, Outputs)] for events in (kept, recomputed)
        ]
        assert all((one == other).all() for one, other in zip(*answers, strict=True))


class TestFixedFeatures:
    @pytest.mark.parametrize("classifier", ["softmax", "svm"])
    def test_the_classifier_fits_separable_features(self, learned, classifier):
        spec = target_spec("fixed_features", method={"classifier": classifier})
        events = events_of(spec, context_of(spec, learned))
        last = [event for event in events if isinstance(event, Outputs) and event.part == "train"][-1]
        labels = torch.arange(len(TARGET_CLASSES)).repeat(2).numpy()
        assert (last.logits.argmax(1) == labels).mean() >= 0.8

    def test_an_earlier_layer_is_read_where_it_is_asked_for(self, learned):
        spec = target_spec("fixed_features", method={"layer": 2})
        ended = weights_of(events_of(spec, context_of(spec, learned)))
        assert ended["predictor.output.weight"].shape == (len(TARGET_CLASSES), 4)  # channels of the second block

    def test_a_layer_that_does_not_exist_is_refused(self, learned):
        spec = target_spec("fixed_features", method={"layer": 9})
        with pytest.raises(InvalidRequest, match="no layer 9"):
            events_of(spec, context_of(spec, learned))


class TestPublishedWeights:
    """Features of published weights are kept in a file from one run to the next."""

    def spec(self) -> Any:
        network = {"name": "torchvision", "architecture": "squeezenet1_1", "side": 32}
        return validate({
            "method": {"name": "fixed_features"}, "data": {"kind": "task_pair", "target": {"name": "photo-digits"}},
            "network": network, "budget": {"steps": 1, "evaluations": 1, "frames": 1}, "seed": 3,
        })  # fmt: skip

    def accuracy(self) -> tuple[float, list[Any]]:
        spec = self.spec()
        context = context_of(spec, {})
        del context.data.held_out["source", "test"]
        events = events_of(spec, context)
        tests = [event.logits for event in events if isinstance(event, Outputs) and event.part == "test"]
        labels = np.tile(np.arange(len(TARGET_CLASSES)), 3)
        return float((tests[-1].argmax(1) == labels).mean()), tests

    def test_kept_features_give_the_accuracy_of_those_computed(self, tmp_path, monkeypatch):
        monkeypatch.setenv("TLCORE_DATA", str(tmp_path / "data"))
        monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
        torch.manual_seed(0)
        network = self.spec().network
        path = weights_file(network)
        path.parent.mkdir(parents=True)
        torch.save(load_network(network.model_copy(update={"weights": "none"})).network.state_dict(), path)

        computed: list[int] = []
        honest = fixed_features.kept_values
        counted = lambda file, compute: honest(file, lambda: computed.append(1) or compute())  # noqa: E731
        monkeypatch.setattr(fixed_features, "kept_values", counted)
        first = self.accuracy()
        assert computed, "nothing was kept before"
        computed.clear()
        again = self.accuracy()
        assert not computed, "everything was kept"
        monkeypatch.setattr(fixed_features, "kept_values", lambda file, compute: compute())
        uncached = self.accuracy()
        assert first[0] == again[0] == uncached[0]
        for logits in (again[1], uncached[1]):
            for one, other in zip(logits, first[1], strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


class TestForgetting:
    def test_the_source_is_scored_by_its_own_predictor(self, learned):
        """Before anything is learned the source's answers are those the source run ended with."""
        spec = target_spec("fine_tune")
        context = context_of(spec, learned)
        events = events_of(spec, context)
        first = next(event for event in events if isinstance(event, Outputs) and event.domain == "source")
        objective = objective_of(spec, learned)
        features = objective.network.extractor.eval()(context.data.held_out["source", "test"])
        expected = features @ learned["predictor.output.weight"].T + learned["predictor.output.bias"]
        torch.testing.assert_close(torch.from_numpy(first.logits), expected.detach(), rtol=1e-4, atol=1e-5)

    def test_layers_that_moved_tell_how_far(self, learned):
        spec = target_spec("fine_tune", method={"head_warm_up": 0.0})
        events = events_of(spec, context_of(spec, learned))
        ended = weights_of(events)
        told = {name: value for event in events if isinstance(event, Metrics) for name, value in event.values.items()}
        names = ["extractor.dense1.weight", "extractor.dense1.bias"]
        gone = math.sqrt(sum(float((ended[name] - learned[name]).double().square().sum()) for name in names))
        length = math.sqrt(sum(float(learned[name].double().square().sum()) for name in names))
        assert told["parameter_change.dense1"] == pytest.approx(gone / length, rel=1e-4)
        assert 0.0 < told["cka.conv1"] <= 1.0


@pytest.mark.parametrize("name", ["scratch", "fine_tune", "l2_sp", "output_matching"])
def test_a_run_that_was_interrupted_ends_as_if_it_had_not_been(learned, name):
    """From a checkpoint alone, without the start's weights, as a fork continues too."""
    method = {"early_stopping": True} if name in ("scratch", "fine_tune") else {}
    spec = target_spec(name, method=method)
    whole = weights_of(events_of(spec, context_of(spec, None if name == "scratch" else learned)))
    context = context_of(spec, None if name == "scratch" else learned)
    state = None
    for event in METHODS[name](spec, context):
        if isinstance(event, Checkpoint):
            state = event.state
            break
        context.cadence.checkpoint_requested = getattr(event, "step", 0) >= 4
    assert state is not None
    continued = context_of(spec, None, resume_state=state)
    if name != "scratch":
        continued.data.held_out.setdefault(("source", "test"), context.data.held_out["source", "test"])  # type: ignore[attr-defined]
    ended = weights_of(events_of(spec, continued))
    for tensor in whole:
        torch.testing.assert_close(ended[tensor], whole[tensor], rtol=1e-5, atol=1e-6)
