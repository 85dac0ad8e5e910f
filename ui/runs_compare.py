"""Chosen runs beside each other: curves of one metric, the fields in which they differ, their films."""

from __future__ import annotations

import html
from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from tlcore.player.film import accuracy_curve
from tlcore.player.message import probe_digest
from tlcore.plots.style import class_colour, style_figure
from tlcore.runs.differences import spec_differences
from tlcore.runs.library import Entry
from ui.films import film_panel, projections_of
from ui.library import RunView
from ui.live_chart import live_chart
from ui.page import card_header
from ui.player import MOST_PANELS, player, player_state

MOST_CURVES = 12
SHORT = 34
DASHES = ("solid", "dot", "dash")


def short(text: str, longest: int = SHORT) -> str:
    """A title where there is little room."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def titles_of(entries: Sequence[Entry]) -> dict[str, str]:
    """A title for each run that tells it from the others: its name, else arm and seed, and where these meet more."""
    titles = {entry.id: short(entry.name or f"{entry.arm or entry.method}, seed {entry.seed}") for entry in entries}
    for more in (lambda entry: (entry.preset or entry.method).rpartition("/")[2], lambda entry: entry.id[:6]):
        alike: dict[str, set[str]] = {}
        for entry in entries:
            alike.setdefault(titles[entry.id], set()).add(more(entry))
        # What all of the same title share tells none from another.
        titles = {
            run: f"{titles[run]} · {more(entry)}" if len(alike[titles[run]]) > 1 else titles[run]
            for run, entry in ((entry.id, entry) for entry in entries)
        }
    return titles


def curves(entries: Sequence[Entry], views: Sequence[RunView]) -> None:
    """One metric of every chosen run over its steps."""
    shown = views[:MOST_CURVES]
    metrics = {view.run.id: view.store.metrics(view.run.id) for view in shown}
    names = sorted({name for found in metrics.values() for name in found})
    if not names:
        st.caption("These runs have recorded no metrics.")
        return
    aside = f"the first {MOST_CURVES} of {len(views)}" if len(views) > MOST_CURVES else ""
    card_header("Curves", aside)
    preferred = next((name for name in ("target_accuracy", "source_accuracy") if name in names), names[0])
    name = st.selectbox("Metric", names, index=names.index(preferred), key="runs-curve", width=260)
    titles = titles_of(entries)
    figure = go.Figure()
    for place, view in enumerate(shown):
        series = metrics[view.run.id].get(name)
        if series is not None:
            figure.add_scatter(
                x=series.steps, y=series.values, name=html.escape(titles[view.run.id]),
                line={"color": class_colour(place), "width": 2, "dash": DASHES[place // 4 % 3]},
            )  # fmt: skip
    share = name.endswith("accuracy")
    axis = {"tickformat": ".0%", "range": [0, 1.02]} if share else {}
    style_figure(figure, uirevision=name, xaxis={"title": "step"}, yaxis=axis | {"title": name.replace("_", " ")})
    live_chart(figure, key="runs-curves", height=320, description=f"{name} of the chosen runs over their steps")


def differences(entries: Sequence[Entry], views: Sequence[RunView]) -> None:
    """Only the fields of the specs that differ."""
    rows = spec_differences([view.run.spec for view in views])
    card_header("What differs", f"{len(rows)} field{'s' * (len(rows) != 1)}")
    titles = titles_of(entries)
    head = "".join(f"<th>{html.escape(titles[view.run.id])}</th>" for view in views)
    body = "".join(
        f"<tr><td>{html.escape(path)}</td>" + "".join(f"<td>{html.escape(short(value, 60))}</td>" for value in values)
        + "</tr>"
        for path, values in rows.items()
    )  # fmt: skip
    st.html(
        f"<div class=tl-scroll tabindex=0><table class=tl-table><thead><tr><th>field</th>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def films(entries: Sequence[Entry], views: Sequence[RunView]) -> None:
    """Up to three films side by side, of runs that recorded the same points."""
    probes = {view.run.id: view.store.probe(view.run.id) for view in views}
    with_film = [view for view in views if probes[view.run.id] is not None and view.store.projections(view.run.id)]
    if not with_film:
        return
    first = probes[with_film[0].run.id]
    assert first is not None
    digest = probe_digest(first)
    alike = [view for view in with_film if (probe := probes[view.run.id]) and probe_digest(probe) == digest]
    shown = alike[:MOST_PANELS]
    common = set.intersection(*(set(view.store.projections(view.run.id)) for view in shown))
    always = tuple(name for name in ("input", "umap", "pca") if name in common)
    projections = projections_of(shown, always) or tuple(sorted(common))
    if not projections:
        return
    left_out = len(views) - len(shown)
    card_header(
        "Feature spaces",
        f"{left_out} chosen run{'s' * (left_out != 1)} not shown: other points, or no room" if left_out else "",
    )
    key = "player-runs-" + "-".join(view.run.id[:6] for view in shown)
    state = player_state(key, projections)
    titles = titles_of(entries)
    panels = []
    for view in shown:
        value = accuracy_curve(view.store.metrics(view.run.id, ["target_accuracy"]).get("target_accuracy"))
        panels.append(film_panel(view, titles[view.run.id], value, state, surfaces=state.projection == "input"))
    player(panels, first, key=key, projections=projections, total_steps=max(view.run.steps for view in shown))
