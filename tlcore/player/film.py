"""A film of one to three runs on one timeline, as one message to the player's browser side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tlcore.analysis.moments import Moment
from tlcore.player.message import (
    Ledger,
    encode_curve,
    encode_film,
    encode_neighbours,
    encode_probe,
    newest_layout,
    probe_digest,
)
from tlcore.runs.records import OTHER_TASKS, Frame, Neighbours, Probe, Series, Surface

COLOURINGS = ("domain", "class", *OTHER_TASKS, "correctness", "prediction", "change", "run")


@dataclass(frozen=True)
class Curve:
    """A line under the timeline, its values in [0, 1]. role: a name of `tlcore.plots.style.ROLES`, or a hex colour."""

    name: str
    role: str
    steps: Sequence[float] = field(default_factory=tuple)
    values: Sequence[float] = field(default_factory=tuple)


@dataclass(frozen=True)
class Panel:
    """One run in the player. `value_text` stands beside its title, or, where there is one, `value` at the shown step.

    `frames` may hold several projections and layouts: the player picks what it shows.

    quality: how far the shown frames can be trusted, see `FilmQuality`. nearest: the neighbours of the chosen point,
    see `nearest_of`; neighbours: those of all points, where there is room. problem: a sentence shown in the panel.
    """

    run_id: str
    title: str
    value_text: str = ""
    frames: Sequence[Frame] = ()
    surfaces: Sequence[Surface] = ()
    quality: Mapping[str, float] | None = None
    nearest: Mapping[str, Any] | None = None
    neighbours: Sequence[Neighbours] = ()
    problem: str | None = None
    value: Curve | None = None


@dataclass(frozen=True)
class Caption:
    """What is said in a lecture from this step on."""

    step: int
    text: str


def captions_of(moments: Iterable[Moment | None]) -> list[Caption]:
    """What a lecture says, in the order in which it happens; two moments at one step are said together."""
    texts: dict[int, list[str]] = {}
    for moment in moments:
        if moment is not None:
            texts.setdefault(moment.step, []).append(moment.text)
    return [Caption(step, ". ".join(texts[step])) for step in sorted(texts)]


def accuracy_curve(series: Series | None) -> Curve | None:
    """The target accuracy beside a run's title, followed through the film."""
    if series is None or not len(series.steps):
        return None
    return Curve("target accuracy", "target", series.steps.tolist(), series.values.tolist())


def projection_label(projection: str) -> str:
    """How a projection is called on the page: UMAP and PCA are acronyms."""
    name = projection.removesuffix("-3d")
    label = name.upper() if name in {"umap", "pca", "tsne"} else name.capitalize()
    return f"{label} 3-D" if projection.endswith("-3d") else label


def film_message(
    ledger: Ledger,
    panels: Sequence[Panel],
    probe: Probe,
    projections: Sequence[str],
    projection: str,
    colour_by: str = "domain",
    step: int | None = None,
    curves: Sequence[Curve] = (),
    captions: Sequence[Caption] = (),
) -> dict[str, Any]:
    """What changes from call to call, with only the frames the browser does not have yet.

    projection: the one that is shown, of `projections`. step: where the viewer has paused, None at the end.
    """
    ledger.begin()
    digest = probe_digest(probe)
    if ledger.probe != digest:
        ledger.films.clear()
        probe_data: dict[str, Any] = encode_probe(probe, digest)
        ledger.probe = digest
    else:
        probe_data = {"id": digest, "count": len(probe)}
    chosen = projection if len(projections) > 1 else None
    panel_data = []
    for place, panel in enumerate(panels):
        frames = newest_layout(panel.frames, chosen)
        name = f"{panel.run_id}|{projection}|{frames[0].layout if frames else ''}|{digest}"
        surfaces = sorted(panel.surfaces, key=lambda surface: surface.step)
        film = encode_film(ledger, place, name, frames, surfaces)
        panel_data.append(
            {
                "run": panel.run_id,
                "title": panel.title,
                "value": panel.value_text,
                "series": None if panel.value is None else _curve(panel.value),
                "quality": dict(panel.quality) if panel.quality else None,
                "nearest": dict(panel.nearest) if panel.nearest else None,
                "neighbours": [encode_neighbours(one) for one in panel.neighbours] or None,
                "problem": panel.problem,
                **film,
            }
        )
    for place in [place for place in ledger.films if place >= len(panels)]:
        del ledger.films[place]
    return {
        "probe": probe_data,
        "panels": panel_data,
        "answers": ledger.answers,
        "projections": [{"id": name, "label": projection_label(name)} for name in projections],
        "view": {"projection": projection, "colour_by": colour_by, "step": step},
        "captions": [{"step": caption.step, "text": caption.text} for caption in captions],
        "curves": [_curve(curve) for curve in curves],
    }


def _curve(curve: Curve) -> dict[str, Any]:
    return encode_curve(curve.name, curve.role, curve.steps, curve.values)
