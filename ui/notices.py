"""What a page has to say about its runs and their results: which notices are shown, in which order."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable
from itertools import groupby

import streamlit as st

from tlcore.runs.records import Notice
from ui.terms import marked

MOST_ALIKE = 3
_ICONS = {"info": "ℹ", "warning": "▲", "error": "✕"}
_LEVELS = {"error": 0, "warning": 1, "info": 2}
# What becomes of the domain head: a later finding takes the place of an earlier one.
_EITHER = dict.fromkeys(("aligned", "dead_domain_head", "fooled_domain_head", "domain_head_wins"), "alignment")
_MINUS = re.compile(r"(?<=\s)-(?=\d)")
_FAMILIES = {"tasks-conflict-": "{} more pairs of tasks do so as well."}


def notices_shown(notices: Iterable[Notice]) -> list[Notice]:
    """The gravest first: those of results (step 0), then those of runs, the latest first.

    The same code is said once, with its latest step; of codes that cannot be true together the latest; and of many
    alike a few, with how many more there are.
    """
    latest = {
        _EITHER.get(notice.code, notice.code): notice for notice in sorted(notices, key=lambda notice: notice.step)
    }
    ordered = sorted(
        latest.values(),
        key=lambda notice: (_LEVELS.get(notice.level, len(_LEVELS)), -notice.step if notice.step else -math.inf),
    )
    shown: list[Notice] = []
    for family, alike in groupby(ordered, key=lambda notice: next(filter(notice.code.startswith, _FAMILIES), "")):
        several = list(alike)
        kept = several[:MOST_ALIKE] if family else several
        shown += kept
        if len(several) > len(kept):
            shown.append(Notice(0, kept[-1].level, family, _FAMILIES[family].format(len(several) - len(kept))))
    return shown


def notice_box(notices: Iterable[Notice]) -> None:
    """Draw them; nothing where there are none."""
    rows = "".join(map(_row, notices_shown(notices)))
    if rows:
        st.html(rows)


def _row(notice: Notice) -> str:
    text = marked(html.escape(_MINUS.sub("−", notice.text)))
    return (
        f'<div class="tl-notice" data-level="{html.escape(notice.level, quote=True)}" '
        f'role="{"alert" if notice.level == "error" else "status"}">'
        f"<i aria-hidden=true>{_ICONS.get(notice.level, '·')}</i>{text} "
        f"<span>{f'step {notice.step:,}' if notice.step else ''}</span></div>"
    )
