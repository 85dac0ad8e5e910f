"""`python -m benchmarks.recorded`: tables of what the recorded runs that ship with the lab came to.

Nothing is trained here: the figures are those in `tlcore/gallery`, which `python -m tlcore.gallery` has recorded.
Seconds are of one run in one process with one thread, two at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.pages import PAGE, write
from tlcore.analysis.statistics import summarise
from tlcore.gallery import recorded
from tlcore.presets import Preset, all_presets, multitask
from tlcore.runs import Run

BEGIN, END = "<!-- recorded: written by benchmarks/recorded.py -->", "<!-- end of recorded -->"
FEWEST_ARMS = 4  # of a preset whose tables stand on no other page
MOST_TASKS = 6  # of one run, in a table
METRICS = {
    "target_accuracy": "accuracy on the target",
    "source_accuracy": "what is left of the source task",
    "linear_probe_accuracy": "accuracy of a linear classifier on features learned without labels",
    "nearest_neighbours_accuracy": "accuracy of the nearest neighbours among features learned without labels",
    "unseen_accuracy": "accuracy among unseen classes",
    "harmonic_mean": "harmonic mean of seen and unseen, all classes offered",
}


def main() -> None:
    """Write the tables into the page of benchmarks."""
    parts = [
        "Mean ± sample standard deviation over the seeds, recorded with `python -m tlcore.gallery PRESET --seeds N`."
    ]
    for preset in all_presets().values():
        store = recorded(preset.identity)
        if store is not None and (len(preset.arms) >= FEWEST_ARMS or preset.page == multitask.PAGE):
            parts += section(preset, [run for run in store.runs() if run.state == "finished"])
    write("\n".join(parts), PAGE, BEGIN, END, "What the recorded runs came to")


def section(preset: Preset, runs: Sequence[Run]) -> Iterable[str]:
    """Heading, machine, and one table a metric."""
    provenance = runs[0].provenance
    yield f"\n### {preset.identity}\n"
    yield (
        f"{len({run.spec.seed for run in runs})} seeds, {len(runs)} runs, {sum(run.seconds for run in runs) / 60:.1f} "
        f"minutes of training in all; {provenance.get('cpu', 'CPU')}, {provenance.get('cores')} cores, torch "
        f"{provenance.get('torch')}."
    )
    for metric, words in METRICS.items():
        lines = table(preset, runs, metric)
        if lines:
            yield f"\n{words[0].upper()}{words[1:]}:\n"
            yield from lines
    lines = task_table(preset, runs)
    if lines:
        yield "\nEvery task, accuracy, or R² of a quantity:\n"
        yield from lines


def table(preset: Preset, runs: Sequence[Run], metric: str) -> list[str]:
    """Rows are methods, columns what stands behind their @; arms without one have a column of their own."""
    values: dict[str, list[float]] = {}
    for run in runs:
        if run.arm and metric in run.summary:
            values.setdefault(run.arm, []).append(run.summary[metric])
    cells = {tuple(arm.partition("@")[::2]): words(values[arm]) for arm in preset.arms if arm in values}
    columns = list(dict.fromkeys(column for _, column in cells))
    rows = list(dict.fromkeys(row for row, _ in cells))
    if not cells:
        return []
    head = [f"| | {' | '.join(column or '–' for column in columns)} |", "|---" * (1 + len(columns)) + "|"]
    return head + [f"| `{row}` | {' | '.join(cells.get((row, one), '') for one in columns)} |" for row in rows]


def task_table(preset: Preset, runs: Sequence[Run]) -> list[str]:
    """Rows are arms, columns the tasks of those that learn few of them; empty where none learns more than one."""
    scores: dict[str, dict[str, list[float]]] = {}
    for run in runs:
        told = {
            name.partition(".")[2]: one for name, one in run.summary.items() if name.startswith(("accuracy.", "r2."))
        }
        if run.arm and 0 < len(told) <= MOST_TASKS:
            for task, value in told.items():
                scores.setdefault(run.arm, {}).setdefault(task, []).append(value)
    if max((len(tasks) for tasks in scores.values()), default=0) < 2:
        return []
    columns = list(dict.fromkeys(task for tasks in scores.values() for task in tasks))
    head = [f"| | {' | '.join(columns)} |", "|---" * (1 + len(columns)) + "|"]
    return head + [
        f"| `{arm}` | {' | '.join(words(scores[arm][one]) if one in scores[arm] else '' for one in columns)} |"
        for arm in preset.arms
        if arm in scores
    ]


def words(values: Sequence[float]) -> str:
    """Mean and spread, as a cell of a table."""
    found = summarise(values)
    return f"{found.mean:.3f}" + (f" ± {found.sd:.3f}" if found.sd is not None else "")


if __name__ == "__main__":
    main()
