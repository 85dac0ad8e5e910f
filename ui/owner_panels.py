"""What the owner of a hosted lab sees and steers: the queue, the workers, the disk, what failed, who is there."""

from __future__ import annotations

import html
import logging
import time
from collections.abc import Callable, Sequence

import streamlit as st

from tlcore.catalogue import data_folder
from tlcore.errors import LabError
from tlcore.execution.disk import free_bytes
from tlcore.execution.logs import short
from tlcore.execution.presence import supervisor_pid
from tlcore.execution.questions import answer_of
from tlcore.runs.overview import Failure, LiveRow, failures, live_rows
from tlcore.runs.service import Service
from tlcore.runs.tidying import clear_up, gone
from tlcore.runs.usage import folder_bytes, size_text, usage
from tlcore.specs.hosting import MEGABYTE, duration_text
from tlcore.specs.own_data import RemoveOwn
from ui.hosted_words import beginning, queue
from ui.library import lab, runs_at_once
from ui.page import card, card_header, told
from ui.visitor import hosted, is_owner, visitor

LOGGER = logging.getLogger("tlcore.owner")
_SAID = "_owner_said"
MOST_ROWS = 30
LOOK_SECONDS = 2.0


def guarded(name: str, action: Callable[[], str]) -> None:
    """Do what the owner asked for, and keep what is to be said of it. Whoever is no owner does nothing here.

    name: what the log calls it.
    """
    who = visitor()
    about = {"visitor": short(who.id) if who is not None else None, "action": name}
    if not is_owner():
        LOGGER.warning("somebody who is no owner asked for what only owners may do", extra=about)
        return
    try:
        done = action()
    except LabError as error:
        LOGGER.warning("what the owner asked for could not be done", extra=about | {"reason": str(error)})
        st.session_state[_SAID] = ("error", str(error))
    else:
        LOGGER.info("the owner acts", extra=about | {"result": done})
        st.session_state[_SAID] = ("success", done)


def said() -> None:
    """What came of the last action."""
    kind, text = st.session_state.pop(_SAID, ("", ""))
    if kind:
        {"success": st.success, "error": st.error}[kind](text)


@st.fragment(run_every=LOOK_SECONDS)
def state_panel() -> None:
    """Numbers, the doors of the server, the queue; drawn anew every few seconds."""
    told(_numbers_doors_and_queue)


def _numbers_doors_and_queue() -> None:
    if not is_owner():
        return
    store = lab().store
    service = Service(store.database)
    rows = live_rows(store)
    training = [row for row in rows if row.state == "running"]
    visits = service.visitors()
    figures = st.columns(4)
    figures[0].metric("Training", f"{sum(not row.paused for row in training)} of {runs_at_once()}", border=True)
    figures[1].metric("Waiting", f"{len(rows) - len(training)}", border=True)
    figures[2].metric("Visitors now", f"{visits.active}", f"{visits.every:,} so far", delta_color="off",
                      delta_arrow="off", border=True)  # fmt: skip
    figures[3].metric("Paused", f"{sum(row.paused for row in training)}", border=True)
    _doors(service, training)
    with card("owner-queue"):
        card_header("Queue", "in the order in which they come")
        _queue(rows)


def _doors(service: Service, training: Sequence[LiveRow]) -> None:
    draining = service.draining

    def drain(on: bool) -> str:
        service.drain(on)
        if not on:
            lab().ensure_supervisor()
        return "No new runs start; those that train go on." if on else "New runs start again."

    def pause_all() -> str:
        for row in training:
            lab().pause(row.id)
        return f"{len(training)} runs wait after their next step; visitors may resume them."

    def restart() -> str:
        lab().shutdown()
        lab().ensure_supervisor()
        return "The worker was started anew; its runs go on from their checkpoints."

    with st.container(horizontal=True, vertical_alignment="center", key="owner-doors"):
        st.button(
            "End maintenance" if draining else "Drain for maintenance", type="primary", key="owner-drain",
            icon=":material/door_open:" if draining else ":material/door_front:", on_click=guarded,
            args=("end maintenance" if draining else "drain", lambda: drain(not draining)),
            help="While drained no new run starts, running ones go on, and every visitor reads why.",
        )  # fmt: skip
        st.button("Pause all", icon=":material/pause:", key="owner-pause", disabled=not training, on_click=guarded,
                  args=("pause all", pause_all), help="Every run that trains waits after its next step.")  # fmt: skip
        st.button("Restart the worker", icon=":material/restart_alt:", key="owner-restart", on_click=guarded,
                  args=("restart the worker", restart),
                  help="Runs write a checkpoint and go on with the new worker.")  # fmt: skip
        pid = supervisor_pid(lab().store.folder)
        st.caption(f"Worker: process {pid}" if pid else "No worker runs; it starts with the next run", width="content")


