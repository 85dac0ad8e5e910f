"""Probe points as the store and bundles keep them: labels, and names of what they are labels of.

Of one task: labels (N,) and a list of class names. Of several: labels (N, T), the main task's first, and an object with
each task's class names, in that order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tlcore.runs.records import Probe, TaskLabels

Names = Sequence[str] | Mapping[str, Sequence[str]]


def probe_columns(probe: Probe) -> tuple[npt.NDArray[np.int16], Names]:
    """The labels and the names of a probe, to be written."""
    if not probe.others:
        return probe.labels, list(probe.class_names)
    labels = np.stack([probe.labels, *(other.labels for other in probe.others)], 1)
    names = {probe.task: list(probe.class_names)} | {one.task: list(one.class_names) for one in probe.others}
    return labels, names


def probe_of(
    labels: npt.NDArray[Any], domains: npt.NDArray[Any], names: Names, thumbnails: npt.NDArray[np.uint8] | None
) -> Probe:
    """The probe that `probe_columns` took apart."""
    if not isinstance(names, Mapping):
        return Probe(labels, domains, tuple(names), thumbnails)
    tasks = [TaskLabels(task, labels[:, column], tuple(names[task])) for column, task in enumerate(names)]
    main, *others = tasks
    return Probe(main.labels, domains, main.class_names, thumbnails, main.task, tuple(others))
