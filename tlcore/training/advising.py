"""What the adviser measures before anything is trained: the source network's features on a few labelled pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from tlcore.analysis.advice import NAMES, Measurements, advise
from tlcore.analysis.linear_probe import fit_linear_probe
from tlcore.analysis.proxy_a_distance import FEWEST_POINTS, proxy_a_distance
from tlcore.analysis.transferability import leep, logme
from tlcore.data.dataset import Dataset
from tlcore.data.few_shot import few_shot
from tlcore.data.folder import Report
from tlcore.data.load import load_task_domains
from tlcore.data.randomness import generator_for
from tlcore.data.resizing import resize
from tlcore.errors import InvalidRequest, MissingData
from tlcore.networks.pretrained import load_network
from tlcore.runs import Store
from tlcore.specs import OwnWeights, Pretrained, RunSpec, RunStart, TaskPair
from tlcore.training.feature_cache import features_of
from tlcore.training.networks import channels_last
from tlcore.training.trying import classifier_of, read_final_weights

MOST_LABELLED = 500  # labelled examples that are looked at; more change the figures little and take long
MOST_COMPARED = 300  # examples of each domain whose distance is measured
MOST_LARGE = 200  # of both, where each takes a large network
PIXEL_SIDE = 10
PENALTY = 1e-2  # of the linear probe, fixed: with two labels a class there is nothing to choose it by
FOLDS, REPEATS = 4, 3


@dataclass(frozen=True)
class Looked:
    """Features (N, D) of labelled target examples with labels (N,), of target and of source examples without, the
    source's own class probabilities of the labelled ones, and the labelled inputs as they are, flattened."""

    features: np.ndarray
    labels: np.ndarray
    plain: np.ndarray
    target: np.ndarray
    source: np.ndarray | None
    answers: np.ndarray | None


def advise_transfer(
    task: RunSpec, store: Store, arms: Sequence[str] = (), report: Report | None = None
) -> dict[str, Any]:
    """Measurements and advice on a target task, ready for JSON.

    task: any run on a pair of tasks whose network begins with the source's weights. arms: ways of transfer to choose
    from, none for all. Raises InvalidRequest where it does
    not, MissingData where the source run has not been trained here.
    """
    if arms and not set(arms) & set(NAMES):
        raise InvalidRequest(f"None of these ways of transfer is known: {', '.join(arms)}.")
    if not isinstance(task.data, TaskPair):
        raise InvalidRequest("Only a target task with a source before it can be advised on.")
    tell = report or (lambda text, share: None)
    tell("Reading the pictures", 0.1)
    source, target, _ = load_task_domains(task.data.source, task.data.target, task.seed, report=report)
    assert target is not None
    chosen = few_shot(target.train, task.data.labels_per_class or None, task.seed)
    classes = len(target.train.class_names)
    tell("Computing features of the source network", 0.4)
    labelled = _spread(chosen.data, MOST_LABELLED, task.seed)
    if isinstance(task.start, RunStart):
        looked = _of_run(task.start.spec, store, labelled, target.train, source.test if source else None, task.seed)
    elif isinstance(task.network, Pretrained | OwnWeights):
        looked = _of_published(task.network, labelled, task.seed)
    else:
        raise InvalidRequest("There is no source network to advise on: this run begins with random weights.")
    tell("Measuring", 0.8)
    measured = measure(looked, labels=len(chosen.data), classes=classes, seed=task.seed)
    return {
        "measured": asdict(measured),
        "advice": asdict(advise(measured, arms or NAMES)),
        "target_pictures": len(target.train),
    }


def measure(looked: Looked, *, labels: int, classes: int, seed: int) -> Measurements:
    """The figures that the advice rests on. labels: how many there are in all; classes: of the target."""
    present, own = np.unique(looked.labels, return_inverse=True)
    fewest = int(np.bincount(own).min())
    enough = fewest >= 2 and len(present) >= 2
    distance = None
    if looked.source is not None and min(len(looked.source), len(looked.target)) >= FEWEST_POINTS:
        distance = proxy_a_distance(looked.source, looked.target, seed, max_points=MOST_COMPARED).distance
    return Measurements(
        labels=labels,
        classes=classes,
        labels_per_class=round(labels / max(1, classes)),
        distance=distance,
        separable=left_out_accuracy(looked.features, own, seed) if enough else None,
        plain_separable=left_out_accuracy(looked.plain, own, seed) if enough else None,
        logme=logme(looked.features, own) if len(present) >= 2 else None,
        plain_logme=logme(looked.plain, own) if len(present) >= 2 else None,
        leep=leep(looked.answers, own) if looked.answers is not None and len(present) >= 2 else None,
        source_head=looked.answers is not None,
    )