def _queue(rows: Sequence[LiveRow]) -> None:
    if not rows:
        st.caption("Nobody waits and nothing trains.")
        return
    waits = queue()
    ordered = sorted(rows, key=lambda row: waits[row.id].position if row.id in waits else 0)
    for row in ordered[:MOST_ROWS]:
        who = ", ".join(row.visitors[:3]) + (f" and {len(row.visitors) - 3} more" if len(row.visitors) > 3 else "")
        what = f"{row.preset or 'run'} · {row.arm or row.id[:8]}"
        with st.container(horizontal=True, vertical_alignment="center"):
            st.html(
                f"<b>{html.escape(what)}</b> <small>{html.escape(who or 'nobody in particular')} · "
                f"{html.escape(_state(row, waits))}</small>",
                width="stretch",
            )
            st.button("Stop", key=f"owner-stop-{row.id}", icon=":material/stop:", on_click=guarded,
                      args=(f"stop {row.id}", lambda row=row: _stop(row)),
                      help="End it for everybody who wants it.")  # fmt: skip
    if len(rows) > MOST_ROWS:
        st.caption(f"and {len(rows) - MOST_ROWS:,} more")


def _state(row: LiveRow, waits: dict) -> str:
    if row.state == "queued":
        return f"place {waits[row.id].position:,}{beginning(waits[row.id])}" if row.id in waits else "waits"
    since = duration_text(max(1.0, time.time() - row.started)) if row.started else ""
    return f"{'paused' if row.paused else 'trains'}, step {row.step:,} of {row.steps:,}, {since} ago begun"


def _stop(row: LiveRow) -> str:
    lab().stop(row.id, reason="The owner of this server ended this run.")
    return f"{row.preset or 'The run'} · {row.arm or row.id[:8]} was told to stop."


def disk_panel() -> None:
    """What is kept, what is free, and what can go."""
    settings, store = hosted(), lab().store
    card_header("Disk")
    taken, own = usage(store), folder_bytes(data_folder() / "own")
    limit = settings.limits.disk_in_all_mb * MEGABYTE if settings is not None else None
    share = min(1.0, (taken.total + own) / limit) if limit else 0.0
    st.progress(share, text=f"{size_text(taken.total + own)} of {size_text(limit or 0)} that visitors may keep")
    st.caption(
        f"Curves and films {size_text(taken.database)}, weights and checkpoints {size_text(taken.files)}, brought data "
        f"{size_text(own)}; {size_text(free_bytes(store.folder))} free on the disk."
    )
    days = settings.limits.days_kept if settings is not None else 0
    away = gone(store, days)

    def clear() -> str:
        return clear_up(store, days, lambda name: answer_of(RemoveOwn(dataset=name), owner=True)).text()

    label = f"Clear up after {len(away):,} visitors" if away else "Nothing to clear up"
    st.button(
        label, key="owner-tidy", disabled=not away,
        icon=":material/mop:", on_click=guarded, args=("clear up", clear),
        help=f"Visitors who have not signed in and were not here for {days} days: their runs and data go. "
        "The worker does it by itself every hour.",
    )  # fmt: skip


def failures_panel() -> None:
    """What failed lately, and why."""
    rows: list[Failure] = failures(lab().store)
    card_header("Recent failures", f"{len(rows)}" if rows else "")
    if not rows:
        st.caption("Nothing has failed.")
        return
    lines = "".join(
        f"<tr><td>{time.strftime('%d %b %H:%M', time.gmtime(row.ended))}</td>"
        f"<td>{html.escape(row.preset or 'run')} · {html.escape(row.arm or row.id[:8])}</td>"
        f"<td style='white-space:normal;text-align:left'>{html.escape(row.reason)}</td></tr>"
        for row in rows
    )
    st.html(f"<div class=tl-scroll tabindex=0><table class=tl-table>{lines}</table></div>")


def limits_panel() -> None:
    """The limits that hold, with their names in the file."""
    settings = hosted()
    if settings is None:
        return
    card_header("Limits", "hosted.toml")
    lines = "".join(
        f"<tr><td><code>{name}</code></td><td>{getattr(settings.limits, name):,}</td>"
        f"<td style='white-space:normal;text-align:left'>{html.escape(field.description or '')}</td></tr>"
        for name, field in type(settings.limits).model_fields.items()
    )
    st.html(f"<div class=tl-scroll tabindex=0><table class=tl-table>{lines}</table></div>")
