"""The library of runs: the page."""

from __future__ import annotations

import streamlit as st

from tlcore.errors import LabError
from ui.library import executor
from ui.page import card, page_header
from ui.runs_actions import actions, detail, import_and_room, said, undo_bar
from ui.runs_compare import curves, differences, films
from ui.runs_lineage import lineage_graph
from ui.runs_reach import library, reach_all
from ui.runs_table import chosen_runs, filters, runs_table
from ui.sharing import has_links, shared_links


def main() -> None:
    """Draw the page from its address."""
    page_header(
        "Runs",
        "Every run is kept: find it, name it, compare it with others, open it again, take it to another lab.",
        tour="runs",
    )
    try:
        draw()
    except LabError as error:
        st.error(str(error))


def draw() -> None:
    """The table, and below it what was chosen."""
    executor().store.purge()  # what was deleted longer ago than it can be brought back
    said()
    undo_bar()
    wanted = filters(library().choices())
    runs_table(library(), wanted, str(st.session_state.get("_runs_version", 0)))
    entries = library().named(chosen_runs(), wanted.metric)
    if entries:
        views, problems = reach_all([entry.id for entry in entries])
        for problem in problems:
            st.warning(problem)
        actions(entries, views)
        read = {view.run.id for view in views}
        readable = [entry for entry in entries if entry.id in read]
        if len(views) == 1 and len(entries) == 1:
            with card("runs-detail"):
                detail(readable[0], views[0])
        elif len(views) > 1:
            with card("runs-differences"):
                differences(readable, views)
        if views:
            with card("runs-curves"):
                curves(readable, views)
            films(readable, views)
            lineage_graph([view.run.id for view in views])
    else:
        st.caption("Mark one run to see and name it, or several to compare them.")
    if has_links():
        with card("runs-links"):
            shared_links()
    with card("runs-import"):
        import_and_room()


main()
