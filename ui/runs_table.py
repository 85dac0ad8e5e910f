"""The table of every run: filters, order, pages, and which runs are chosen."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import astuple
from datetime import UTC, datetime, tzinfo
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas
import streamlit as st

from tlcore.runs.library import Choices, Entry, Library, Wanted

PAGE_SIZE = 25
MOST_CHOSEN = 60
ORDERS = {
    "Newest": ("created", True), "Oldest": ("created", False), "Name": ("name", False), "Preset": ("preset", False),
    "Arm": ("arm", False), "Seed": ("seed", False), "State": ("state", False), "Longest": ("duration", True),
    "Best": ("metric", True), "Worst": ("metric", False), "Stars first": ("starred", True),
}  # fmt: skip
MAIN = "main result"
MAIN_HELP = "Accuracy on the target; among unseen classes; of clusters adjusted mutual information with the classes."
STATES = ("queued", "running", "finished", "stopped", "failed")
Option = TypeVar("Option", str, int)
ORIGINS = {"All": "", "Trained here": "own", "Recorded": "recorded"}


def chosen_runs() -> list[str]:
    """The runs that are chosen, as the address has them."""
    return list(dict.fromkeys(st.query_params.get_all("run")))[:MOST_CHOSEN]


def choose(run_ids: list[str]) -> None:
    """Choose these runs."""
    if run_ids:
        st.query_params["run"] = run_ids[:MOST_CHOSEN]
    else:
        st.query_params.pop("run", None)


def filters(choices: Choices) -> Wanted:
    """Draw the filters and return what they ask for; they are in the address as well.

    Whoever leaves this page leaves them behind: Streamlit takes the names away from the next page's address, so they
    must be names that no other page has.
    """
    with st.container(horizontal=True, vertical_alignment="bottom", key="runs-filters"):
        text = st.text_input(
            "Search", placeholder="name, note, tag, …", key="text", icon=":material/search:",
            max_chars=200, width=190, bind="query-params",
        )  # fmt: skip
        presets = _any_of("Preset", choices.presets, "only_preset", 140)
        arms = _any_of("Arm", choices.arms, "only_arm", 110)
        states = _any_of("State", STATES, "only_state", 110)
        tags = _any_of("Tag", choices.tags, "only_tag", 100)
        seeds = _any_of("Seed", choices.seeds, "only_seed", 84)
    with st.container(horizontal=True, vertical_alignment="bottom", key="runs-order"):
        metric = st.selectbox(
            "Metric shown", (MAIN, *choices.metrics), key="metric_shown", width=230, bind="query-params", help=MAIN_HELP
        )
        order = st.selectbox("Order", list(ORDERS), key="order", width=140, bind="query-params")
        origin = st.segmented_control("From", list(ORIGINS), default="All", key="from", bind="query-params")
        starred = st.toggle("Starred only", key="starred", bind="query-params")
    sort, descending = ORDERS[order]
    return Wanted(
        text or "", tuple(presets), tuple(arms), tuple(states), tuple(seeds), tuple(tags), starred,
        ORIGINS[origin or "All"], "" if metric == MAIN else metric, sort, descending,
    )  # fmt: skip


def _any_of(label: str, options: Sequence[Option], key: str, width: int) -> list[Option]:
    """One filter: none chosen is any."""
    return st.multiselect(label, options, key=key, width=width, placeholder="any", bind="query-params")


def runs_table(library: Library, wanted: Wanted, version: str) -> None:
    """Draw one page of the runs that are wanted; rows that are marked are chosen, also those of other pages.

    version: changes with what the store holds; until then the table stays in place.
    """
    marks = hashlib.sha256(repr(astuple(wanted)).encode()).hexdigest()[:10]
    asked = st.session_state.get(f"runs-page-{marks}", 1)
    found = library.page(wanted, limit=PAGE_SIZE, offset=(asked - 1) * PAGE_SIZE)
    entries, count = found.entries, found.total
    if not count:
        _nothing(wanted)
        return
    page, pages = found.offset // PAGE_SIZE + 1, -(-count // PAGE_SIZE)
    chosen = chosen_runs()
    here = [entry.id for entry in entries]
    # Rows are chosen by their place: another list of runs must be another table.
    places = hashlib.sha256(" ".join([*here, version]).encode()).hexdigest()[:12]
    key = f"runs-table-{places}"

    zone = zone_of(st.context.timezone)

    def on_select() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        marked = [here[row] for row in rows if row < len(here)]
        kept = [run_id for run_id in chosen_runs() if run_id not in here or run_id in marked]
        choose([*kept, *(run_id for run_id in marked if run_id not in kept)])

    st.dataframe(
        frame(entries, wanted.metric, library.titles, zone), key=key, on_select=on_select, selection_mode="multi-row",
        selection_default={"selection": {"rows": [here.index(one) for one in chosen if one in here]}},
        row_height=34, height=min(38 + 34 * len(entries), 560), column_config=_columns(wanted.metric, zone),
        placeholder="–", hide_index=True,
        alt=f"Runs {(page - 1) * PAGE_SIZE + 1} to {(page - 1) * PAGE_SIZE + len(entries)} of {count}",
    )  # fmt: skip
    with st.container(horizontal=True, vertical_alignment="center", key="runs-paging"):
        first = (page - 1) * PAGE_SIZE + 1
        st.caption(f"{first:,}–{first + len(entries) - 1:,} of {count:,} runs", width="content")
        if pages > 1:
            # One value for both buttons and the number: a page that does not exist cannot be reached.
            for label, to in (("Previous", page - 1), ("Next", page + 1)):
                st.button(
                    label, disabled=not 1 <= to <= pages, key=f"runs-{label}",
                    on_click=lambda to=to: st.session_state.__setitem__(f"runs-page-{marks}", to),
                )  # fmt: skip
            st.caption(f"page {page:,} of {pages:,}", width="content")
        if chosen:
            st.button(
                f"Choose none ({len(chosen)})", on_click=_forget, args=(key,), key="runs-none", icon=":material/close:"
            )


def _forget(key: str) -> None:
    st.session_state.pop(key, None)
    st.session_state["_runs_version"] = st.session_state.get("_runs_version", 0) + 1  # a table without marks
    choose([])


def _nothing(wanted: Wanted) -> None:
    if wanted == Wanted(metric=wanted.metric, sort=wanted.sort, descending=wanted.descending):
        st.info("No run yet. Open a page, press Train, and every run you make is kept here.")
    else:
        st.info("No run matches these filters. Take one of them away, or search for fewer words.")


def zone_of(name: str | None) -> tzinfo:
    """The time zone of that name, as the browser tells it; of one that is not known here, or not told, UTC."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return UTC


