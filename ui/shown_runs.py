"""The runs that a page shows: which they are, and what became of those that did not finish."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from tlcore.runs import Notice, Run
from ui.library import RunView

MOST_ENDED = 3  # of one kind that are told one by one
_ENDINGS = {"failed": ("error", "failed"), "stopped": ("info", "was stopped; Train goes on from its last checkpoint")}


def run_lines(
    shown: Mapping[str, RunView], title: Callable[[str], str], *, missing: Sequence[str] = (), seed: str = "seed"
) -> None:  # fmt: skip
    """Which runs these are, each with its link. shown: by arm. missing: arms that ought to stand beside them and have
    no run. seed: what the page calls a seed."""
    if not shown:
        return
    rows = [f"{html.escape(title(arm))}: not trained yet" for arm in missing]
    for arm, view in shown.items():
        name = f"<code>{view.run.id}</code>"
        if not view.is_recorded:
            name = f'<a href="runs?run={view.run.id}" target="_self">{name}</a>'
        seconds = f", {view.run.seconds:.0f} s" if view.run.seconds else ""
        kind = "recorded" if view.is_recorded else view.run.state
        rows.append(f"{html.escape(title(arm))}: run {name}, {seed} {view.run.spec.seed}, {kind}{seconds}")
    st.html(f'<p class="tl-runs">{" · ".join(rows)}</p>')


def ended_notices(views: Mapping[str, RunView | None], title: Callable[[str], str]) -> list[Notice]:
    """Which runs failed or were stopped, and why; of many the first, and how many more."""
    notices = []
    for state, (level, sentence) in _ENDINGS.items():
        ended: dict[str, tuple[str, Run]] = {}
        for arm, view in views.items():
            if view is not None and view.run.state == state:
                ended.setdefault(view.run.id, (arm, view.run))  # under several names it ended once all the same
        for arm, run in [*ended.values()][:MOST_ENDED]:
            why = f": {run.reason}" if run.reason else "."
            notices.append(Notice(run.step, level, f"{state}-{arm}", f"{title(arm)} {sentence}{why}"))
        if len(ended) > MOST_ENDED:
            more = f"{len(ended) - MOST_ENDED} more runs {state} as well."
            notices.append(Notice(0, level, f"{state}-more", more))
    return notices