def left_out_accuracy(features: np.ndarray, labels: np.ndarray, seed: int) -> float:
    """Share of examples named rightly by a linear classifier that was fitted without them, mean over three shuffles.

    features: (N, D); labels: (N,) from 0, each at least twice. Each class is dealt evenly into up to four parts, of
    which each is left out once.
    """
    random = np.random.default_rng(seed)
    folds = min(FOLDS, int(np.bincount(labels).min()))
    classes = int(labels.max()) + 1
    right = 0
    for _ in range(REPEATS):
        part = np.zeros(len(labels), dtype=np.int64)
        for label in range(classes):
            members = random.permutation(np.flatnonzero(labels == label))
            part[members] = np.arange(len(members)) % folds
        for fold in range(folds):
            out = part == fold
            probe = fit_linear_probe(features[~out], labels[~out], classes, penalties=(PENALTY,))
            right += int((probe.predict(features[out]) == labels[out]).sum())
    return right / (REPEATS * len(labels))


@torch.no_grad()
def _of_run(
    spec: RunSpec, store: Store, labelled: Dataset, target: Dataset, source: Dataset | None, seed: int
) -> Looked:
    run = store.get(spec.content_hash)
    if run is None or run.state != "finished":
        raise MissingData("The source network is not trained on this machine yet: train it, then ask again.")
    network = classifier_of(spec, read_final_weights(store, run), labelled.inputs.shape[1:])
    most = MOST_LARGE if isinstance(spec.network, Pretrained | OwnWeights) else MOST_COMPARED

    def features(inputs: torch.Tensor) -> torch.Tensor:
        return torch.cat([network.extractor(channels_last(chunk)) for chunk in inputs.split(100)]).float()

    own = features(labelled.inputs)
    return Looked(
        features=own.numpy(),
        labels=labelled.labels.numpy(),
        plain=_plain(labelled),
        target=features(_drawn(target, most, seed).inputs).numpy(),
        source=None if source is None else features(_drawn(source, most, seed).inputs).numpy(),
        answers=network.predictor(own).softmax(1).numpy(),
    )


@torch.no_grad()
def _of_published(spec: Pretrained | OwnWeights, labelled: Dataset, seed: int) -> Looked:
    """Nobody has the pictures these weights were learned from: no distance to them can be measured."""
    labelled = _spread(labelled, MOST_LARGE, seed)
    if spec.weights == "none":
        raise InvalidRequest("There is no source network to advise on: these weights are random.")
    own = np.asarray(features_of(labelled, spec), dtype=np.float32)
    last = [module for module in load_network(spec).network.modules() if isinstance(module, nn.Conv2d | nn.Linear)][-1]
    answers = None
    if isinstance(last, nn.Linear) and last.in_features == own.shape[1]:
        answers = last(torch.from_numpy(np.array(own))).softmax(1).numpy()
    return Looked(own, labelled.labels.numpy(), _plain(labelled), own, None, answers)


def _plain(data: Dataset) -> np.ndarray:
    """The bare inputs, by which it is judged what the features add: pixels at 10 × 10, or the numbers themselves."""
    if data.inputs.ndim == 2:
        return data.inputs.float().numpy()
    return resize(data.inputs, PIXEL_SIDE).flatten(1).numpy().astype(np.float32) / 255


def _drawn(data: Dataset, count: int, seed: int) -> Dataset:
    if len(data) <= count:
        return data
    return data.subset(torch.randperm(len(data), generator=generator_for("advice", seed))[:count])


def _spread(data: Dataset, count: int, seed: int) -> Dataset:
    """At most `count` examples, the classes as even as they come."""
    if len(data) <= count:
        return data
    return few_shot(data, max(2, count // len(data.class_names)), seed).data
