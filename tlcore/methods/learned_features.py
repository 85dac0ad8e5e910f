"""What features learned without labels are worth: a few labels of the target, used in three ways.

Nearest neighbours need no training at all; a linear classifier on the features is solved exactly; fine-tuning begins
with that classifier and lets all of the network move (Kumar et al. 2022: a head drawn at random would first spoil
the features). All three are reported by every run.
"""

from __future__ import annotations

import copy
from collections.abc import Hashable, Iterator, Mapping

import torch
from torch import nn

from tlcore.analysis.neighbours import neighbour_scores
from tlcore.methods.fine_tuning import TargetObjective, TuningObjective
from tlcore.specs import LearnedFeatures, RunSpec
from tlcore.training.checkpoints import with_prefix, without_prefix
from tlcore.training.context import Context, DomainName
from tlcore.training.events import Event, TaskOutputs
from tlcore.training.freezing import BATCH
from tlcore.training.linear_head import train_head
from tlcore.training.loop import train
from tlcore.training.networks import channels_last

TEST = ("target", "test")


def learned_features(spec: RunSpec, context: Context) -> Iterator[Event]:
    """Fine-tuning from features learned without labels, with the two ways that leave them as they are beside it."""
    return train(spec, context, LearnedFeaturesObjective(spec, context))


class LearnedFeaturesObjective(TuningObjective):
    """Cross-entropy on the target's labels from a network that learned without any, and a head that is solved first."""

    def __init__(self, spec: RunSpec, context: Context) -> None:
        super().__init__(spec, context)
        assert isinstance(spec.method, LearnedFeatures)
        self.of_learned = spec.method
        self.learned = copy.deepcopy(self.network.extractor).eval().requires_grad_(False)
        self._kept: dict[Hashable, torch.Tensor] = {}
        self.head = copy.deepcopy(self.network.predictor).eval().requires_grad_(False)
        if context.resume_state is None:
            self._solve()

    def _solve(self) -> None:
        """Put the linear classifier on the features into the head, where it stays, and where fine-tuning begins."""
        features = self.unchanged("labelled", self.labelled.inputs)
        solved = train_head(
            features, self.labelled.labels, self.context.data.class_count, weight_decay=self.of_learned.head_decay,
            device=str(self.context.device),
        )  # fmt: skip
        for network in (self.head, self.network.predictor):
            output = network.get_submodule("output")
            assert isinstance(output, nn.Linear)
            output.load_state_dict(solved.state_dict())

    @torch.no_grad()
    def unchanged(self, key: Hashable, inputs: torch.Tensor) -> torch.Tensor:
        """Features (N, D) float32 of pictures (N, C, H, W) as the network made them before any label, computed once."""
        if key not in self._kept:
            chunks = inputs.split(BATCH)
            self._kept[key] = torch.cat([self.learned(channels_last(chunk)).float() for chunk in chunks])
        return self._kept[key]

    def prepared(self, key: Hashable, inputs: torch.Tensor) -> torch.Tensor:
        if self.of_learned.judged_by == "fine_tune":
            return super().prepared(key, inputs)
        return self.unchanged(key, inputs)

    def outputs(self, domain: DomainName, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if self.of_learned.judged_by == "fine_tune":
            return super().outputs(domain, inputs)
        return inputs, self.answers(self.of_learned.judged_by, inputs)

    def answers(self, way: str, features: torch.Tensor) -> torch.Tensor:
        """Scores (N, K) from unchanged features (N, D), by the linear classifier or by the nearest neighbours."""
        if way == "linear_probe":
            scores: torch.Tensor = self.head(features)
            return scores
        known = self.unchanged("labelled", self.labelled.inputs)
        votes = neighbour_scores(
            features.cpu().numpy(), known.cpu().numpy(), self.labelled.labels.cpu().numpy(),
            self.context.data.class_count, self.of_learned.neighbours,
        )  # fmt: skip
        return torch.from_numpy(votes).to(features)

    def measures(self, step: int) -> Iterator[Event]:
        yield from TargetObjective.measures(self, step)
        test = self.context.data.held_out["target", "test"]
        unchanged = self.unchanged(TEST, test)
        tuned = self.body.prepared(TEST, test).split(BATCH)
        scores = {
            "linear_probe": self.answers("linear_probe", unchanged),
            "nearest_neighbours": self.answers("nearest_neighbours", unchanged),
            "fine_tune": torch.cat([TuningObjective.outputs(self, "target", chunk)[1] for chunk in tuned]),
        }
        for way, answers in scores.items():
            yield TaskOutputs(step, "target", "test", answers.float().cpu().numpy(), way)

    def state(self) -> dict[str, torch.Tensor]:
        return super().state() | with_prefix("solved", self.head.state_dict())

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        super().restore(state)
        self.learned.load_state_dict(self.record.origin)
        self.head.load_state_dict(without_prefix("solved", state))
        self._kept.clear()
