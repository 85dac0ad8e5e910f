"""Stopping at the right time: some labels are not learned from, and the weights that do best on them are kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import nn
from torch.nn import functional

from tlcore.data.dataset import Dataset
from tlcore.data.randomness import generator_for
from tlcore.runs.records import Notice
from tlcore.training.events import Event, Metrics

ONE_IN = 5


def set_aside(labelled: Dataset, seed: int) -> tuple[Dataset, EarlyStopping | None]:
    """A fifth of each class that has five labels or more is set aside; the rest, and who judges by what was set aside.

    With fewer labels everything is learned from, and nobody judges: one label less of five would cost more.
    """
    generator = generator_for("set aside", seed)
    chosen = []
    labels = labelled.labels.cpu()
    for label in range(len(labelled.class_names)):
        members = torch.nonzero(labels == label).flatten()
        chosen.append(members[torch.randperm(len(members), generator=generator)[: len(members) // ONE_IN]])
    aside = torch.cat(chosen).sort().values
    if not len(aside):
        return labelled, None
    kept = torch.ones(len(labelled), dtype=torch.bool)
    kept[aside] = False
    return labelled.subset(torch.nonzero(kept).flatten()), EarlyStopping(labelled.subset(aside))


class EarlyStopping:
    """Remembers the weights with the smallest cross-entropy on examples that are not learned from."""

    def __init__(self, examples: Dataset) -> None:
        self.examples = examples
        self._best = float("inf")
        self._step = -1
        self._weights: dict[str, torch.Tensor] = {}

    def look(self, step: int, logits: torch.Tensor, modules: Mapping[str, nn.Module]) -> Iterator[Event]:
        """Take note of the answers (N, K) to the examples; the modules are those that gave them."""
        labels = self.examples.labels
        loss = float(functional.cross_entropy(logits.float(), labels))
        accuracy = float((logits.argmax(1) == labels).float().mean())
        yield Metrics(step, {"set_aside_cross_entropy": loss, "set_aside_accuracy": accuracy})
        if loss < self._best:
            self._best, self._step = loss, step
            self._weights = {name: tensor.detach().clone() for name, tensor in _tensors(modules).items()}

    def put_back(self, step: int, modules: Mapping[str, nn.Module]) -> Iterator[Event]:
        """Return to the best weights, if they are not those of now."""
        if not self._weights or self._step == step:
            return
        with torch.no_grad():
            for name, tensor in _tensors(modules).items():
                tensor.copy_(self._weights[name])
        text = (
            f"The weights of step {self._step:,} are kept: there the cross-entropy on {len(self.examples)} labels that "
            "were set aside was smallest."
        )
        yield Notice(step, "info", "stopped_early", text)

    def state(self) -> dict[str, torch.Tensor]:
        """What has been seen so far, as tensors."""
        seen = torch.tensor([self._best, float(self._step)], dtype=torch.float64)
        return {"seen": seen, **{f"weights.{name}": tensor for name, tensor in self._weights.items()}}

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Return to what `state` told."""
        if "seen" not in state:
            return
        self._best, self._step = float(state["seen"][0]), int(state["seen"][1])
        device = self.examples.inputs.device
        self._weights = {
            name.removeprefix("weights."): tensor.to(device) for name, tensor in state.items() if name != "seen"
        }


def _tensors(modules: Mapping[str, nn.Module]) -> dict[str, torch.Tensor]:
    return {f"{part}.{name}": one for part, module in modules.items() for name, one in module.state_dict().items()}
