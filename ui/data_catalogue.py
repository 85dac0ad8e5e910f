"""The catalogue on the Data page: every data set with its pictures, its facts, and how to get it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from tlcore.catalogue import Entry, Listing, find_entry, listing, readable_size, spec_of
from tlcore.catalogue.characters import CHARACTERS, DIGITS
from tlcore.catalogue.samples import picture_samples
from tlcore.execution.questions import ask
from tlcore.specs.questions import FetchSet
from ui.background import background, look, peek
from ui.data_pieces import (
    balance,
    chips,
    empty,
    facts,
    plain_label,
    points,
    quiet,
    remember,
    said,
    spec_code,
    spec_names,
    strip,
    waiting,
)  # fmt: skip
from ui.visitor import is_owner

FETCH = "TLCORE_FETCH"
SHIPPED = Path(__file__).parent / "assets" / "samples"
PICTURES = 20
ANY = "any"
KINDS = ("digits", "characters", "photographs", "points")
STATES = {
    "embedded": ("embedded", "green"),
    "on disk": ("on disk", "blue"),
    "to download": ("would be downloaded", "gray"),
    "by hand": ("to be brought by hand", "gray"),
}
CLASSES = {"up to 10": (0, 10), "11 to 100": (11, 100), "more than 100": (101, 10**9)}


def catalogue_section() -> None:
    """Filters, and the data sets they leave; one that is opened tells all that is known of it."""
    rows = listing()
    wanted = _filters()
    shown = [row for row in rows if _fits(row, **wanted)]
    here = sum(row.state in ("embedded", "on disk") for row in rows)
    quiet(f"{len(shown)} of {len(rows)} data sets · {here} can be used at once on this machine")
    if not shown:
        empty("No data set fits these filters: take one of them back.")
    with st.container(gap="xsmall"):
        for row in shown:
            _data_set(row)


def _filters() -> dict[str, str]:
    """The word looked for and the three choices, from the address and back into it."""
    address = st.query_params
    options = {"kind": (ANY, *KINDS), "state": (ANY, *STATES), "classes": (ANY, *CLASSES)}
    for name, choices in options.items():
        if f"filter-{name}" not in st.session_state:
            given = address.get(name, ANY)
            st.session_state[f"filter-{name}"] = given if given in choices else ANY
    if "filter-word" not in st.session_state:
        st.session_state["filter-word"] = address.get("q", "")[:60]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        word = st.text_input(
            "Search", key="filter-word", placeholder="a name, a class, a word", type="search", live=True, max_chars=60,
            width=250, persist_state="session",
        )  # fmt: skip
        kind = st.selectbox("Kind", options["kind"], key="filter-kind", width=170, persist_state="session")
        state = st.selectbox(
            "Where it is", options["state"], key="filter-state", width=170, persist_state="session",
            format_func=lambda name: STATES[name][0] if name in STATES else name,
        )  # fmt: skip
        classes = st.selectbox("Classes", options["classes"], key="filter-classes", width=170, persist_state="session")
    wanted = {"kind": kind, "state": state, "classes": classes}
    remember(q=word or None, **{name: None if value == ANY else value for name, value in wanted.items()})
    return {"word": word or "", **wanted}


def kind_of(entry: Entry) -> str:
    """Digits, characters, photographs or points."""
    if entry.channels == 0:
        return "points"
    if entry.class_names == DIGITS:
        return "digits"
    return "characters" if entry in CHARACTERS and entry.name != "fashion-mnist" else "photographs"


def _fits(row: Listing, *, word: str, kind: str, state: str, classes: str) -> bool:
    entry = row.entry
    text = " ".join((entry.name, entry.title, entry.lead, *entry.class_names)).casefold()
    low, high = CLASSES.get(classes, (0, 10**9))
    return (
        all(part in text for part in word.casefold().split())
        and kind in (ANY, kind_of(entry))
        and state in (ANY, row.state)
        and low <= entry.class_count <= high
    )


def _data_set(row: Listing) -> None:
    entry = row.entry
    title, colour = STATES[row.state]
    size = f" · {readable_size(row.missing)}" if row.missing else ""
    label = (
        f"**{plain_label(entry.title)}** :{colour}-badge[{title}{plain_label(size)}] "
        f":gray[{entry.class_count:,} classes · {plain_label(_count(entry))}]"
    )
    key = f"set-{entry.name}"
    if key not in st.session_state and st.query_params.get("set") == entry.name:
        st.session_state[key] = True
    body = st.expander(label, key=key, on_change=partial(_opened, entry.name))
    if body.open:
        with body:
            _details(row)


def _opened(name: str) -> None:
    """Whoever opens one data set closes the others; the address names the open one."""
    if st.session_state.get(f"set-{name}"):
        for key in list(st.session_state):
            if str(key).startswith("set-") and key != f"set-{name}":
                st.session_state[key] = False
        remember(set=name)
    else:
        remember(set=None)


def _count(entry: Entry) -> str:
    count = f"{entry.train + entry.test:,}"
    return f"{count} {entry.pixels}" if entry.channels == 0 else f"{count} pictures · {entry.pixels}"


def _details(row: Listing) -> None:
    entry = row.entry
    st.html(f'<p class="tl-words">{entry.lead}</p>')
    left, right = st.columns([3, 2], gap="medium")
    with left:
        names = _pictures(row)
        if names:
            chips(names)
    with right:
        _facts(row)
        _fetching(row)
    spec = spec_of(entry.name)
    st.code(f"python -m tlcore data show {entry.name}", language="bash", wrap_lines=True)
    imports = ", ".join(sorted(spec_names(spec)))
    st.code(f"from tlcore.specs import {imports}\n\ndata = {spec_code(spec)}", language="python", wrap_lines=True)


def _pictures(row: Listing) -> tuple[str, ...]:
    """Samples and how the classes are balanced; the names of the classes as far as they are known."""
    entry = row.entry
    if row.state not in ("embedded", "on disk"):
        empty(f"Pictures of {entry.title} can be seen once it is on this machine.")
        return entry.class_names
    shipped = shipped_samples(entry.name)
    if shipped is None:
        snapshot = look(f"catalogue samples {entry.name}", lambda report: picture_samples(entry.name, PICTURES))
        if not snapshot.done:
            waiting(snapshot, "Reading pictures")
            return entry.class_names
        if snapshot.error:
            said(snapshot.error, "warning")
            return entry.class_names
        shipped = snapshot.answer
    if shipped.get("points"):
        points(shipped["points"])
    else:
        strip(shipped["pictures"])
    names = tuple(shipped["class_names"])
    what = "points to learn from" if shipped.get("points") else "pictures to learn from"
    balance(shipped["counts"]["train"], names, what)
    return names


@st.cache_data(show_spinner=False)
def shipped_samples(name: str) -> Mapping[str, Any] | None:
    """Samples of an embedded data set that come with the lab, so that they are seen at once."""
    path = SHIPPED / f"{name}.json"
    if name not in ("moons", "digits", "photo-digits") or not path.is_file():
        return None
    found: Mapping[str, Any] = json.loads(path.read_text(encoding="ascii"))
    return found


def _facts(row: Listing) -> None:
    entry = row.entry
    parts = f"{entry.train:,}" + (f" and {entry.test:,} to test on" if entry.test else "; a test part is split off")
    rows = {
        "Examples": parts,
        "Classes": f"{entry.class_count:,}{'' if entry.balanced else ', not balanced'}",
        "Size": entry.pixels,
        "Licence": entry.licence,
        "Source": entry.url.split("//", 1)[-1].split("/", 1)[0],
        "Cite": entry.citation,
        "State": STATES[row.state][0],
    }
    if entry.download_size:
        rows["Download"] = readable_size(entry.download_size)
    facts(rows, link=("Source", entry.url))


def _fetching(row: Listing) -> None:
    """A button that downloads the set, the progress of a download that anybody has begun, or why there is neither."""
    entry = row.entry
    if row.state == "by hand":
        said(f"{entry.title} cannot be downloaded: {entry.by_hand} of the data folder of this machine.")
        return
    if row.state != "to download":
        return
    if os.environ.get(FETCH) == "0":
        quiet("Downloads are switched off on this server.")
        return
    if not is_owner():
        quiet("On this server its owner alone downloads data sets.")
        return
    snapshot = peek(f"fetch {entry.name}")
    if snapshot is not None and not snapshot.done:
        waiting(snapshot, f"Downloading {entry.title}")
        return
    if snapshot is not None and snapshot.error:
        said(snapshot.error, "error")
    st.button(
        "Try again" if snapshot and snapshot.error else f"Fetch ({readable_size(row.missing)})",
        key=f"fetch-{entry.name}", icon=":material/download:", on_click=partial(fetch, entry.name),
        help="Download it into the data folder of this machine, for everybody who uses the lab here.",
    )  # fmt: skip


def fetch(name: str) -> None:
    """Begin a download; it goes on whatever becomes of this visitor. Nothing where downloads are switched off."""
    if os.environ.get(FETCH) == "0" or not is_owner():
        return
    entry = find_entry(name)
    background().forget(f"fetch {entry.name}")
    background().forget(f"catalogue samples {entry.name}")
    question = FetchSet(dataset=entry.name)
    background().start(f"fetch {entry.name}", lambda report: ask(question, report=report), long=True)
