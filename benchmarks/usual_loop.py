"""DANN as it is usually written: two `DataLoader`s over PIL pictures, float32, `.item()` on what is reported.

The widely copied loop passes source and target through the network one after the other; a more careful one passes both
at once. Here is either. MNIST lies in memory as one array, as torchvision keeps it; MNIST-M is one PNG file a picture,
as it is handed around, with the files' bytes in memory, so that no disk is measured. Neither loop stops to validate.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from tlcore.data.dataset import Dataset, PairData
from tlcore.networks import reverse_gradient
from tlcore.specs import Dann, RunSpec
from tlcore.training.sampling import ShuffledBatches
from tlcore.training.schedules import learning_rate, reversal_strength

BATCH = 64

Batches = Iterator[tuple[torch.Tensor, torch.Tensor]]


class Pictures(torch.utils.data.Dataset[Any]):
    """A data set as `torchvision.datasets.MNIST` is written: each item a PIL picture, transformed when asked for."""

    def __init__(self, dataset: Dataset, mean: list[float]) -> None:
        self.pictures = dataset.inputs.permute(0, 2, 3, 1).contiguous().numpy()
        self.labels = dataset.labels.tolist()
        self.transform = v2.Compose(
            [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, [1.0] * len(mean))]
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(self.picture(index)), self.labels[index]

    def picture(self, index: int) -> Image.Image:
        """One picture, not yet transformed."""
        return Image.fromarray(self.pictures[index])


class PictureFiles(Pictures):
    """A data set as one PNG file a picture, decoded when asked for."""

    def __init__(self, dataset: Dataset, mean: list[float]) -> None:
        super().__init__(dataset, mean)
        self.files = [self._encode(picture) for picture in self.pictures]

    @staticmethod
    def _encode(picture: np.ndarray) -> bytes:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "PNG")
        return file.getvalue()

    def picture(self, index: int) -> Image.Image:
        return Image.open(io.BytesIO(self.files[index])).convert("RGB")


class UsualNetwork(nn.Module):
    """The paper's network as it is usually written down."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 48, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        )  # fmt: skip
        self.classes = nn.Sequential(
            nn.Linear(2352, 100), nn.ReLU(), nn.Linear(100, 100), nn.ReLU(), nn.Linear(100, 10)
        )
        self.domains = nn.Sequential(nn.Linear(2352, 100), nn.ReLU(), nn.Linear(100, 1))

    def forward(self, inputs: torch.Tensor, strength: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = self.features(inputs)
        return self.classes(features), self.domains(reverse_gradient(features, strength)).squeeze(1)


class UsualLoop:
    """DANN as it is usually trained; `source` and `target` give batches of normalised pictures and labels."""

    def __init__(
        self, source: Batches, target: Batches, device: torch.device, spec: RunSpec, one_pass: bool = False
    ) -> None:
        torch.manual_seed(spec.seed)
        self.source, self.target, self.device, self.spec, self.one_pass = source, target, device, spec, one_pass
        self.network = UsualNetwork().to(device)
        self.optimiser = torch.optim.SGD(self.network.parameters(), lr=0.01, momentum=0.9)
        self.domains = torch.arange(2, device=device).repeat_interleave(BATCH).float()
        self.step = 0
        self.history: list[tuple[float, float, float]] = []

    def advance(self, steps: int) -> None:
        """Train for so many steps more."""
        assert isinstance(self.spec.method, Dann)
        for _ in range(steps):
            progress = self.step / self.spec.budget.steps
            for group in self.optimiser.param_groups:
                group["lr"] = learning_rate(self.spec.optimisation, progress)
            strength = torch.tensor(reversal_strength(self.spec.method, progress), device=self.device)
            (pictures, labels), (others, _) = next(self.source), next(self.target)
            pictures, others = pictures.to(self.device), others.to(self.device)
            labels = labels.to(self.device)
            if self.one_pass:
                class_logits, domain_logits = self.network(torch.cat([pictures, others]), strength)
            else:
                class_logits, source_logits = self.network(pictures, strength)
                _, target_logits = self.network(others, strength)
                domain_logits = torch.cat([source_logits, target_logits])
            class_loss = functional.cross_entropy(class_logits[: len(labels)], labels)
            domain_loss = functional.binary_cross_entropy_with_logits(domain_logits, self.domains)
            self.optimiser.zero_grad()
            (class_loss + domain_loss).backward()
            self.optimiser.step()
            correct = ((domain_logits > 0) == (self.domains > 0.5)).float().mean()
            self.history.append((class_loss.item(), domain_loss.item(), correct.item()))
            self.step += 1

    def accuracy(self, dataset: Dataset, mean: torch.Tensor) -> float:
        """The share of a data set's pictures that are classified as they are labelled."""
        correct = 0
        with torch.inference_mode():
            for pictures, labels in zip(dataset.inputs.split(1000), dataset.labels.split(1000), strict=True):
                features = self.network.features((pictures.float() / 255 - mean).to(self.device))
                correct += int((self.network.classes(features).argmax(1).cpu() == labels).sum())
        return correct / len(dataset)


def endless(loader: DataLoader[Any]) -> Batches:
    """One pass after the other."""
    while True:
        yield from loader


def loaded(data: PairData, mean: torch.Tensor, workers: int, device: torch.device) -> tuple[Batches, Batches]:
    """Batches of source and target, each from a `DataLoader` over PIL pictures."""
    colour = mean.flatten().tolist()
    source, target = (
        DataLoader(
            pictures, BATCH, shuffle=True, drop_last=True, num_workers=workers, persistent_workers=workers > 0,
            pin_memory=device.type == "cuda",
        )
        for pictures in (Pictures(data.source.train, colour), PictureFiles(data.target.train, colour))
    )  # fmt: skip
    return endless(source), endless(target)


def indexed(dataset: Dataset, mean: torch.Tensor, device: torch.device) -> Batches:
    """Batches from one tensor that lies on the device."""
    inputs, labels, mean = dataset.inputs.to(device), dataset.labels.to(device), mean.to(device)
    batches = ShuffledBatches(len(dataset), BATCH, 0, device)
    while True:
        indices = batches.next()
        yield inputs[indices].float() / 255 - mean, labels[indices]
