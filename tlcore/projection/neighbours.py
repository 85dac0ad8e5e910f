"""Exact nearest neighbours by matrix products: for a few thousand points faster than any index."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

Nearest = tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]
"""Indices and distances of each point's nearest points, itself first: what `nearest_neighbours` returns."""

DESCRIPTIONS = 5
"""How many descriptions are always among a point's neighbours, where there are any."""
CHUNK_ENTRIES = 8_000_000
"""Numbers held at once: 32 MB of float32."""


def nearest_neighbours(features: npt.NDArray[np.float32], count: int) -> Nearest:
    """The `count` nearest points of each point by Euclidean distance, itself first, then from near to far.

    features: (N, D) float32. count: at most N, the point itself included. Returns indices (N, count) int64 and
    distances (N, count) float32, in the features' units.

    Raises ValueError for a count outside 1 … N.
    """
    if not 1 <= count <= len(features):
        raise ValueError(f"{count} neighbours cannot be found among {len(features)} points.")
    with torch.inference_mode():
        table = torch.from_numpy(np.ascontiguousarray(features, dtype=np.float32))
        # Centring keeps ||a||² + ||b||² − 2ab from cancelling for features far from the origin.
        table = table - table.mean(dim=0)
        squares = table.square().sum(dim=1)
        largest = max(len(table), count * table.shape[1])  # entries held for each row, whichever are more
        all_indices, all_distances = [], []
        for rows in torch.arange(len(table)).split(max(1, CHUNK_ENTRIES // largest)):
            # ||a||² is the same along a row and does not change its order.
            order = torch.addmm(squares.unsqueeze(0), table[rows], table.T, alpha=-2.0)
            order[torch.arange(len(rows)), rows] = -torch.inf  # itself first, also among duplicates
            indices = order.topk(count, dim=1, largest=False).indices
            # The products are good enough to choose by; the distances themselves are computed without cancellation.
            differences = table[indices] - table[rows].unsqueeze(1)
            distances, sorting = torch.linalg.vector_norm(differences, dim=2).sort(dim=1, stable=True)
            all_indices.append(indices.gather(1, sorting))
            all_distances.append(distances)
        return torch.cat(all_indices).numpy(), torch.cat(all_distances).numpy()


def with_descriptions(
    nearest: npt.NDArray[np.integer], features: npt.NDArray[np.float32], described: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """Neighbours of which the last give way to descriptions, so that each point has `DESCRIPTIONS` of them.

    An example's are those that answer for it best (see `_answers`), the best first, after its nearest other examples:
    by distance a short description would stand before the one that the example is called by. A description's are the
    nearest ones, in their places among the others.

    nearest: (N, k), the nearest first, without the point itself. features: (N, D). described: (N,), which rows are
    descriptions of classes. Returns (N, k); unchanged where there are none.
    """
    chosen = np.array(nearest, dtype=np.int64)
    places, examples = np.flatnonzero(described), np.flatnonzero(~described)
    count = min(DESCRIPTIONS, len(places) - 1, chosen.shape[1])
    if count < 1:
        return chosen
    table = torch.from_numpy(np.ascontiguousarray(features, dtype=np.float32))
    chosen[places] = _with_nearest(chosen[places], places, table, count)
    chosen[examples] = _with_answers(chosen[examples], examples, places, table, count)
    return chosen


def _answers(examples: torch.Tensor, descriptions: torch.Tensor) -> torch.Tensor:
    """(N, K) how well each description answers for each example: their product, which is what they are scored by.

    In a space of shares, without a number below 0, a product grows with all that a description has: there the direction
    counts, as it comes nearer to how likely the attributes are.
    """
    if bool((examples >= 0).all()) and bool((descriptions >= 0).all()):
        descriptions = torch.nn.functional.normalize(descriptions, dim=1)
    return examples @ descriptions.T


def _with_answers(
    chosen: npt.NDArray[np.int64], rows: npt.NDArray[np.intp], places: npt.NDArray[np.intp], table: torch.Tensor,
    count: int,
) -> npt.NDArray[np.int64]:  # fmt: skip
    """Neighbours (n, k) of the examples `rows`: other examples first, then at least `count` descriptions."""
    width = chosen.shape[1]
    scores = _answers(table[torch.from_numpy(rows)], table[torch.from_numpy(places)])
    best = places[scores.topk(min(width, len(places)), dim=1).indices.numpy()]
    others = ~np.isin(chosen, places)
    stays = others & (others.cumsum(axis=1) <= width - count)
    wanted = np.arange(best.shape[1]) < width - stays.sum(axis=1, keepdims=True)
    both, kept = np.hstack([chosen, best]), np.hstack([stays, wanted])
    return np.take_along_axis(both, (~kept).argsort(axis=1, kind="stable"), axis=1)[:, :width]


def _with_nearest(
    chosen: npt.NDArray[np.int64], places: npt.NDArray[np.intp], table: torch.Tensor, count: int
) -> npt.NDArray[np.int64]:
    """Neighbours (K, k) of the descriptions `places`, with the `count` nearest other descriptions among them."""
    among = table[torch.from_numpy(places)]
    distances = torch.cdist(among, among, compute_mode="donot_use_mm_for_euclid_dist")
    order = places[distances.topk(count + 1, dim=1, largest=False, sorted=True).indices.numpy()]
    # Of each row the nearest descriptions but itself, which of them are missing, and what gives way: the last others.
    itself = order == places[:, None]
    wanted = np.take_along_axis(order, itself.argsort(axis=1, kind="stable"), axis=1)[:, :count]
    same = wanted[:, :, None] == chosen[:, None, :]
    missing, others = ~same.any(axis=2), ~same.any(axis=1)
    from_last = others[:, ::-1].cumsum(axis=1)[:, ::-1]
    leaving = others & (from_last <= missing.sum(axis=1, keepdims=True))
    both, stays = np.hstack([chosen, wanted]), np.hstack([~leaving, missing])
    return np.take_along_axis(both, (~stays).argsort(axis=1, kind="stable"), axis=1)[:, : chosen.shape[1]]
