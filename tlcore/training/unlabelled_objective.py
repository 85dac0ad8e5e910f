"""What every method without labels does alike: views of pictures, and clusters of what is looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import nn

from tlcore.analysis.clustering import best_of, cluster, renamed
from tlcore.data.randomness import generator_for
from tlcore.data.views import Views, backdrops, plain_views, views_over
from tlcore.networks import Classifier
from tlcore.specs import RunSpec, UnlabelledTask
from tlcore.training.anatomy import StepTensors
from tlcore.training.context import Context, DomainName
from tlcore.training.events import Event, TaskOutputs
from tlcore.training.networks import build_network, channels_last
from tlcore.training.objective import Objective
from tlcore.training.sampling import ShuffledBatches
from tlcore.training.unlabelled import unlabelled_data

SHOWN = 10  # pictures on a sheet
CENTRED_ON = 2000  # views whose mean the network's inputs are centred on
BATCH = 500


class UnlabelledObjective(Objective):
    """What every method without labels does alike: views of pictures, and clusters of what is looked at."""

    dissectable = False

    def __init__(self, spec: RunSpec, context: Context) -> None:
        torch.manual_seed(spec.seed)
        assert isinstance(spec.data, UnlabelledTask)
        self.context, self.task, self.seed = context, spec.data, spec.seed
        data = unlabelled_data(context)
        plain = plain_views(spec.augmentation)
        of_source = plain
        if self.task.backdrop == "photographs" and len(data.source_pictures):
            crops = backdrops(data.source_pictures.inputs.shape[-1], spec.seed)
            of_source = views_over(crops.to(context.device), spec.augmentation)
        groups = {"source": (data.source_pictures.inputs, of_source), "target": (data.target_pictures.inputs, plain)}
        # Where both domains are learned from, each gives half of every batch.
        self.groups: dict[str, tuple[torch.Tensor, Views]] = {
            name: group for name, group in groups.items() if len(group[0])
        }
        size = max(2, spec.budget.batch_size // len(self.groups))
        self.batches = {
            name: ShuffledBatches(len(pictures), size, 2 * spec.seed + 1 + place, context.device)
            for place, (name, (pictures, _)) in enumerate(self.groups.items())
        }
        sample = self.sample(CENTRED_ON // len(self.groups)).mul(255).round().to(torch.uint8)
        self.shape = tuple(sample.shape[1:])
        built = build_network(spec, context, sample, ("extractor",))
        self.network = Classifier(built.extractor, nn.Sequential(), built.feature_width)
        self._before: torch.Tensor | None = None  # the cluster of each probe point when it was looked at last
        self._found: list[np.ndarray] | None = None  # what was found since the last step

    def sample(self, count: int) -> torch.Tensor:
        """One view of each of `count` pictures a group, drawn by themselves."""
        generator = generator_for("centred on", self.seed)
        views = []
        for pictures, view in self.groups.values():
            chosen = torch.randint(len(pictures), (count,), generator=generator).to(pictures.device)
            views.append(view(pictures[chosen], generator)[0])
        return torch.cat(views)

    def views_of(self, chosen: Mapping[str, torch.Tensor], generator: torch.Generator) -> tuple[torch.Tensor, ...]:
        """A view of each chosen picture (N, C, H, W), float32 from 0 to 1, and the same undisturbed. chosen: indices of
        each group."""
        made = [view(pictures[chosen[name]], generator) for name, (pictures, view) in self.groups.items()]
        return torch.cat([view for view, _ in made]), torch.cat([clean for _, clean in made])

    def next_pictures(self) -> dict[str, torch.Tensor]:
        """Indices of the next batch, by group."""
        return {name: batches.next() for name, batches in self.batches.items()}

    def modules(self) -> Mapping[str, nn.Module]:
        return {"extractor": self.network.extractor}

    def begin_step(self, progress: float) -> None:
        self._found = None

    def tensors(self) -> StepTensors:
        raise RuntimeError("nothing here learns from labels")

    # Looking ----------------------------------------------------------------------------------------------------------

    def outputs(self, domain: DomainName, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Features (N, D); as logits the negative distances to the centres of clusters, or none (N, 0)."""
        features = self.features(inputs)
        if not self.task.clusters:
            return features, features[:, :0]
        self._found = self.clusterings(features)
        return features, torch.from_numpy(-self._found[0]).to(features)

    def features(self, inputs: torch.Tensor) -> torch.Tensor:
        """Features (N, D) float32 of pictures (N, C, H, W), a few at a time."""
        return torch.cat([self.network.extractor(channels_last(chunk)).float() for chunk in inputs.split(BATCH)])

    def clusterings(self, features: torch.Tensor) -> list[np.ndarray]:
        """Squared distances (N, K) to the centres of each clustering, that with the smallest inertia first, its
        clusters numbered as they were when it was looked at last."""
        found = cluster(features.cpu().numpy(), self.task.clusters, self.task.initialisations, self.seed)
        chosen = best_of(found)
        first = found[chosen].distances
        if self._before is not None:
            numbers = renamed(first.argmin(1), self._before.numpy(), first.shape[1])
            first = first[:, np.argsort(numbers)]
        self._before = torch.from_numpy(first.argmin(1))
        return [first, *(one.distances for place, one in enumerate(found) if place != chosen)]

    def measures(self, step: int) -> Iterator[Event]:
        if self.task.clusters:
            if self._found is None:  # no frame was due at this step
                self._found = self.clusterings(self.features(self.context.data.probe))
            for number, distances in enumerate(self._found):
                yield TaskOutputs(step, "target", "test", -distances, f"clustering-{number}")

    def state(self) -> dict[str, torch.Tensor]:
        return {} if self._before is None else {"clusters": self._before}

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        self._before = state.get("clusters")

    def shown(self) -> tuple[torch.Tensor, ...]:
        """Two views of a few pictures (S, C, H, W), the same ones always, and the second undisturbed."""
        generator = generator_for("shown", self.seed)
        share = -(-SHOWN // len(self.groups))
        chosen = {
            name: torch.randperm(len(pictures), generator=generator)[:share].to(pictures.device)
            for name, (pictures, _) in self.groups.items()
        }
        first, _ = self.views_of(chosen, generator)
        return first, *self.views_of(chosen, generator)


def row_of(pictures: torch.Tensor) -> np.ndarray:
    """Pictures (N, C, H, W) as a row of a sheet: three channels, on the CPU."""
    return pictures.float().expand(-1, 3, -1, -1).cpu().numpy()
