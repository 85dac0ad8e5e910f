"""Layer transfer (Yosinski et al. 2014): some layers of another network, kept as they are or learning on.

A network is trained on half of the classes. Some of its layers are then put into a fresh network, which learns the
same half again or the other one. What is copied and frozen tells how far those layers serve another task than that
for which they were made; what is copied and goes on learning tells whether it is worth to begin with them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator, Mapping, Sequence

import torch
from torch import nn

from tlcore.data.randomness import generator_for
from tlcore.errors import InvalidRequest
from tlcore.networks.layers import check_fit, layers, state_of_chosen
from tlcore.specs import LayerTransfer, RunSpec
from tlcore.training.batched import Member, train_together
from tlcore.training.checkpoints import with_prefix, without_prefix
from tlcore.training.context import Context, DomainName
from tlcore.training.events import Event
from tlcore.training.freezing import FreezableExtractor
from tlcore.training.layer_record import LayerRecord
from tlcore.training.loop import train
from tlcore.training.networks import build_network, channels_last
from tlcore.training.supervised import SupervisedObjective, labelled_target


def layer_transfer(spec: RunSpec, context: Context) -> Iterator[Event]:
    """Cross-entropy on the half at hand, with layers copied and frozen as the method says."""
    return train(spec, context, LayerTransferObjective(spec, context))


def train_arms_together(specs: Sequence[RunSpec], contexts: Sequence[Context]) -> list[dict[str, torch.Tensor]]:
    """The weights that runs of one experiment end with, those with the same frozen layers trained as one model.

    Nothing is told meanwhile. Raises ValueError where runs differ in more than data, seed, start and method, and for
    pictures that are varied from step to step.
    """
    shared = {(one.network, one.optimisation, one.budget, one.augmentation) for one in specs}
    if len(shared) != 1 or specs[0].augmentation.varies:
        raise ValueError("Only runs of one experiment, whose pictures stay as they are, can be trained together.")
    objectives = [LayerTransferObjective(*both) for both in zip(specs, contexts, strict=True)]
    groups: dict[tuple[int, ...], list[LayerTransferObjective]] = {}
    for objective in objectives:
        groups.setdefault(objective.method.frozen, []).append(objective)
    for group in groups.values():
        members = [objective.as_member() for objective in group]
        train_together(members, specs[0].optimisation, specs[0].budget.steps, contexts[0].precision)
    return [
        {f"{part}.{name}": one.detach().cpu() for part, module in objective.modules().items()
         for name, one in module.state_dict().items()}
        for objective in objectives
    ]  # fmt: skip


class LayerTransferObjective(SupervisedObjective):
    """Cross-entropy on one half of the classes. Layers 1 to L are the extractor's, those after them the predictor's."""

    def __init__(self, spec: RunSpec, context: Context) -> None:
        super().__init__(spec, context, labelled_target(context), "target", ())
        if not isinstance(spec.method, LayerTransfer):
            raise TypeError(f"not a spec of layer transfer: {spec.method.name}")
        self.method = spec.method
        if self.method.copied:
            # Layers that are not copied begin where those of the run this one starts from did not: the same seed would
            # give them the very weights beside which the copied layers grew up.
            torch.manual_seed(int(torch.randint(2**62, (1,), generator=generator_for("fresh layers", spec.seed))))
            self.network = build_network(spec, context, self.labelled.inputs, ())
        for module in self.modules().values():
            module.to(context.device)
        self.body = FreezableExtractor(
            self.network.extractor,
            sample=None if spec.augmentation.varies else self.labelled.inputs[:1],
            examples=max(len(one) for one in (self.labelled.inputs, *context.data.held_out.values())),
        )
        self._check_numbers()
        if context.resume_state is None:
            self._copy(context.start_weights or {})
        self.record = LayerRecord(self.network.extractor, context.data.probe)

    def _check_numbers(self) -> None:
        count = self.body.count + len(layers(self.network.predictor))
        strange = [number for number in (*self.method.copied, *self.method.frozen) if number > count]
        if strange:
            raise InvalidRequest(
                f"There is no layer {min(strange)}: this network has {self.body.count}, and {count} with its label "
                f"predictor."
            )
        if len(self.method.frozen) == count:
            raise InvalidRequest("Every layer is frozen: nothing is left to learn.")

    def of_predictor(self, numbers: tuple[int, ...]) -> tuple[int, ...]:
        """Those numbers that are the label predictor's, counted from its own first layer."""
        return tuple(number - self.body.count for number in numbers if number > self.body.count)

    def of_extractor(self, numbers: tuple[int, ...]) -> tuple[int, ...]:
        """Those numbers that are the feature extractor's."""
        return tuple(number for number in numbers if number <= self.body.count)

    def copied_tensors(self) -> dict[str, torch.Tensor]:
        """The network's own tensors that hold what was copied, weights and buffers, by their names among all."""
        chosen = {
            "extractor": state_of_chosen(self.network.extractor, self.of_extractor(self.method.copied)),
            "predictor": state_of_chosen(self.network.predictor, self.of_predictor(self.method.copied)),
        }
        return {f"{part}.{name}": tensor for part, tensors in chosen.items() for name, tensor in tensors.items()}

    def _copy(self, start: Mapping[str, torch.Tensor]) -> None:
        """Raises InvalidRequest where the start does not have what is to be copied, or of another shape."""
        wanted = self.copied_tensors()
        check_fit({name: tensor for name, tensor in start.items() if name in wanted}, wanted, "the layers to copy")
        with torch.no_grad():
            for name in wanted.keys() & start.keys():
                wanted[name].copy_(start[name])

    def begin_step(self, progress: float) -> None:
        self.body.freeze(self.of_extractor(self.method.frozen))
        still = set(self.of_predictor(self.method.frozen))
        for number, layer in enumerate(layers(self.network.predictor), 1):
            for path in layer.modules:
                self.network.predictor.get_submodule(path).requires_grad_(number not in still)

    def loss(self, progress: float) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        indices = self.batches["labelled"].next()
        inputs = self.varied(self.body.prepared("labelled", self.labelled.inputs)[indices])
        labels = self.labelled.labels[indices]
        class_loss, _ = self.class_loss(self.body.rest(channels_last(inputs)), labels)
        return class_loss, {"class_loss": class_loss}

    def as_member(self) -> Member:
        """What is left to learn, as one of several networks that are trained together."""
        for module in self.modules().values():
            module.train()
        self.begin_step(0.0)
        network = nn.Sequential(OrderedDict(rest=self.body.rest, predictor=self.network.predictor))
        examples = self.body.prepared("labelled", self.labelled.inputs)
        return Member(network, examples, self.labelled.labels, self.batches["labelled"])

    def prepared(self, key: Hashable, inputs: torch.Tensor) -> torch.Tensor:
        return self.body.prepared(key, inputs)

    def outputs(self, domain: DomainName, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features: torch.Tensor = self.body.rest(channels_last(inputs))
        return features, self.network.predictor(features)

    def measures(self, step: int) -> Iterator[Event]:
        if step == self.context.cadence.steps:
            yield from self.record.measure(step, last=True)

    def state(self) -> dict[str, torch.Tensor]:
        return with_prefix("origin", self.record.origin)

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        self.record.origin.update(without_prefix("origin", state))
