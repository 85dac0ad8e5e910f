"""What the layers of two trained networks hold: how alike they are, and what can be read off each for either task."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional

from tlcore.analysis.distances import linear_cka
from tlcore.data.dataset import Dataset
from tlcore.data.folder import Report
from tlcore.data.halves import load_half
from tlcore.errors import InvalidRequest
from tlcore.networks.layers import layers, pool, reading_after
from tlcore.runs import Run, Store
from tlcore.specs import ClassHalf
from tlcore.training.linear_head import train_head
from tlcore.training.networks import channels_last
from tlcore.training.trying import classifier_of, read_final_weights

BATCH = 500
MOST_COMPARED = 400  # test pictures of each task by which layers are compared
MOST_LEARNED = 2000  # training pictures a probe learns from
PLACES = (
    4  # a probe reads maps averaged over a grid of so many fields a side: where something is tells characters apart
)
DECAY = 0.01


@dataclass(frozen=True)
class Task:
    """What a probe is to tell: pictures to fit it on, and others to test it on."""

    train: Dataset
    test: Dataset


def compare_layers(store: Store, runs: Sequence[Run], report: Report | None = None) -> dict[str, Any]:
    """Two finished base runs of one experiment, ready for JSON.

    layers: names of the feature extractor's layers. cka: for each the linear CKA between the two networks, on the test
    pictures of both tasks. probes: for each network, and then for each task, the accuracy of a linear classifier on
    every layer; both in the order of the runs. filters: for each network the first layer's filters as PNGs in base64,
    none where they are not of one or three channels. Raises InvalidRequest, MissingData.
    """
    tensors = [read_final_weights(store, run) for run in runs]
    tasks = []
    for run in runs:
        if not isinstance(run.spec.data, ClassHalf):
            raise InvalidRequest(f"Run {run.id} did not learn half of the classes of a data set.")
        half = load_half(run.spec.data, run.spec.seed, report=report)
        tasks.append(Task(_some(half.train, MOST_LEARNED), half.test))
    shapes = {tuple(task.train.inputs.shape[1:]) for task in tasks}
    if len({run.spec.network for run in runs}) > 1 or len(shapes) > 1:
        raise InvalidRequest("Only layers of the same network can be compared.")
    shape = shapes.pop()
    networks = [classifier_of(run.spec, weights, shape).extractor for run, weights in zip(runs, tensors, strict=True)]
    return {
        "layers": [layer.name for layer in layers(networks[0])],
        "cka": similarities(
            networks[0], networks[1], torch.cat([_some(one.test, MOST_COMPARED).inputs for one in tasks])
        ),
        "probes": [[probe_layers(network, task, report) for task in tasks] for network in networks],
        "filters": [first_filters(network) for network in networks],
    }


def similarities(one: nn.Module, other: nn.Module, pictures: torch.Tensor) -> list[float | None]:
    """Linear CKA of the same layers of two networks on the same pictures, their maps averaged over all places; None
    where a layer gives the same for every picture."""
    found: list[float | None] = []
    for number in range(1, len(layers(one)) + 1):
        tables = [_read(network, number, pictures, places=1).numpy() for network in (one, other)]
        constant = any((table == table[0]).all() for table in tables)
        found.append(None if constant else linear_cka(*tables))
    return found


def probe_layers(network: nn.Module, task: Task, report: Report | None = None) -> list[float]:
    """Accuracy on the task's test pictures of a linear classifier fitted after each layer."""
    count, accuracies = len(layers(network)), []
    for number in range(1, count + 1):
        if report:
            report("Reading off the layers", number / (count + 1))
        head = train_head(
            _read(network, number, task.train.inputs),
            task.train.labels,
            len(task.train.class_names),
            weight_decay=DECAY,
        )
        with torch.no_grad():
            answers = head(_read(network, number, task.test.inputs)).argmax(1)
        accuracies.append(float((answers == task.test.labels).float().mean()))
    return accuracies


def first_filters(network: nn.Module) -> list[str]:
    """The first layer's filters, (O, 3 or 1, H, W), each a PNG in base64: grey where a weight is zero."""
    weight = next((module.weight.detach() for module in network.modules() if isinstance(module, nn.Conv2d)), None)
    if weight is None or weight.shape[1] not in (1, 3):
        return []
    largest = weight.abs().amax((1, 2, 3), keepdim=True).clamp(min=1e-12)
    pixels = ((weight / largest + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    return [_png(picture) for picture in pixels]


@torch.no_grad()
def _read(network: nn.Module, number: int, pictures: torch.Tensor, places: int = PLACES) -> torch.Tensor:
    """Features (N, D) after a layer; maps averaged over a grid of places × places."""
    parts = []
    with reading_after(network, number, pooled=False) as read:
        for chunk in pictures.split(BATCH):
            features = read(channels_last(chunk)).float()
            if features.ndim == 4 and places > 1:
                grid = min(places, features.shape[2], features.shape[3])
                parts.append(functional.adaptive_avg_pool2d(features, grid).flatten(1))
            else:
                parts.append(pool(features))
    return torch.cat(parts)


def _some(data: Dataset, most: int) -> Dataset:
    """So many examples, evenly spread."""
    return data.subset(torch.linspace(0, len(data) - 1, min(len(data), most)).long())


def _png(pixels: np.ndarray) -> str:
    written = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(written, "PNG")
    return base64.b64encode(written.getvalue()).decode("ascii")
