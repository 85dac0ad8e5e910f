r"""Fine-tuning: what to do with few labels and a network that was trained on something else.

Every arm learns the same target labels. Without transfer (`scratch`); with the source network as it is and a linear
classifier on its features (`fixed_features`); or with all of it learning on (`fine_tune`), freely or conservatively:

    L2-SP            L(target) + α/2 ‖w − w⁰‖² + β/2 ‖w_head‖²      (Li, Grandvalet and Davoine 2018, equation 5)
    output matching  L(target) + μ T² KL(softmax(z⁰/T) ‖ softmax(z/T))  (after Li and Hoiem 2016, equation 1)

where z are the answers of the source's own label predictor on the target's pictures, z⁰ those of before.
"""

from __future__ import annotations

import copy
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from tlcore.errors import InvalidRequest
from tlcore.specs import L2Sp, OutputMatching, RunSpec
from tlcore.specs.fine_tuning import Tuning
from tlcore.training.checkpoints import with_prefix, without_prefix
from tlcore.training.context import Context, DomainName
from tlcore.training.early_stopping import set_aside
from tlcore.training.events import Event
from tlcore.training.freezing import BATCH, FreezableExtractor
from tlcore.training.layer_record import LayerRecord
from tlcore.training.loop import train
from tlcore.training.networks import SOURCE_PREDICTOR, channels_last, source_predictor
from tlcore.training.supervised import SupervisedObjective, labelled_target


def pretrain(spec: RunSpec, context: Context) -> Iterator[Event]:
    """Cross-entropy on the source task: the network that the others start from."""
    return train(spec, context, SupervisedObjective(spec, context, context.data.source, "source"))


def scratch(spec: RunSpec, context: Context) -> Iterator[Event]:
    """Cross-entropy on the target's labels, from random weights."""
    return train(spec, context, TargetObjective(spec, context))


def fine_tune(spec: RunSpec, context: Context) -> Iterator[Event]:
    """Cross-entropy on the target's labels, from the source network's weights; the fresh head is warmed first."""
    return train(spec, context, TuningObjective(spec, context))


def l2_sp(spec: RunSpec, context: Context) -> Iterator[Event]:
    """Fine-tuning with an anchor at the source network's parameters."""
    return train(spec, context, AnchoredObjective(spec, context))


def output_matching(spec: RunSpec, context: Context) -> Iterator[Event]:
    """Fine-tuning with the source's answers on the target's pictures held where they were."""
    return train(spec, context, MatchingObjective(spec, context))


class TargetObjective(SupervisedObjective):
    """Cross-entropy on the labelled target, maybe with some of the labels set aside to stop early."""

    def __init__(self, spec: RunSpec, context: Context, parts: tuple[str, ...] = ()) -> None:
        labels, self.stopping = labelled_target(context), None
        if getattr(spec.method, "early_stopping", False):
            labels, self.stopping = set_aside(labels, spec.seed)
        super().__init__(spec, context, labels, "target", parts, min(spec.budget.batch_size, len(labels)))

    def measures(self, step: int) -> Iterator[Event]:
        if self.stopping:
            examples = self.stopping.examples
            _, logits = self.outputs("target", self.prepared("set aside", examples.inputs))
            yield from self.stopping.look(step, logits, self.modules())

    def conclude(self, step: int) -> Iterator[Event]:
        if self.stopping:
            yield from self.stopping.put_back(step, self.modules())

    def state(self) -> dict[str, torch.Tensor]:
        return with_prefix("stopping", self.stopping.state()) if self.stopping else {}

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        if self.stopping:
            self.stopping.restore(without_prefix("stopping", state))


