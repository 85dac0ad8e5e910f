"""Your own data sets on the Data page: what each holds, whether it is whole, and how to remove it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from uuid import uuid4

import streamlit as st

from tlcore.catalogue import data_folder
from tlcore.execution.questions import ask
from tlcore.specs import OwnFeatures, OwnPictures
from tlcore.specs.own_data import CheckOwn, ListOwn, RemoveOwn
from tlcore.specs.questions import LookAtData
from ui.background import background, look, peek
from ui.data_pieces import (
    balance,
    chips,
    count_table,
    empty,
    facts,
    plain_label,
    quiet,
    remember,
    said,
    spec_code,
    strip,
    waiting,
)  # fmt: skip
from ui.page import card_header

PICTURES = 20


def own_sets() -> list[dict[str, Any]]:
    """Summaries of all own data sets; while they are read anew, as they were last."""
    try:
        stamp = (data_folder() / "own").stat().st_mtime_ns
    except OSError:
        return []
    snapshot = look(f"own {data_folder()} {stamp}", lambda report: ask(ListOwn()))
    if snapshot.done and not snapshot.error:
        st.session_state["_own_sets"] = snapshot.answer
    found: list[dict[str, Any]] = st.session_state.get("_own_sets", [])
    return found


def own_sets_read() -> bool:
    """Whether `own_sets` has told this visitor all there is; there may be nothing to read."""
    return "_own_sets" in st.session_state or not (data_folder() / "own").is_dir()


def own_list(ways: Callable[[Mapping[str, Any]], None]) -> None:
    """Every own data set, with what can be done with it; ways: shows where one that is open can be learned from."""
    sets = own_sets()
    card_header("Yours", f"{len(sets)} on this machine" if sets else "")
    said_last = st.session_state.get("_own_said")
    if said_last:
        said(said_last)
    if not sets:
        empty("Nothing of your own is here yet. What you import appears in this place and among the pairs.")
    for one in sets:
        _own_set(one, ways)


def _own_set(one: Mapping[str, Any], ways: Callable[[Mapping[str, Any]], None]) -> None:
    name = one["name"]
    if one.get("problem"):
        with st.expander(f"**{plain_label(name)}** :red-badge[damaged]"):
            said(one["problem"], "error")
            _remove(name)
        return
    domains = [domain for domain in one["domains"] if domain]
    also = f" · {len(domains)} domains" if len(domains) > 1 else ""
    label = (
        f"**{plain_label(name)}** :violet-badge[yours] :gray[{len(one['classes']):,} classes · "
        f"{one['examples']:,} {'pictures' if one['kind'] == 'pictures' else 'examples'}{also}]"
    )
    key = f"own-{name}"
    if key not in st.session_state and st.query_params.get("own") == name:
        st.session_state[key] = True
    body = st.expander(label, key=key, on_change=partial(_opened, name))
    if not body.open:
        return
    with body:
        left, right = st.columns([3, 2], gap="medium")
        with left:
            _samples(one)
            chips(one["classes"])
        with right:
            pictures = one["kind"] == "pictures"
            facts(
                {
                    "Made from": one["title"],
                    "Size": f"{one['width']} × {one['width']}" if pictures else f"{one['width']:,} numbers",
                    "Domains": ", ".join(domains) or "one",
                    "Imported": one["imported"].replace("T", " ").replace("Z", " UTC"),
                    "Left out": f"{one['unreadable']:,} unreadable, {one['dropped']:,} the same"
                    if one["unreadable"] or one["dropped"]
                    else "nothing",
                    "Content": one["content"],
                }
            )
        for note in one["notes"]:
            said(note)
        count_table(one["counts"])
        ways(one)
        st.code(f"python -m tlcore data show {name}", language="bash", wrap_lines=True)
        kind = OwnPictures if pictures else OwnFeatures
        code = spec_code(kind(dataset=name))
        st.code(f"from tlcore.specs import {kind.__name__}\n\ndata = {code}", language="python", wrap_lines=True)
        with st.container(horizontal=True, gap="small"):
            st.button("Check", key=f"check-{name}", icon=":material/task_alt:", on_click=partial(_begin_check, one),
                      help="Read every row once.")  # fmt: skip
            _remove(name)
        _checked(one)


def _opened(name: str) -> None:
    remember(own=name if st.session_state.get(f"own-{name}") else None)


def _samples(one: Mapping[str, Any]) -> None:
    counts: dict[str, int] = {}
    for row in one["counts"]:
        counts[row["class"]] = counts.get(row["class"], 0) + row["count"]
    if one["kind"] == "pictures":
        question = LookAtData(data=OwnPictures(dataset=one["name"], content=one["content"]), pictures=PICTURES)
        snapshot = look(f"samples {one['name']} {one['content']}", lambda report: ask(question, report=report))
        if not snapshot.done:
            waiting(snapshot, "Reading pictures")
        elif snapshot.error:
            said(snapshot.error, "warning")
        else:
            strip(snapshot.answer["pictures"])
    what = "pictures in all" if one["kind"] == "pictures" else "examples in all"
    balance([counts.get(label, 0) for label in one["classes"]], one["classes"], what)


def _check_key(one: Mapping[str, Any]) -> str:
    return f"check {one['name']} {one['content']}"


def _begin_check(one: Mapping[str, Any]) -> None:
    background().forget(_check_key(one))
    background().start(_check_key(one), lambda report: ask(CheckOwn(dataset=one["name"]), report=report))


def _checked(one: Mapping[str, Any]) -> None:
    snapshot = peek(_check_key(one))
    if snapshot is None:
        return
    if not snapshot.done:
        waiting(snapshot, "Reading every row")
    elif snapshot.error:
        said(snapshot.error, "error")
    else:
        said(f"{one['name']} is complete and readable.")


def _remove(name: str) -> None:
    """A button that asks once."""
    with st.popover("Remove", icon=":material/delete:", key=f"remove-{name}"):
        quiet(f"{name} is deleted for everybody on this machine. The files it was made from stay.")
        st.button("Yes, remove it", key=f"remove-yes-{name}", on_click=partial(_removed, name))


def _removed(name: str) -> None:
    key = f"remove {name} {uuid4().hex}"
    background().start(key, lambda report: ask(RemoveOwn(dataset=name), report=report))
    st.session_state["_own_removing"] = (name, key)
    st.session_state.pop("_own_said", None)


def removal() -> None:
    """Take note of what became of a removal that this visitor asked for; `own_list` says it."""
    name, key = st.session_state.get("_own_removing", ("", ""))
    snapshot = peek(key) if key else None
    if snapshot is None:
        return
    if not snapshot.done:
        waiting(snapshot, f"Removing {name}")
        return
    del st.session_state["_own_removing"]
    st.session_state["_own_said"] = snapshot.error or f"{name} is removed."
    if not snapshot.error:
        remember(own=None)
