r"""Multitask learning: one feature extractor, a head for each task, and their gradients where they meet.

With losses L_k of K tasks, each head learns from its own loss; the shared feature extractor learns from a direction

    d = Σ_k w_k ∇L_k

where w_k is 1/K (equal), told (fixed), learned (uncertainty), or found anew in each step from the gradients themselves
(pcgrad, cagrad, upgrad). Labels that are missing add nothing to any of it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from tlcore.networks.layers import layers
from tlcore.runs.records import Notice
from tlcore.specs import RunSpec, Shared
from tlcore.training.anatomy import StepTensors
from tlcore.training.context import Context
from tlcore.training.events import Event, Metrics, TaskOutputs
from tlcore.training.loop import train
from tlcore.training.many_tasks import ManyTasksData
from tlcore.training.networks import channels_last
from tlcore.training.sampling import ShuffledBatches
from tlcore.training.supervised import SupervisedObjective, labelled_target
from tlcore.training.task_weighting import Uncertainty, cosines, gradient_weights

BY_GRADIENT = ("pcgrad", "cagrad", "upgrad")
MOST_PAIRED = 5  # tasks of which every pair is compared; of more, the main one with each
COMPARED = 256  # examples on which the gradients are compared
CONFLICT = -0.05  # a cosine below this is called a conflict


def single_task(spec: RunSpec, context: Context) -> Iterator[Event]:
    """One task from its own labels alone."""
    return train(spec, context, ManyTasksObjective(spec, context, only_main=True))


def shared(spec: RunSpec, context: Context) -> Iterator[Event]:
    """All tasks at once by one feature extractor."""
    return train(spec, context, ManyTasksObjective(spec, context))


class ManyTasksObjective(SupervisedObjective):
    """Losses of several tasks on examples that have labels of some of them."""

    def __init__(self, spec: RunSpec, context: Context, *, only_main: bool = False) -> None:
        data = context.data
        if not isinstance(data, ManyTasksData):
            raise TypeError("this method needs data of several tasks")
        super().__init__(spec, context, labelled_target(context), "target")
        self.tasks = data.tasks[:1] if only_main else data.tasks
        self.method = spec.method if isinstance(spec.method, Shared) else Shared()
        self.labels = data.labels[:, : len(self.tasks)].to(context.device)
        self.main = data.main.to(context.device)
        self.heads = nn.ModuleDict(
            # By number: a module may not be called as some tasks are.
            OrderedDict(
                (str(column), nn.Linear(self.network.feature_width, task.outputs))
                for column, task in enumerate(self.tasks[1:], 1)
            )
        )
        self.uncertainty = Uncertainty(len(self.tasks)) if self.method.weighting == "uncertainty" else None
        self.quantities = torch.tensor([not task.classes for task in self.tasks], device=context.device)
        size = min(spec.budget.batch_size, len(self.main))
        self.batches = {"main": ShuffledBatches(len(self.main), size, 2 * spec.seed + 1, context.device)}
        # Where few examples have the main task's label, the companions' come in a batch of their own beside it.
        self.others = torch.zeros(0, dtype=torch.int64, device=context.device)
        if len(self.tasks) > 1:
            known = [task.known(self.labels[:, column]) for column, task in enumerate(self.tasks)][1:]
            others = torch.stack(known).any(0).nonzero().flatten()
            if not torch.isin(others, self.main).all():
                self.others = others
                size = min(spec.budget.batch_size, len(others))
                self.batches["others"] = ShuffledBatches(len(others), size, 2 * spec.seed + 2, context.device)
        self._weights = torch.full((len(self.tasks),), 1 / len(self.tasks), device=context.device)
        self._gradients: torch.Tensor | None = None
        self._told: set[tuple[str, str]] = set()

    def modules(self) -> Mapping[str, nn.Module]:
        parts = dict(super().modules())
        if len(self.heads):
            parts["heads"] = self.heads
        if self.uncertainty is not None:
            parts["uncertainty"] = self.uncertainty
        return parts

    def head(self, column: int) -> nn.Module:
        """The head of one task."""
        return self.heads[str(column)] if column else self.network.predictor

    def loss(self, progress: float) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        chosen = self.main[self.batches["main"].next()]
        main = len(chosen)
        if len(self.others):
            chosen = torch.cat([chosen, self.others[self.batches["others"].next()]])
        inputs, labels = self.varied(self.labelled.inputs[chosen]), self.labels[chosen]
        features: torch.Tensor = self.network.extractor(channels_last(inputs))
        weighting, count = self.method.weighting, len(self.tasks)
        if count > 1 and weighting in BY_GRADIENT:
            met = features.detach().requires_grad_()  # each head learns from here; the body from what is combined
        else:
            met = features / count + (features - features / count).detach()  # the body gets the mean, heads their own
        of_main = met[:main]
        of_main.retain_grad()
        met = torch.cat([of_main, met[main:]])
        answers = [self.head(column)(met) for column in range(count)]
        losses = torch.stack([task.loss(answers[k], labels[:, k]) for k, task in enumerate(self.tasks)])
        self._tensors = StepTensors(
            "target", of_main, answers[0][:main].float(), self.classes_of(labels[:main, 0]), losses[0]
        )
        told = {"class_loss": losses[0]} | {f"task_loss.{task.name}": losses[k] for k, task in enumerate(self.tasks)}
        if count > 1 and weighting in BY_GRADIENT:
            self._combine(features, met, losses)
            told |= {f"task_weight.{task.name}": self._weights[k] for k, task in enumerate(self.tasks)}
            return losses.sum(), told
        if self.uncertainty is not None:
            factors = torch.exp(-self.uncertainty.log_variances)
            told |= {f"task_weight.{task.name}": factors[k] for k, task in enumerate(self.tasks)}
            return self.uncertainty(losses, self.quantities), told
        if weighting == "fixed" and count > 1:
            weights = torch.full_like(losses, self.method.companion_weight)
            weights[0] = 1.0
            return (weights * losses).sum(), told
        return losses.sum(), told

    def classes_of(self, labels: torch.Tensor) -> torch.Tensor:
        """The main task's labels (N,) as classes, to take a step apart by; a quantity has one only."""
        return torch.nan_to_num(labels).long().clamp(0, self.tasks[0].outputs - 1)

    def body(self) -> list[nn.Parameter]:
        """The shared parameters, which learn."""
        return [parameter for parameter in self.network.extractor.parameters() if parameter.requires_grad]

    def _combine(self, features: torch.Tensor, met: torch.Tensor, losses: torch.Tensor) -> None:
        """The body's direction of this step, from every task's gradient through it."""
        gradients = []
        for loss in losses:
            (at_features,) = torch.autograd.grad(loss, met, retain_graph=True)
            parts = torch.autograd.grad(features, self.body(), at_features.to(features.dtype), retain_graph=True)
            gradients.append(torch.cat([part.flatten() for part in parts]))
        stacked = torch.stack(gradients).float()
        self._weights = gradient_weights(stacked @ stacked.T, self.method.weighting, self.method.caution)
        self._gradients = self._weights.to(stacked) @ stacked

    def after_backward(self) -> dict[str, torch.Tensor]:
        if self._gradients is not None:
            sizes = [parameter.numel() for parameter in self.body()]
            for parameter, part in zip(self.body(), self._gradients.split(sizes), strict=True):
                parameter.grad = part.view_as(parameter).clone()
            self._gradients = None
        return super().after_backward()

    def measures(self, step: int) -> Iterator[Event]:
        test = self.context.data.held_out["target", "test"]
        if len(self.tasks) > 1:
            features = torch.cat([self.network.extractor(channels_last(chunk)) for chunk in test.split(1000)])
            for column, task in enumerate(self.tasks[1:], 1):
                logits = self.head(column)(features).float().cpu().numpy()
                yield TaskOutputs(step, "target", "test", logits, task.name)
        yield Metrics(step, self._counts())
        if len(self.tasks) > 1:
            gramians = self.gradient_gramians()
            yield Metrics(step, self._told_of(gramians))
            yield from self._conflicts(step, gramians)

    def _counts(self) -> dict[str, float]:
        count = sum(parameter.numel() for module in self.modules().values() for parameter in module.parameters())
        return {"parameters.trained": float(count)}

    def gradient_gramians(self) -> dict[str, torch.Tensor]:
        """Inner products (K, K) of the tasks' gradients on examples that stay the same, for each shared layer.

        The model is as it is when it is looked at: nothing is dropped, and statistics stay.
        """
        chosen = torch.cat([self.main[:COMPARED], self.others[:COMPARED]])
        with torch.inference_mode(False), torch.enable_grad():
            features = self.network.extractor(channels_last(self.labelled.inputs[chosen].clone()))
            labels = self.labels[chosen].clone()
            named = [(name, one) for name, one in self.network.extractor.named_parameters() if one.requires_grad]
            rows = []
            for column, task in enumerate(self.tasks):
                loss = task.loss(self.head(column)(features), labels[:, column])
                rows.append(torch.autograd.grad(loss, [one for _, one in named], retain_graph=True))
            gramians = {}
            for layer in layers(self.network.extractor):
                own = tuple(f"{path}." for path in layer.modules)
                places = [place for place, (name, _) in enumerate(named) if name.startswith(own)]
                if not places:
                    continue
                flat = torch.stack([torch.cat([row[place].flatten() for place in places]) for row in rows]).float()
                gramians[layer.name] = (flat @ flat.T).detach()
        return gramians

    def _pairs(self) -> list[tuple[int, int]]:
        count = len(self.tasks)
        firsts = range(count) if count <= MOST_PAIRED else range(1)
        return [(first, second) for first in firsts for second in range(first + 1, count)]

    def _told_of(self, gramians: Mapping[str, torch.Tensor]) -> dict[str, float]:
        """`gradient_cosine.A.B.LAYER`, with LAYER “all” for the whole body, and `gradient_norm.A`."""
        told: dict[str, float] = {}
        whole = torch.stack(list(gramians.values())).sum(0)
        for layer, gramian in [*gramians.items(), ("all", whole)]:
            table = cosines(gramian).tolist()
            for one, other in self._pairs():
                told[f"gradient_cosine.{self.tasks[one].name}.{self.tasks[other].name}.{layer}"] = table[one][other]
        norms = whole.diagonal().clamp_min(0).sqrt().tolist()
        return told | {f"gradient_norm.{task.name}": norm for task, norm in zip(self.tasks, norms, strict=True)}

    def _conflicts(self, step: int, gramians: Mapping[str, torch.Tensor]) -> Iterator[Event]:
        if step == 0:  # before anything is learned the directions say little
            return
        table = cosines(torch.stack(list(gramians.values())).sum(0))
        for one, other in self._pairs():
            pair = (self.tasks[one].name, self.tasks[other].name)
            if table[one, other] < CONFLICT and pair not in self._told:
                self._told.add(pair)
                text = (
                    f"“{pair[0]}” and “{pair[1]}” pull the shared layers in opposing directions: the cosine of their "
                    f"gradients is {float(table[one, other]):.2f}."
                )
                yield Notice(step, "info", f"tasks-conflict-{pair[0]}-{pair[1]}", text)

    def parameter_groups(self) -> list[dict[str, Any]]:
        groups = super().parameter_groups()
        if self.uncertainty is None:
            return groups
        # Decay would pull every variance towards 1.
        own = set(self.uncertainty.parameters())
        groups[0]["params"] = [one for one in groups[0]["params"] if one not in own]
        return [*groups, {"params": list(own), "weight_decay": 0.0}]
