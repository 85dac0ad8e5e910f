"""Which own pictures an experiment runs on, and through which network, for presets that wait for somebody's own."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import streamlit as st

from tlcore.catalogue import data_folder
from tlcore.errors import LabError
from tlcore.execution.questions import ask
from tlcore.specs import OwnPictures, Pretrained
from tlcore.specs.architectures import ARCHITECTURES
from tlcore.specs.own_data import ListOwn
from ui.background import lively
from ui.data_pieces import pieces_style, quiet
from ui.experiment import Experiment, forget_contents
from ui.own_data import bring
from ui.page import card, card_header
from ui.visitor import scope

PICTURES, NETWORK = "data.target", "network.architecture"
PHOTOGRAPH_SIDE = 224  # what published weights were trained on


def own_choice(
    experiment: Experiment, *, offer: str = "", fewest_classes: int = 1, usual_side: int = PHOTOGRAPH_SIDE,
    trained: str = "Train shows the curve on them; what has finished can be tried on a new picture below and taken "
    "along.",
) -> None:  # fmt: skip
    """A card to choose among the pictures on this machine, to bring others, and to pick the network that reads them.

    offer: its heading where the experiment is on other data, and the card is folded; without, there is no card then.
    fewest_classes: only sets of so many are shown. usual_side: the size of pictures that is offered first. trained:
    what Train does with them.
    """
    targets = [getattr(spec.data, "target", None) for spec in experiment.arms.values()]
    present = next((data for data in targets if isinstance(data, OwnPictures)), None)
    if present is None and not offer:
        return
    try:
        pictures = [entry for entry in own_sets() if entry.get("kind") == "pictures"]
    except LabError as error:
        st.error(str(error))
        return
    names = [str(entry["name"]) for entry in pictures if len(entry["classes"]) >= fewest_classes]
    pieces_style()
    with card("own-choice"), st.expander(offer) if present is None else st.container():
        if present is not None:
            card_header("Your pictures", f"{len(names)} set{'s' * (len(names) != 1)} on this machine")
        present = present or OwnPictures()
        with st.container(horizontal=True, vertical_alignment="bottom", key="own-choice-row"):
            _pictures(experiment, present, names)
            _network(experiment)
        quiet(_standing(present, names, trained, fewest_classes))
        lacks = not names and not _beside(present.dataset)
        with st.expander("Bring pictures: a zip with one folder for each class", expanded=lacks):
            lively(lambda: bring(usual_side=usual_side, imported=lambda name: _use(experiment, name)), "own-bring")


def _pictures(experiment: Experiment, present: OwnPictures, names: list[str]) -> None:
    chosen = st.selectbox(
        "Pictures to learn from", names, index=names.index(present.dataset) if present.dataset in names else None,
        placeholder="Choose", key=f"own-choice-{present.dataset}", disabled=not names, width=322,
    )  # fmt: skip
    if chosen and chosen != present.dataset:
        _use(experiment, chosen)


def _network(experiment: Experiment) -> None:
    networks = (spec.network for spec in experiment.arms.values())
    network = next((found for found in networks if isinstance(found, Pretrained)), None)
    if network is None:
        return
    here = _weights_here()
    names = sorted(ARCHITECTURES, key=lambda name: (name not in here, ARCHITECTURES[name].megabytes))

    def words(name: str) -> str:
        row = ARCHITECTURES[name]
        place = "here" if name in here else f"{row.megabytes:,.0f} MB to fetch"
        return f"{name} · {place} · {row.accuracy:.0%} on ImageNet"

    chosen = st.selectbox(
        "Network that reads them", names, index=names.index(network.architecture), format_func=words, width=372,
        key=f"own-network-{network.architecture}", help="With weights that were trained on ImageNet's photographs.",
    )  # fmt: skip
    if chosen != network.architecture:
        _change(experiment, NETWORK, chosen)


def _standing(present: OwnPictures, names: list[str], trained: str, fewest_classes: int) -> str:
    """What is chosen, or what to do."""
    if present.dataset in names:
        return trained
    if present.dataset and _beside(present.dataset):
        return f"The folder “{present.dataset}” in the data folder is taken over when you press Train."
    if names:
        return "Choose some of those on this machine, or bring others."
    enough = f" with {fewest_classes} classes or more" if fewest_classes > 1 else ""
    return f"There are none{enough} on this machine yet: bring a zip with one folder for each class."


def _beside(dataset: str) -> bool:
    """Whether whoever runs this machine has put a folder of that name among the data."""
    return bool(dataset) and (data_folder() / dataset).is_dir()


def _use(experiment: Experiment, dataset: str) -> None:
    _sets_for.clear()
    forget_contents()
    _change(experiment, PICTURES, OwnPictures(dataset=dataset).canonical_json())


def _change(experiment: Experiment, path: str, value: str) -> None:
    replace(experiment, changes={**experiment.changes, path: value}, forks=()).write_address()
    st.rerun()


def _weights_here() -> set[str]:
    """Networks whose published weights torchvision has put on this machine already. Those with several published
    weights are left out: which of them a file holds, only torchvision knows."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = Path(os.environ.get("TORCH_HOME") or f"{cache}/torch").expanduser()
    files = {path.name.rpartition("-")[0] for path in (home / "hub" / "checkpoints").glob("*.pth")}
    return {name for name, row in ARCHITECTURES.items() if name in files and len(row.published) == 1}


def own_sets() -> list[dict]:
    """A summary of each own data set that whoever looks may use. Raises LabError."""
    return _sets_for(scope())


@st.cache_data(ttl=10, show_spinner=False, max_entries=1000)
def _sets_for(visitor: str) -> list[dict]:
    found: list[dict] = ask(ListOwn())
    return found
