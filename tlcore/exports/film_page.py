"""The film as one HTML file with the player in it."""

from __future__ import annotations

import html as markup
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tlcore.analysis.moments import domains_meet, strength_rises, target_passes
from tlcore.exports.shown import Film, Source, View, gather, machine_of
from tlcore.player.film import Caption, Curve, Panel, accuracy_curve, captions_of, film_message, projection_label
from tlcore.player.message import Ledger
from tlcore.player.standalone import standalone
from tlcore.plots.style import palette_payload
from tlcore.runs import Neighbours

Written = tuple[bytes, tuple[str, ...]]
CURVES = (("target accuracy", "target", "target_accuracy"), ("domain accuracy", "domain", "domain_accuracy"))
NOTEBOOK_HEIGHT = 660
MOST_NEIGHBOURS = 120_000  # of all points, steps and runs together: some 200 kB in the file


def html(sources: Sequence[Source], view: View) -> Written:
    """The player with these runs in every projection they share, the wanted one first."""
    document, remarks = film_document(sources, view)
    return document.encode(), remarks


def film_document(sources: Sequence[Source], view: View) -> tuple[str, tuple[str, ...]]:
    """The HTML of the file, and remarks on it."""
    film = gather(sources, view)
    order = (film.projection, *(name for name in film.projections if name != film.projection))
    films = {
        name: _message(sources, replace(view, projection=name, step=None), view, film.projections) for name in order
    }
    return (
        standalone(
            films, projection=film.projection, title=film.title, lead=lead_of(film), foot=foot_of(film),
            palettes=palette_payload(), theme=view.theme,
        ),
        film.remarks(),
    )  # fmt: skip


def _message(sources: Sequence[Source], this: View, view: View, projections: Sequence[str]) -> dict[str, Any]:
    film = gather(sources, this)
    last = film.moments[-1]
    panels = []
    for shown in film.runs:
        store, run = shown.source
        quality = store.film_quality(run.id, film.projection)
        panels.append(
            Panel(
                run.id,
                shown.title,
                frames=shown.frames,
                value=accuracy_curve(shown.accuracy),
                surfaces=shown.surfaces,
                quality=quality.values if quality else None,
                neighbours=neighbours_of(shown.source, len(film.probe), len(film.runs)),
            )
        )
    message = film_message(
        Ledger(), panels, film.probe, list(projections), film.projection, view.colour_by, view.step,
        curves=curves_of(sources), captions=spoken(sources),
    )  # fmt: skip
    return message | {
        "autoplay": view.step is None,
        "total_steps": max((shown.source.run.steps for shown in film.runs), default=last),
    }


def neighbours_of(source: Source, points: int, panels: int) -> list[Neighbours]:
    """The nearest neighbours at some steps, the last among them: as many as the file has room for beside its films."""
    store, run = source
    steps = store.neighbour_steps(run.id)
    last = store.neighbours(run.id, steps[-1]) if steps else None
    if last is None or len(last.indices) != points:
        return []
    room = max(1, MOST_NEIGHBOURS // max(1, panels * last.indices.size))
    chosen = steps[:: -max(1, -(-len(steps) // room))][::-1]
    found = [store.neighbours(run.id, step) for step in chosen[:-1]]
    return [*(one for one in found if one is not None), last]


def curves_of(sources: Sequence[Source]) -> list[Curve]:
    """Target accuracy and domain accuracy, of the last run that has a domain classifier or else of the last."""
    found = [source.store.metrics(source.run.id, [name for _, _, name in CURVES]) for source in sources]
    chosen = next((metrics for metrics in reversed(found) if "domain_accuracy" in metrics), found[-1])
    return [
        Curve(title, role, chosen[name].steps.tolist(), chosen[name].values.tolist())
        for title, role, name in CURVES
        if name in chosen
    ]


def spoken(sources: Sequence[Source]) -> list[Caption]:
    """What a lecture says on the way: of the last run, compared with the source-only run beside it if there is one."""
    metrics = [source.store.metrics(source.run.id) for source in sources]
    last, others = metrics[-1], zip(metrics[:-1], sources[:-1], strict=True)
    baseline = next((found for found, source in others if source.run.spec.method.name == "source_only"), {})
    return captions_of(
        (
            strength_rises(last.get("grl_lambda")),
            domains_meet(last.get("domain_accuracy")),
            target_passes(last.get("target_accuracy"), baseline.get("target_accuracy")),
        )
    )


def lead_of(film: Film) -> str:
    """The runs with their seed and final accuracy, and where they were trained."""
    runs = []
    for shown in film.runs:
        accuracy = shown.accuracy_at(film.moments[-1])
        seed = shown.source.run.spec.seed
        named = shown.title if f"seed {seed}" in shown.title else f"{shown.title} (seed {seed})"
        runs.append(named if accuracy is None else f"{named}: target accuracy {accuracy:.2f}")
    preset = film.runs[0].source.run.preset
    where = machine_of(film.runs[0].source.run)
    return " · ".join([*([preset] if preset else []), *runs, where])


def foot_of(film: Film) -> list[str]:
    """How the picture was made, and what it does not mean."""
    noun = "held-out pictures" if film.probe.thumbnails is not None else "held-out points"
    made = f"Each dot is one of the same {len(film.probe):,} {noun}, at {len(film.moments):,} moments of the training"
    if film.projection == "input":
        return [f"{made}, where it lies itself. Recorded by Transfer Learning Lab."]
    sentence = f"{made}: the network's features of it, laid out in the plane by {projection_label(film.projection)}."
    if film.projection.startswith("umap"):
        sentence += " In UMAP's picture near means alike; distances between clusters and their sizes mean little."
    return [f"{sentence} Recorded by Transfer Learning Lab."]


class Player:
    """A film for a notebook: shown as the last value of a cell, or written to a file by `save`."""

    def __init__(self, sources: Sequence[Source], view: View | None = None, *, height: int = NOTEBOOK_HEIGHT) -> None:
        """The player of one to three runs. height: of the frame in the notebook, in pixels.

        Raises:
            InvalidRequest: a run has no frames, or they cannot be shown side by side.
        """
        self.height = int(height)
        self.html, self.remarks = film_document(sources, view or View())

    def save(self, path: Path | str) -> Path:
        """Write the film as one HTML file, replacing what is there, and return its path."""
        target = Path(path)
        target.write_text(self.html, encoding="utf-8")
        return target

    def _repr_html_(self) -> str:
        """An inner page of its own: neither its style nor its script touches the notebook."""
        document = markup.escape(self.html, quote=True)
        return (
            f'<iframe srcdoc="{document}" sandbox="allow-scripts" title="Feature-space player" '
            f'style="width:100%;height:{self.height}px;border:0" allowfullscreen></iframe>'
        )
