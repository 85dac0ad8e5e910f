"""What a training did inside a network, layer by layer: how far the weights moved, and what became of the features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tlcore.analysis.distances import linear_cka

Floats = npt.NDArray[np.floating]
Doubles = npt.NDArray[np.float64]

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
"""What batch normalisation counts but does not learn; a count would drown the weights of its layer."""


@dataclass(frozen=True)
class LayerChange:
    """One layer before and after.

    parameter_count: numbers in its parameters as they are after. parameter_change: ||after − before|| / ||before||
    over all of them; None where there is no such ratio (no parameters, others than before, all 0 before).
    similarity: linear CKA of its activations before and after, in [0, 1]; None where there were none to compare or one
    side was the same for every example. notes: why something is None, one sentence each.
    """

    layer: str
    parameter_count: int
    parameter_change: float | None
    similarity: float | None
    notes: tuple[str, ...] = ()


def layer_changes(
    layers: Mapping[str, Sequence[str]],
    parameters_before: Mapping[str, Floats],
    parameters_after: Mapping[str, Floats],
    activations_before: Mapping[str, Floats] | None = None,
    activations_after: Mapping[str, Floats] | None = None,
) -> list[LayerChange]:
    """One record for each layer, in the order of `layers`.

    layers: name of each layer, and the paths of the modules that belong to it (`tlcore.networks.layers`). A parameter
    belongs to the layer that has its module; one that belongs to none (a transformer's positions) goes with the first.
    parameters: by their names as in `named_parameters()`, arrays of any shape.
    activations: (N, …) by name of layer, of the same N examples in the same order before and after; all but the first
    axis are features. Where features are many times as many as examples, CKA is high even for unrelated ones, so
    average maps over their places first.

    Raises ValueError for no layers, for statistics of batch normalisation among the parameters, for activations of an
    unknown layer, of one side only, or of different examples, and for values that are not finite.
    """
    if not layers:
        raise ValueError("There is no layer to compare.")
    first, second = _by_layer(layers, parameters_before), _by_layer(layers, parameters_after)
    earlier, later = activations_before or {}, activations_after or {}
    _check_names(layers, earlier, later)
    changes = []
    for layer in layers:
        change, notes = _parameter_change(first[layer], second[layer])
        similarity, said = _similarity(layer, earlier[layer], later[layer]) if layer in earlier else (None, ())
        count = sum(array.size for array in second[layer].values())
        changes.append(LayerChange(layer, count, change, similarity, (*notes, *said)))
    return changes


def _by_layer(layers: Mapping[str, Sequence[str]], parameters: Mapping[str, Floats]) -> dict[str, dict[str, Doubles]]:
    """The parameters of each layer by their names, in double precision."""
    groups: dict[str, dict[str, Doubles]] = {layer: {} for layer in layers}
    for name, values in parameters.items():
        if name.rpartition(".")[2] in STATISTICS:
            raise ValueError(f"'{name}' is a statistic of batch normalisation, not a parameter.")
        array = np.asarray(values, dtype=np.float64)
        if not np.isfinite(array).all():
            raise ValueError(f"The parameter '{name}' has NaN or infinite values.")
        owners = (layer for layer, paths in layers.items() if any(name.startswith(f"{path}.") for path in paths))
        groups[next(owners, next(iter(layers)))][name] = array
    return groups


def _parameter_change(
    before: Mapping[str, Doubles], after: Mapping[str, Doubles]
) -> tuple[float | None, tuple[str, ...]]:
    if not before and not after:
        return None, ()
    shapes = [{name: array.shape for name, array in side.items()} for side in (before, after)]
    if shapes[0] != shapes[1]:
        return None, ("Its parameters are new: their names or shapes are not those of before.",)
    norm = _norm(list(before.values()))
    difference = _norm([after[name] - before[name] for name in before])
    if norm == 0 and difference > 0:
        return None, ("All its parameters were 0 before, so there is no relative change.",)
    return (difference / norm if norm > 0 else 0.0), ()


def _norm(arrays: Sequence[Doubles]) -> float:
    return float(np.sqrt(sum(float((array**2).sum()) for array in arrays)))


def _check_names(
    layers: Mapping[str, Sequence[str]], before: Mapping[str, Floats], after: Mapping[str, Floats]
) -> None:
    for name in [*before, *after]:
        if name not in layers:
            raise ValueError(f"There are activations of '{name}', which is no layer of this network.")
        if name not in before or name not in after:
            side = "before" if name in before else "after"
            raise ValueError(f"There are activations of layer '{name}' {side} the training only.")


def _similarity(layer: str, before: Floats, after: Floats) -> tuple[float | None, tuple[str, ...]]:
    tables = []
    for moment, values in (("before", before), ("after", after)):
        array = np.asarray(values)
        if array.ndim < 2 or len(array) < 2 or array.size == 0:
            raise ValueError(f"The activations of layer '{layer}' {moment} need two examples or more, and features.")
        if not np.isfinite(array).all():
            raise ValueError(f"The activations of layer '{layer}' {moment} have NaN or infinite values.")
        tables.append(array.reshape(len(array), -1))
    if len(tables[0]) != len(tables[1]):
        counts = f"{len(tables[0])} and {len(tables[1])}"
        raise ValueError(f"The activations of layer '{layer}' are of {counts} examples, and must be of the same ones.")
    notes = tuple(
        f"Its activations {moment} are the same for every example, so CKA is undefined."
        for moment, table in zip(("before", "after"), tables, strict=True)
        if (table == table[0]).all()
    )
    return (None, notes) if notes else (linear_cka(*tables), ())
