"""Progressive networks (Rusu et al. 2016): a new column for a new task, and the old ones left as they are.

What was learned before is frozen, so nothing of it can be forgotten; the new column reads it through lateral
connections wherever that serves. Which of them the new task leans on is told twice at the end: by what its accuracy
becomes with a lateral taken away, and by the average Fisher sensitivity of the paper.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from tlcore.errors import InvalidRequest
from tlcore.networks import Classifier, build_classifier
from tlcore.networks.columns import Columns, Reads, forward, lateral_name, new_laterals
from tlcore.specs import NetworkSpec, Progressive, RunSpec, RunStart
from tlcore.training.anatomy import StepTensors
from tlcore.training.checkpoints import without_prefix
from tlcore.training.context import Context, DomainName
from tlcore.training.events import Event, Metrics, TaskOutputs
from tlcore.training.loop import train
from tlcore.training.networks import channel_means, channels_last
from tlcore.training.supervised import SupervisedObjective, labelled_target

FISHER_EXAMPLES = 200


def progressive(spec: RunSpec, context: Context) -> Iterator[Event]:
    """Cross-entropy on the target's labels by a new column; the source's columns answer for the source."""
    return train(spec, context, ProgressiveObjective(spec, context))


class ProgressiveObjective(SupervisedObjective):
    """A new column and the laterals to it learn; the older columns are frozen and in evaluation mode."""

    def __init__(self, spec: RunSpec, context: Context) -> None:
        labelled = labelled_target(context)
        super().__init__(spec, context, labelled, "target", (), min(spec.budget.batch_size, len(labelled)))
        if not isinstance(spec.method, Progressive):
            raise TypeError(f"not a progressive network: {spec.method.name}")
        self.method = spec.method
        # The start's own label predictor has answered the old task; random columns change only what is listened to.
        weights = dict(context.start_weights or {}) or _of_checkpoint(context.resume_state or {})
        self.old = columns_of(spec, weights, labelled.inputs)
        self.heard_of = self.old
        if self.method.first_columns == "random":
            fresh = [
                build_classifier(one, labelled.inputs.shape[1:], context.data.class_count, _mean(labelled.inputs))
                for one in _network_specs(spec)
            ]
            self.heard_of = Columns(fresh, [nn.ModuleDict() for _ in fresh])
        example = labelled.inputs[:1].cpu()
        heard, _ = self.heard_of.reads(example)
        self.network.eval()
        with torch.no_grad():
            reads, _, _ = forward(self.network, {}, example, ())
        self.network.train()
        columns = [column for column in self.heard_of.columns if isinstance(column, Classifier)]
        self.laterals = new_laterals(
            self.network, columns, heard, reads, self.method.adapter_width, self.method.lateral_scale
        )
        for columns_ in (self.old, self.heard_of):
            columns_.to(context.device)

    def modules(self) -> Mapping[str, nn.Module]:
        parts = {**super().modules(), "laterals": self.laterals, "columns": self.old}
        return parts if self.heard_of is self.old else {**parts, "random_columns": self.heard_of}

    def parameter_groups(self) -> list[dict[str, Any]]:
        learning = (self.network.extractor, self.network.predictor, self.laterals)
        return [{"params": [parameter for module in learning for parameter in module.parameters()]}]

    def forward(self, inputs: torch.Tensor, silent: tuple[str, ...] = ()) -> tuple[torch.Tensor, torch.Tensor]:
        """Features (N, D) and logits (N, K) of the new column."""
        inputs = channels_last(inputs)
        with torch.no_grad():
            heard, _ = self.heard_of.reads(inputs)
        _, features, logits = forward(self.network, self.laterals, inputs, heard, silent)
        return features, logits

    def loss(self, progress: float) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        inputs, labels = self.labelled_batch()
        features, logits = self.forward(inputs)
        features.retain_grad()
        logits = logits.float()
        class_loss = functional.cross_entropy(logits, labels)
        self._tensors = StepTensors("target", features, logits, labels, class_loss)
        return class_loss, {"class_loss": class_loss}

    def outputs(self, domain: DomainName, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if domain == "target":
            return self.forward(inputs)
        heard, logits = self.old.reads(channels_last(inputs))
        return heard[-1][-1], logits[-1]

    def measures(self, step: int) -> Iterator[Event]:
        yield Metrics(step, self.parameter_counts())
        yield Metrics(step, self.lateral_strengths())
        if step < self.context.cadence.steps:
            return
        test = self.context.data.held_out["target", "test"]
        for name in self.laterals:
            logits = torch.cat([self.forward(chunk, (name,))[1] for chunk in test.split(1000)])
            yield TaskOutputs(step, "target", "test", logits.float().cpu().numpy(), f"without_{name}")
        yield Metrics(step, self.fisher_sensitivity(self.context.data.probe[:FISHER_EXAMPLES]))

    def parameter_counts(self) -> dict[str, float]:
        """Parameters that learn, those of the laterals among them, and all there are with the frozen columns."""
        own = [module for name, module in self.modules().items() if name in ("extractor", "predictor", "laterals")]
        trained = sum(parameter.numel() for module in own for parameter in module.parameters())
        frozen = sum(parameter.numel() for parameter in self.heard_of.parameters())
        laterals = sum(parameter.numel() for parameter in self.laterals.parameters())
        return {
            "parameters.trained": float(trained),
            "parameters.laterals": float(laterals),
            "parameters.total": float(trained + frozen),
        }

    @torch.no_grad()
    def lateral_strengths(self) -> dict[str, float]:
        """`lateral_share.NAME`: length of what a lateral adds, relative to what its layer makes of its own input."""
        inputs = channels_last(self.context.data.probe[:FISHER_EXAMPLES])
        heard, _ = self.heard_of.reads(inputs)
        reads, _, _ = forward(self.network, self.laterals, inputs, heard)
        steps = [*self.network.extractor.children(), *self.network.predictor.children()]
        modules = [module for module in steps if isinstance(module, (nn.Conv2d, nn.Linear))]
        told = {}
        for column in range(len(heard)):
            for layer in range(1, len(modules)):
                name = lateral_name(column, layer)
                added = self.laterals[name](heard[column][layer]).norm()
                told[f"lateral_share.{name}"] = float(added / modules[layer](reads[layer]).norm().clamp_min(1e-12))
        return told

    def fisher_sensitivity(self, inputs: torch.Tensor) -> dict[str, float]:
        """`fisher.COLUMN_LAYER`: which share of the policy's sensitivity lies in a layer's input of each column, so
        that those of one layer sum to 1 (Rusu et al. 2016, section 3 and equations 6 and 7).

        Sensitive is what changes the new task's answers when activations, brought to unit variance, are disturbed: the
        mean over examples and units of the squared derivative of log p(y | x), in expectation over y from the model.
        """
        with torch.inference_mode(False), torch.enable_grad():
            inputs = channels_last(inputs.clone())
            heard = [[one.clone() for one in reads] for reads in self.heard_of.reads(inputs)[0]]
            asked = [
                [one.detach().float().requires_grad_() if place else one for place, one in enumerate(reads)]
                for reads in heard
            ]
            own, _, logits = forward(self.network, self.laterals, inputs, asked)
            sums = _squared_derivatives([*asked, own], logits.log_softmax(1))
        shares: dict[str, float] = {}
        names = [f"column{number + 1}" for number in range(len(asked))] + [f"column{len(asked) + 1}"]
        for layer, values in sums.items():
            total = sum(values) or 1.0
            shares |= {
                f"fisher.{name}_layer{layer + 1}": value / total for name, value in zip(names, values, strict=True)
            }
        return shares


def _squared_derivatives(columns: list[Reads], log_probabilities: torch.Tensor) -> dict[int, list[float]]:
    """For each layer but the first, of each column: Σ_y p(y) (∂ log p(y) / ∂ĥ)², mean over examples and units."""
    layers = range(1, len(columns[0]))
    activations = [column[layer] for layer in layers for column in columns]
    # A derivative by ĥ = h/σ is σ times that by h.
    variances = [one.detach().var(0, unbiased=False) for one in activations]
    sums = [0.0] * len(activations)
    for label in range(log_probabilities.shape[1]):
        log_p = log_probabilities[:, label]
        gradients = torch.autograd.grad(log_p.sum(), activations, retain_graph=True)
        weight = log_p.detach().exp()
        for place, (gradient, variance) in enumerate(zip(gradients, variances, strict=True)):
            squared = gradient.square() * variance
            sums[place] += float((squared.flatten(1).mean(1) * weight).mean())
    count = len(columns)
    return {layer: sums[place * count : (place + 1) * count] for place, layer in enumerate(layers)}


def columns_of(spec: RunSpec, weights: Mapping[str, torch.Tensor], inputs: torch.Tensor) -> Columns:
    """The frozen columns that a run's weights hold: its own one, and those which it had beside it, the oldest first.

    Raises InvalidRequest where they are not of the networks that the run's start names.
    """
    columns: list[Classifier] = []
    between: list[nn.ModuleDict] = []
    specs = _network_specs(spec)
    older = without_prefix("columns", weights)
    numbers = {int(name.split(".")[1]) for name in older if name.startswith("columns.")}
    if len(specs) != len(numbers) + 1 or not weights:
        raise InvalidRequest("A progressive network starts from a run whose network becomes its first column.")
    tables = [
        (without_prefix(f"columns.{number}", older), without_prefix(f"between.{number}", older))
        for number in sorted(numbers)
    ]
    tables.append(
        (
            {name: one for name, one in weights.items() if name.startswith(("extractor.", "predictor."))},
            without_prefix("laterals", weights),
        )
    )
    for network, (tensors, laterals) in zip(specs, tables, strict=True):
        classes = len(tensors["predictor.output.bias"])
        column = build_classifier(network, inputs.shape[1:], classes, _mean(inputs))
        _load(column, tensors)
        column.eval()
        columns.append(column)
        between.append(_laterals_like(column, columns[:-1], between, laterals, inputs))
    return Columns(columns, between)


def _laterals_like(
    column: Classifier,
    older: list[Classifier],
    between: list[nn.ModuleDict],
    tensors: Mapping[str, torch.Tensor],
    inputs: torch.Tensor,
) -> nn.ModuleDict:
    """The laterals of one older column to those before it, with their weights."""
    if not tensors:
        return nn.ModuleDict()
    width = next(len(one) for name, one in tensors.items() if name.endswith("down.bias"))
    with torch.no_grad():
        heard, _ = Columns(older, between).reads(inputs[:1].cpu())
        reads, _, _ = forward(column, {}, inputs[:1].cpu(), ())
    laterals = new_laterals(column, older, heard, reads, width, 1.0)
    _load(laterals, tensors)
    return laterals


def _load(module: nn.Module, tensors: Mapping[str, torch.Tensor]) -> None:
    own = module.state_dict()
    if own.keys() != tensors.keys() or any(own[name].shape != one.shape for name, one in tensors.items()):
        raise InvalidRequest("The start's weights are of another network than its run says.")
    module.load_state_dict(dict(tensors))


def _network_specs(spec: RunSpec) -> list[NetworkSpec]:
    """The networks of the columns before this one, the oldest first."""
    if not isinstance(spec.start, RunStart):
        return []
    before = spec.start.spec
    return [*(_network_specs(before) if isinstance(before.method, Progressive) else []), before.network]


def _of_checkpoint(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """What the start's weights were, from a checkpoint of a run that reads them as its columns."""
    columns = without_prefix("modules.columns", state)
    numbers = sorted({int(name.split(".")[1]) for name in columns if name.startswith("columns.")})
    if not numbers:
        return {}
    last = numbers[-1]
    weights = dict(without_prefix(f"columns.{last}", columns))
    weights |= {f"laterals.{name}": one for name, one in without_prefix(f"between.{last}", columns).items()}
    kept = {name: one for name, one in columns.items() if int(name.split(".")[1]) != last}
    return weights | {f"columns.{name}": one for name, one in kept.items()}


def _mean(inputs: torch.Tensor) -> torch.Tensor:
    if inputs.ndim == 4:
        return channel_means(inputs).div(255)[:, None, None].cpu()
    return inputs.mean(0).cpu()
