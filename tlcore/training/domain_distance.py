"""How far apart two data sets are before anything has been trained: the figure beside a slider of a made shift."""

from __future__ import annotations

import numpy as np
import torch
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from tlcore.analysis.proxy_a_distance import ProxyADistance, proxy_a_distance
from tlcore.data import load_pair
from tlcore.data.dataset import Dataset, PairData
from tlcore.data.folder import Report
from tlcore.data.randomness import generator_for
from tlcore.data.resizing import resize
from tlcore.errors import InvalidRequest
from tlcore.specs.data import DomainPair
from tlcore.specs.network import OwnWeights, Pretrained
from tlcore.training.feature_cache import features_of

POINTS = 500  # of each domain
SIDE = 10  # pixels are compared at this size: larger ones tell the domains apart by single pixels alone


def distance_of(
    pair: DomainPair, seed: int, *, network: Pretrained | OwnWeights | None = None, report: Report | None = None
) -> ProxyADistance:
    """The proxy A-distance of a pair's two domains, on their training parts. Raises MissingData, InvalidRequest."""
    return distance_between(load_pair(pair, seed, report=report), seed, network=network)


def distance_between(data: PairData, seed: int, *, network: Pretrained | OwnWeights | None = None) -> ProxyADistance:
    """On pixels at 10×10 or coordinates of points; with `network`, on the features of a frozen one.

    Equal numbers are drawn of each domain by the seed. Raises InvalidRequest for fewer than four examples, MissingData
    where the network's weights are not to be had.
    """
    tables = [_table(_drawn(part, seed), network) for part in (data.source.train, data.target.train)]
    try:
        with threadpool_limits(1):  # small matrices: several threads would only wait for each other
            return proxy_a_distance(tables[0], tables[1], seed, max_points=POINTS)
    except ValueError as error:
        raise InvalidRequest(f"The distance of the domains cannot be measured: {str(error).rstrip('.')}.") from None


def _drawn(dataset: Dataset, seed: int) -> Dataset:
    if len(dataset) <= POINTS:
        return dataset
    drawn = torch.randperm(len(dataset), generator=generator_for("distance", seed))[:POINTS]
    return dataset.subset(drawn.sort().values)


def _table(dataset: Dataset, network: Pretrained | OwnWeights | None) -> np.ndarray:
    if dataset.inputs.ndim == 2:
        return dataset.inputs.float().numpy()
    if network is not None:
        return np.asarray(features_of(dataset, network))
    return resize(dataset.inputs, SIDE).flatten(1).numpy().astype(np.float32) / 255
