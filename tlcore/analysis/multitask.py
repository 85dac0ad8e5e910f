"""What learning several tasks together is worth: the mean relative change against each task learned alone."""

from __future__ import annotations

from collections.abc import Mapping

from tlcore.errors import InvalidRequest


def task_changes(together: Mapping[str, float], alone: Mapping[str, float]) -> dict[str, float]:
    """By how much each task is better than alone, relative to alone; of scores, the higher the better, by task.

    Raises InvalidRequest where a task lacks its baseline, or the baseline is 0.
    """
    for task in together:
        if not alone.get(task):
            raise InvalidRequest(f"There is no score of “{task}” learned alone to compare with.")
    return {task: (score - alone[task]) / abs(alone[task]) for task, score in together.items()}


def mean_change(together: Mapping[str, float], alone: Mapping[str, float]) -> float:
    """Δm: the mean over tasks of their relative change, as a share (Maninis, Radosavovic and Kokkinos 2019, eq. 4).

    Raises InvalidRequest for no task and where a task lacks its baseline.
    """
    changes = task_changes(together, alone)
    if not changes:
        raise InvalidRequest("There is no task to compare.")
    return sum(changes.values()) / len(changes)
