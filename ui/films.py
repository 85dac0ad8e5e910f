"""The film of a run for the player: which projections there are, and what is read of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from tlcore.errors import StoreError
from tlcore.player.film import Curve, Panel
from tlcore.player.message import nearest_of
from tlcore.runs import Frame, Neighbours, Run, Store
from ui.library import RunView
from ui.player import PlayerState

NEIGHBOUR_STEPS = 12
IN_SPACE = ("umap-3d", "pca-3d")
MEANWHILE = {"umap": "pca"}  # what is laid out at once, shown until the other has a first frame
BEFORE_ALL = -1  # the layout of such frames: older than any of the projection's own
MEANWHILE_WORDS = "PCA for the moment: the first UMAP picture is being laid out."


def projections_of(views: Sequence[RunView], always: Sequence[str]) -> tuple[str, ...]:
    """The projections to choose from: `always`, and those in space that every shown run has frames of."""
    found = [set(view.store.projections(view.run.id)) for view in views]
    return (*always, *(name for name in IN_SPACE if found and all(name in known for known in found)))


def film_panel(view: RunView, title: str, value: Curve | None, state: PlayerState, *, surfaces: bool = False) -> Panel:
    """One run's film in the projection the viewer has chosen. What cannot be read is left out and said."""
    store, run_id = view.store, view.run.id
    damaged: list[int] = []
    try:
        frames = store.frames(run_id, state.projection, damaged=damaged)
        waits = not frames and not view.is_recorded and not view.run.projected
        if waits and state.projection in MEANWHILE:
            others = store.frames(run_id, MEANWHILE[state.projection], damaged=damaged)
            frames = [replace(frame, projection=state.projection, layout=BEFORE_ALL) for frame in others]
        quality = store.film_quality(run_id, state.projection)
        nearest = (
            None if state.point is None else nearest_of(_neighbours(store, run_id, *_moment(view.run)), state.point)
        )
        shown = store.surfaces(run_id) if surfaces else ()
    except StoreError as error:
        return Panel(run_id, title, value=value, problem=str(error))
    return Panel(
        run_id,
        title,
        value=value,
        frames=frames,
        surfaces=shown,
        quality=None if quality is None else quality.values,
        nearest=nearest,
        problem=_problem(view, damaged, frames),
    )


def _problem(view: RunView, damaged: Sequence[int], frames: Sequence[Frame]) -> str | None:
    if damaged:
        which = f"step {damaged[0]:,}" if len(damaged) == 1 else f"{len(damaged)} steps"
        return f"The frame of {which} cannot be read and is left out."
    if frames and frames[0].layout == BEFORE_ALL:
        return MEANWHILE_WORDS
    if frames:
        return None
    if view.run.live:
        return _awaited(view.run)
    return f"This run is {view.run.state} and has no frames in this projection."


def _awaited(run: Run) -> str:
    """What goes on before the first frame: someone who sees an empty panel asks whether anything does."""
    if run.state == "queued":
        return "In the queue. The first picture comes soon after training has begun."
    if run.paused:
        return "Paused before the first picture."
    if not run.step:
        return "Reading the data and building the network."
    return f"Training: step {run.step:,}. The first picture is being laid out."


def _moment(run: Run) -> tuple[int, bool]:
    """What decides which neighbours a run has: those of the last step come after it has ended."""
    return run.step, run.projected


@lru_cache(maxsize=16)
def _neighbours(store: Store, run_id: str, step: int, projected: bool) -> tuple[Neighbours, ...]:
    """The neighbours at some of the steps, evenly spread, the last among them. step: how far the run is."""
    steps = store.neighbour_steps(run_id)
    stride = max(1, -(-len(steps) // NEIGHBOUR_STEPS))
    found = (store.neighbours(run_id, one) for one in steps[::-1][::stride][::-1])
    return tuple(one for one in found if one is not None)
