"""Training a preset, to keep what its runs recorded."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from tlcore.errors import RunFailed
from tlcore.execution.local import LocalExecutor
from tlcore.gallery.keep import write_gallery
from tlcore.presets import Preset
from tlcore.runs import Run, Store

MOST_FILMS = 3
"""Of a preset with more arms than these, only what is shown side by side is kept as a film."""
POLL_SECONDS = 0.5


def record(executor: LocalExecutor, preset: Preset, seeds: Sequence[int], file: Path) -> Path:
    """Train every arm of `preset` for `seeds`, wait for their films, and write them to `file`, replacing it.

    Raises:
        RunFailed: a run failed or was stopped; the file is left as it was.
    """
    identities = [executor.submit(spec, preset=preset.identity, arm=arm) for arm, _, spec in preset.specs(seeds)]
    films = set(_shown(executor.store, preset, identities))
    for identity in identities:
        _wait(executor, identity, film=identity in films)
    return write_gallery(executor.store, identities, file, films=films)


def _shown(store: Store, preset: Preset, identities: Sequence[str]) -> list[str]:
    """The runs whose films are kept: the first seed's, of many arms only those that are shown side by side."""
    runs = [store.require(identity) for identity in identities]
    first = min(run.spec.seed for run in runs)
    arms = preset.side_by_side if len(preset.arms) > MOST_FILMS else tuple(preset.arms)
    return [run.id for run in runs if run.spec.seed == first and run.arm in arms]


def _wait(executor: LocalExecutor, identity: str, *, film: bool) -> Run:
    while True:
        run = executor.store.require(identity)
        if run.state in ("failed", "stopped"):
            raise RunFailed(f"Run {identity} ({run.arm}, seed {run.spec.seed}) {run.state}: {run.reason or 'by hand'}")
        if run.state == "finished" and (run.projected or not film):
            return run
        executor.ensure_supervisor()
        time.sleep(POLL_SECONDS)
