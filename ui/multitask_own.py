"""Which own table the multitask page learns, and which of its columns are the tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from tlcore.errors import LabError
from tlcore.presets import find_preset
from tlcore.presets.multitask import MOST_OF_YOURS, PAGE, YOURS, yours_named
from ui.experiment import Experiment
from ui.multitask_runs import tasks_of
from ui.own_choice import own_sets
from ui.page import card, card_header

DATA_PAGE = Path(__file__).parents[1] / "pages" / "data.py"


def own_table_card(experiment: Experiment) -> None:
    """A card to choose an own data set and its tasks, the main one first; for other presets nothing."""
    if experiment.preset.name.partition("@")[0] != YOURS:
        return
    try:
        entries = {str(one["name"]): one for one in own_sets() if one.get("tasks")}
    except LabError as error:
        st.error(str(error))
        return
    now = next((spec for arm, spec in experiment.arms.items() if arm == "shared"), next(iter(experiment.arms.values())))
    dataset = getattr(now.datasets()[0], "dataset", "")
    with card("own-table"):
        card_header("Your table", f"{len(entries)} data sets of your own on this machine")
        if entries:
            _choice(entries, dataset, tasks_of(now))
        else:
            st.write(
                "There is none on this machine yet: bring pictures with a table whose further columns are tasks, or a "
                "table of features."
            )
        st.page_link(DATA_PAGE, label="Bring data on the Data page", icon=":material/upload:")


def _choice(entries: Mapping[str, Mapping[str, Any]], dataset: str, now: Sequence[str]) -> None:
    names = list(entries)
    chosen = st.selectbox(
        "Data", names, index=names.index(dataset) if dataset in names else None, placeholder="Choose",
        key=f"own-table-{dataset}", width=320,
    )  # fmt: skip
    if not chosen:
        return
    told = {one["name"]: one for one in entries[chosen]["tasks"]}
    present = [task for task in now if task in told] if chosen == dataset else list(told)[:MOST_OF_YOURS]
    examples = int(entries[chosen]["examples"])

    def words(task: str) -> str:
        one = told[task]
        kind = f"{one['classes']} classes" if one["classes"] else "a quantity"
        known = "" if one["known"] == examples else f", {one['known']:,} of {examples:,} known"
        return f"{one['title']} ({kind}{known})"

    tasks = st.multiselect(
        "Tasks, the main one first", list(told), default=present, format_func=words, max_selections=MOST_OF_YOURS,
        key=f"own-tasks-{chosen}-{dataset}",
    )  # fmt: skip
    if len(told) == 1:
        st.caption(
            "This table has one column to learn. With more columns beside `file` and `label` there are more tasks; in "
            "a table of features their names begin with `task:`."
        )
    if st.button("Learn these", type="secondary", disabled=len(tasks) < 2, icon=":material/checklist:"):
        name = yours_named(chosen, tasks, features=entries[chosen]["kind"] == "features")
        Experiment(find_preset(f"{PAGE}/{name}"), {}).write_address()
        st.rerun()