def frame(entries: Sequence[Entry], metric: str, titles: Mapping[str, str], zone: tzinfo = UTC) -> pandas.DataFrame:
    """The entries as the table shows them. titles: what presets are called on their pages. zone: of who looks."""
    return pandas.DataFrame({
        "★": ["★" if entry.starred else "" for entry in entries],
        "Run": [entry.name or titles.get(entry.preset or "") or entry.preset or entry.method for entry in entries],
        "Arm": [entry.arm or entry.method for entry in entries],
        "Seed": [entry.seed for entry in entries],
        "State": [_state(entry) for entry in entries],
        metric or MAIN: [entry.metric for entry in entries],
        "When": [datetime.fromtimestamp(entry.ended or entry.created, zone) for entry in entries],
        "From": ["recorded" if entry.recorded else "imported" if entry.imported else "here" for entry in entries],
        "Tags": [list(entry.tags) for entry in entries],
        "Trained": [f"{entry.seconds:,.0f} s" for entry in entries],
        "Preset": [entry.preset or "" for entry in entries],
        "Identity": [entry.id[:8] for entry in entries],
    })  # fmt: skip


def _state(entry: Entry) -> str:
    if entry.state == "running":
        return f"running, {entry.step / max(entry.steps, 1):.0%}"
    return entry.state


def _columns(metric: str, zone: tzinfo) -> dict[str, object]:
    config = st.column_config
    metric = metric or MAIN
    form = "percent" if metric.endswith("accuracy") else "%.3f" if metric == MAIN else "%.4g"
    return {
        "★": config.TextColumn(width=28),
        "Run": config.TextColumn(width=230),
        "Arm": config.TextColumn(width=120),
        "Seed": config.NumberColumn(width=52),
        "State": config.TextColumn(width=96),
        metric: config.NumberColumn(metric.replace("_", " "), format=form, width=120),
        "Tags": config.ListColumn(width=130),
        "When": config.DatetimeColumn(
            "When (UTC)" if zone is UTC else "When",
            format="D MMM YYYY, HH:mm",
            width=140,
            help=f"When it ended, or was asked for; time zone: {zone}.",
        ),
        "Trained": config.TextColumn(width=76),
        "From": config.TextColumn(width=80),
        "Preset": config.TextColumn(width=200),
        "Identity": config.TextColumn(width=84),
    }