class TuningObjective(TargetObjective):
    """The target's cross-entropy from the source network's weights, with a fresh head and layers frozen as asked."""

    def __init__(self, spec: RunSpec, context: Context) -> None:
        super().__init__(spec, context, ("extractor",))
        if not isinstance(spec.method, Tuning):
            raise TypeError(f"not a way of fine-tuning: {spec.method.name}")
        self.method = spec.method
        for module in self.modules().values():
            module.to(context.device)
        self.source_predictor = source_predictor(context, self.network.feature_width)
        examples = max(len(one) for one in (self.labelled.inputs, *context.data.held_out.values()))
        self.body = FreezableExtractor(
            self.network.extractor,
            statistics_stay=self.method.batch_norm == "source",
            sample=None if spec.augmentation.varies else self.labelled.inputs[:1],
            examples=examples,
        )
        if self.method.last_layers > self.body.count:
            raise InvalidRequest(
                f"There are no last {self.method.last_layers} layers to tune: the feature extractor has "
                f"{self.body.count}."
            )
        self.record = LayerRecord(self.network.extractor, context.data.probe)

    def parameter_groups(self) -> list[dict[str, Any]]:
        groups: list[dict[str, Any]] = [
            {"params": self.body.parameters_of(number), "rate": self.method.rate_decay ** (self.body.count - number)}
            for number in range(1, self.body.count + 1)
        ]
        return [*groups, {"params": list(self.network.predictor.parameters()), "rate": self.method.head_rate}]

    def frozen(self, progress: float) -> range:
        """The numbers of the layers that do not learn at this share of training done: always the first ones."""
        method, count = self.method, self.body.count
        if progress < method.head_warm_up:
            return range(1, count + 1)
        tuned = method.last_layers or count
        if method.gradual_unfreezing:
            since = (progress - method.head_warm_up) / (1 - method.head_warm_up)
            # All layers have joined when half of the time is over, so that the first of them learns too.
            tuned = min(tuned, 1 + int(2 * since * tuned))
        return range(1, count - tuned + 1)

    def begin_step(self, progress: float) -> None:
        self.body.freeze(self.frozen(progress))

    def loss(self, progress: float) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        indices = self.batches["labelled"].next()
        inputs = self.varied(self.body.prepared("labelled", self.labelled.inputs)[indices])
        labels = self.labelled.labels[indices]
        class_loss, features = self.class_loss(self.body.rest(channels_last(inputs)), labels)
        held = self.held_near(indices, inputs, features)
        total = torch.stack([class_loss, *held.values()]).sum() if held else class_loss
        return total, {"class_loss": class_loss, **held}

    def after_backward(self) -> dict[str, torch.Tensor]:
        told = super().after_backward()
        if self.method.gradient_limit:
            moving = [one for module in self.modules().values() for one in module.parameters() if one.grad is not None]
            told["gradient_norm"] = nn.utils.clip_grad_norm_(moving, self.method.gradient_limit)
        return told

    def held_near(self, indices: torch.Tensor, inputs: torch.Tensor, features: torch.Tensor) -> dict[str, torch.Tensor]:
        """What conservative training adds to the loss, by name, for a batch: where it stands among the labelled
        examples (B,), as the body is given it, and its features (B, D)."""
        return {}

    def prepared(self, key: Hashable, inputs: torch.Tensor) -> torch.Tensor:
        return self.body.prepared(key, inputs)

    def outputs(self, domain: DomainName, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features: torch.Tensor = self.body.rest(channels_last(inputs))
        head = self.source_predictor if domain == "source" else self.network.predictor
        if head is None:
            raise RuntimeError("the source is looked at, but nothing was learned from it")
        return features, head(features)

    def measures(self, step: int) -> Iterator[Event]:
        yield from super().measures(step)
        yield from self.record.measure(step, last=step == self.context.cadence.steps)

    def state(self) -> dict[str, torch.Tensor]:
        held = with_prefix("origin", self.record.origin)
        if self.source_predictor is not None:
            held |= with_prefix(SOURCE_PREDICTOR, self.source_predictor.state_dict())
        return super().state() | held

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        super().restore(state)
        self.record.origin.update(without_prefix("origin", state))


class AnchoredObjective(TuningObjective):
    """L2-SP: half the squared distance from the parameters of before, where they may move, weighs in."""

    def held_near(self, indices: torch.Tensor, inputs: torch.Tensor, features: torch.Tensor) -> dict[str, torch.Tensor]:
        assert isinstance(self.method, L2Sp)
        origin = self.record.origin
        moving = {name: one for name, one in self.network.extractor.named_parameters() if one.requires_grad}
        held = {
            "head_decay_loss": 0.5
            * self.method.head_decay
            * sum((one.square().sum() for one in self.network.predictor.parameters()), torch.zeros_like(features[0, 0]))
        }
        distance = torch.zeros((), device=features.device)
        for name, parameter in moving.items():
            distance = distance + (parameter - origin[name]).square().sum()
        return {"anchor_loss": 0.5 * self.method.anchor_strength * distance, **held}


class MatchingObjective(TuningObjective):
    """The source's answers on the target's pictures stay near what they were."""

    def __init__(self, spec: RunSpec, context: Context) -> None:
        super().__init__(spec, context)
        if self.source_predictor is None:
            raise InvalidRequest(
                "Output matching needs the label predictor of the source task: this network comes without one."
            )
        self.teacher = copy.deepcopy(self.network.extractor).eval().requires_grad_(False)
        self._answers: torch.Tensor | None = None

    @torch.no_grad()
    def old_answers(self, indices: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
        """Logits (B, K) of the source's classes as the source network gave them, of pictures as the body is given
        them; of unvaried pictures they are computed once."""
        assert self.source_predictor is not None
        if self.augmentation.varies:
            return self.source_predictor(self.teacher(channels_last(inputs))).float()
        if self._answers is None:
            chunks = self.labelled.inputs.split(BATCH)
            self._answers = torch.cat([self.source_predictor(self.teacher(channels_last(one))) for one in chunks])
        return self._answers[indices]

    def held_near(self, indices: torch.Tensor, inputs: torch.Tensor, features: torch.Tensor) -> dict[str, torch.Tensor]:
        assert isinstance(self.method, OutputMatching) and self.source_predictor is not None
        if not any(parameter.requires_grad for parameter in self.network.extractor.parameters()):
            return {"matching_loss": torch.zeros((), device=features.device)}
        new = self.source_predictor(features).float()
        divergence = softened_divergence(self.old_answers(indices, inputs), new, self.method.temperature)
        return {"matching_loss": self.method.matching_strength * divergence}

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        super().restore(state)
        self.teacher.load_state_dict(self.record.origin)
        self._answers = None


def softened_divergence(old: torch.Tensor, new: torch.Tensor, temperature: float) -> torch.Tensor:
    """T² KL(softmax(old/T) ‖ softmax(new/T)), the mean over examples, in nats; logits (N, K). The factor T² keeps its
    gradient as strong as that of the labels (Hinton, Vinyals and Dean 2015, section 2)."""
    before = (old / temperature).log_softmax(1)
    now = (new / temperature).log_softmax(1)
    return temperature**2 * functional.kl_div(now, before, reduction="batchmean", log_target=True)
