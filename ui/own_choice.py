"""Which own pictures an experiment runs on, for presets that wait for somebody's own."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from tlcore.errors import LabError
from tlcore.execution.questions import ask
from tlcore.specs import OwnPictures
from tlcore.specs.own_data import ListOwn
from ui.experiment import Experiment
from ui.page import card, card_header
from ui.visitor import scope

PLACE = "data.target"
DATA_PAGE = Path(__file__).parents[1] / "pages" / "data.py"


def own_choice(experiment: Experiment) -> None:
    """A card to choose among the pictures on this machine, with the way to bring others; for other presets nothing."""
    targets = [getattr(spec.data, "target", None) for spec in experiment.arms.values()]
    present = next((data for data in targets if isinstance(data, OwnPictures)), None)
    if present is None:
        return
    try:
        entries = [entry for entry in own_sets() if entry.get("kind") == "pictures"]
    except LabError as error:
        st.error(str(error))
        return
    names = [str(entry["name"]) for entry in entries]
    with card("own-choice"):
        card_header("Your pictures", f"{len(names)} on this machine")
        if not names:
            st.write("There are none on this machine yet: bring a zip with one folder for each class.")
        else:
            chosen = st.selectbox(
                "Pictures to learn from", names,
                index=names.index(present.dataset) if present.dataset in names else None,
                placeholder="Choose", key=f"own-choice-{present.dataset}", label_visibility="collapsed",
            )  # fmt: skip
            if chosen and chosen != present.dataset:
                document = OwnPictures(dataset=chosen).canonical_json()
                changes = {**experiment.changes, PLACE: document}
                Experiment(experiment.preset, changes, experiment.seeds, experiment.seed).write_address()
                st.rerun()
        st.page_link(DATA_PAGE, label="Bring pictures on the Data page", icon=":material/upload:")


def own_sets() -> list[dict]:
    """A summary of each own data set that whoever looks may use. Raises LabError."""
    return _sets_for(scope())


@st.cache_data(ttl=10, show_spinner=False, max_entries=1000)
def _sets_for(visitor: str) -> list[dict]:
    found: list[dict] = ask(ListOwn())
    return found
