"""Training a preset, to keep what its runs recorded."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from tlcore.errors import RunFailed
from tlcore.execution.local import LocalExecutor
from tlcore.gallery.answers import write_answers
from tlcore.gallery.keep import write_gallery
from tlcore.presets import Preset, presets_of
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
    write_answers(executor.store, _of_first_seed(executor.store, identities), file)
    return write_gallery(executor.store, identities, file, films=films)


def _shown(store: Store, preset: Preset, identities: Sequence[str]) -> list[str]:
    """The runs whose films are kept: the first seed's, of many arms only those that are shown side by side.

    Another preset of the page may show the same run side by side.
    """
    first = _of_first_seed(store, identities)
    if len(preset.arms) <= MOST_FILMS:
        return first
    seed = store.require(first[0]).spec.seed
    shown = {
        spec.content_hash
        for other in presets_of(preset.page)
        for arm, _, spec in other.specs([seed])
        if arm in other.side_by_side
    }
    return [identity for identity in first if identity in shown]


def _of_first_seed(store: Store, identities: Sequence[str]) -> list[str]:
    runs = [store.require(identity) for identity in identities]
    first = min(run.spec.seed for run in runs)
    return [run.id for run in runs if run.spec.seed == first]


def _wait(executor: LocalExecutor, identity: str, *, film: bool) -> Run:
    while True:
        run = executor.store.require(identity)
        if run.state in ("failed", "stopped"):
            raise RunFailed(f"Run {identity} ({run.arm}, seed {run.spec.seed}) {run.state}: {run.reason or 'by hand'}")
        if run.state == "finished" and (run.projected or not film):
            return run
        executor.ensure_supervisor()
        time.sleep(POLL_SECONDS)
