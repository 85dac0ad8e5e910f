"""What a film or a picture shows: which runs, which projection, which moments, and in which words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np

from tlcore.errors import InvalidRequest
from tlcore.player.film import projection_label
from tlcore.player.message import probe_digest
from tlcore.presets import all_presets
from tlcore.runs import Frame, Probe, Run, Series, Store, Surface
from tlcore.runs.records import OTHER_TASKS

COLOURINGS = ("domain", "class", *OTHER_TASKS, "correctness", "prediction")
THEMES = ("light", "dark")
MOST_PANELS = 3
LEAST_WIDTH, MOST_WIDTH = 320, 3840
FIRST_CHOICE = ("input", "umap", "pca")


class Source(NamedTuple):
    """A run and the store it is read from."""

    store: Store
    run: Run


@dataclass(frozen=True)
class View:
    """How a film or a picture is wanted.

    projection: as the store names it; None for the first there is of "input", "umap" and "pca". step: the moment of a
    picture, None for the last. theme: None is light, and in the HTML file the reader's own. width: in pixels.
    weights: whether a bundle holds them.
    """

    projection: str | None = None
    colour_by: str = "domain"
    step: int | None = None
    theme: str | None = None
    width: int | None = None
    weights: bool = True

    def __post_init__(self) -> None:
        if self.colour_by not in COLOURINGS:
            raise InvalidRequest(f"There is no colouring '{self.colour_by}'; choose one of {', '.join(COLOURINGS)}.")
        if self.theme is not None and self.theme not in THEMES:
            raise InvalidRequest(f"There is no theme '{self.theme}'; choose light or dark.")
        if self.width is not None and not LEAST_WIDTH <= self.width <= MOST_WIDTH:
            raise InvalidRequest(f"A picture is {LEAST_WIDTH} to {MOST_WIDTH} pixels wide, not {self.width}.")


@dataclass(frozen=True)
class ShownRun:
    """One run of a film, with its frames in one projection by step, and the functions over the plane of its points."""

    source: Source
    title: str
    frames: tuple[Frame, ...]
    accuracy: Series | None
    surfaces: tuple[Surface, ...] = ()

    def frame_at(self, step: int) -> Frame:
        """The latest frame at or before a step; the first where there is none."""
        return next((frame for frame in reversed(self.frames) if frame.step <= step), self.frames[0])

    def surface_at(self, name: str, step: int) -> Surface | None:
        """The latest surface of that name at or before a step; the first where there is none before."""
        named = [surface for surface in self.surfaces if surface.name == name]
        return next((surface for surface in reversed(named) if surface.step <= step), named[0] if named else None)

    def accuracy_at(self, step: int) -> float | None:
        """Target accuracy at the latest look at or before a step; None where it is not known."""
        if self.accuracy is None:
            return None
        index = int(np.searchsorted(self.accuracy.steps, step, "right")) - 1
        value = float(self.accuracy.values[index]) if index >= 0 else float("nan")
        return value if np.isfinite(value) else None


@dataclass(frozen=True)
class Film:
    """Runs side by side on the same points. moments: the steps of the timeline, as in the player.

    damaged: the number of frames that could not be read.
    """

    title: str
    probe: Probe
    projection: str
    projections: tuple[str, ...]
    runs: tuple[ShownRun, ...]
    moments: tuple[int, ...]
    damaged: int = 0

    @property
    def missing(self) -> int:
        """The largest number of points without a place (not a number) in a frame."""
        return max(int((~np.isfinite(frame.points).all(axis=1)).sum()) for shown in self.runs for frame in shown.frames)

    def remarks(self) -> tuple[str, ...]:
        """What whoever keeps the file should know."""
        remarks = []
        if self.missing:
            points = "1 point was" if self.missing == 1 else f"{self.missing:,} points were"
            remarks.append(f"{points} left out where the coordinates are not numbers.")
        if self.damaged:
            frames = "1 frame was" if self.damaged == 1 else f"{self.damaged:,} frames were"
            remarks.append(f"{frames} left out that cannot be read.")
        return tuple(remarks)


def gather(sources: Sequence[Source], view: View) -> Film:
    """The film of one to three runs in one projection.

    Raises:
        InvalidRequest: a run has no frames, or none in that projection; the runs follow different points; there are too
            many of them; the step lies outside the film.
    """
    if not 1 <= len(sources) <= MOST_PANELS:
        raise InvalidRequest(f"One to {MOST_PANELS} runs can be shown side by side, not {len(sources)}.")
    probe = same_probe(sources)
    projections = shared_projections(sources)
    projection = view.projection or projections[0]
    if projection not in projections:
        raise InvalidRequest(
            f"There is no projection '{projection}' of {_these(sources)}; choose one of {', '.join(projections)}."
        )
    damaged: list[int] = []
    runs = []
    for (store, run), title in zip(sources, titles(sources), strict=True):
        frames = store.frames(run.id, projection, damaged=damaged)
        fitting = tuple(frame for frame in frames if len(frame.points) == len(probe) == len(frame.predictions))
        damaged += [0] * (len(frames) - len(fitting))
        if not fitting:
            raise InvalidRequest(f"None of the frames of run {run.id} in projection '{projection}' can be read.")
        accuracy = store.metrics(run.id, ["target_accuracy"]).get("target_accuracy")
        surfaces = tuple(store.surfaces(run.id)) if projection == "input" else ()
        runs.append(ShownRun(Source(store, run), title, fitting, accuracy, surfaces))
    film = Film(film_title(sources), probe, projection, projections, tuple(runs), merged_steps(runs), len(damaged))
    if view.step is not None and not film.moments[0] <= view.step <= film.moments[-1]:
        raise InvalidRequest(
            f"The film runs from step {film.moments[0]:,} to step {film.moments[-1]:,}; "
            f"there is no picture of step {view.step:,}."
        )
    return film


def same_probe(sources: Sequence[Source]) -> Probe:
    """The points that all these runs follow.

    Raises:
        InvalidRequest: a run has none yet, or they differ.
    """
    probes = []
    for source in sources:
        probe = source.store.probe(source.run.id)
        if probe is None or not len(probe) or not source.store.projections(source.run.id):
            raise InvalidRequest(f"Run {source.run.id} has recorded no frames.")
        probes.append(probe)
    # Runs of one task and of several follow the same points where these know more of them.
    digests = [probe_digest(replace(probe, task="", others=())) for probe in probes]
    for source, digest in zip(sources, digests, strict=True):
        if digest != digests[0]:
            raise InvalidRequest(
                f"Runs {sources[0].run.id} and {source.run.id} follow different points: "
                "they cannot be shown side by side."
            )
    return max(probes, key=lambda probe: len(probe.others))


def shared_projections(sources: Sequence[Source]) -> tuple[str, ...]:
    """The projections that every run has, the usual ones first.

    Raises:
        InvalidRequest: there is none.
    """
    found = [set(source.store.projections(source.run.id)) for source in sources]
    shared = set.intersection(*found)
    if not shared:
        raise InvalidRequest(f"There is no projection that {_these(sources)} have in common.")
    usual = [name for name in FIRST_CHOICE if name in shared]
    return (*usual, *sorted(shared.difference(usual)))


def merged_steps(runs: Sequence[ShownRun]) -> tuple[int, ...]:
    """The moments of a film: steps of its runs that differ by little are one moment, the latest of them.

    Otherwise the panels would move in turns. The player merges them by the same rule.
    """
    steps = sorted({frame.step for shown in runs for frame in shown.frames})
    densest = max(runs, key=lambda shown: len(shown.frames))
    gaps = sorted(np.diff([frame.step for frame in densest.frames]).tolist())
    tolerance = gaps[len(gaps) // 2] / 4 if gaps and len(runs) > 1 else 0
    merged: list[int] = []
    opened = -np.inf
    for step in steps:
        if merged and step - opened <= tolerance:
            merged[-1] = step
        else:
            merged.append(step)
            opened = step
    return tuple(merged)


def titles(sources: Sequence[Source]) -> list[str]:
    """The methods, with the seed where two runs have the same one."""
    names = [source.run.spec.method.title for source in sources]
    if len(set(names)) == len(names):
        return names
    return [f"{name}, seed {source.run.spec.seed}" for name, source in zip(names, sources, strict=True)]


def film_title(sources: Sequence[Source]) -> str:
    """The title of the runs' preset; the methods where they belong to none."""
    names = {source.run.preset for source in sources}
    preset = all_presets().get(names.pop() or "") if len(names) == 1 else None
    return preset.title if preset else " and ".join(titles(sources))


def machine_of(run: Run) -> str:
    """Where and when a run was trained, in a few words."""
    provenance: dict[str, Any] = run.provenance
    on_cpu = provenance.get("device", "cpu") == "cpu"
    device = f"{provenance.get('cores', '?')} CPU cores" if on_cpu else str(provenance.get("device_name"))
    day = datetime.fromtimestamp(run.ended or run.created, UTC)
    return f"{device}, {day.day} {day:%B %Y}"


def caption(film: Film) -> str:
    """One line under a picture: what the points are, and where they come from."""
    first = film.runs[0].source.run
    noun = "held-out pictures" if film.probe.thumbnails is not None else "held-out points"
    what = (
        "The points as they are given"
        if film.projection == "input"
        else f"{projection_label(film.projection)} of features"
    )
    seeds = sorted({shown.source.run.spec.seed for shown in film.runs})
    seed = f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}"
    return f"{what} · {len(film.probe):,} {noun} · {seed} · {machine_of(first)}"


def _these(sources: Sequence[Source]) -> str:
    return ("run " if len(sources) == 1 else "runs ") + " and ".join(source.run.id for source in sources)
