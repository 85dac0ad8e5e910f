"""Your own pictures and features on the Data page: look first, then import; check and remove what is there."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from uuid import uuid4

import streamlit as st

from tlcore.catalogue import ENTRIES, data_folder
from tlcore.execution.questions import ask
from tlcore.specs import OwnFeatures, OwnPictures
from tlcore.specs.own_data import NAME, CheckOwn, ImportOwn, ListOwn, PreviewOwn, RemoveOwn
from tlcore.specs.questions import ListAllowed, LookAtData
from ui.background import Snapshot, background, look, peek
from ui.data_pieces import (
    balance,
    bullets,
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
from ui.page import card, card_header

FOLDERS = "TLCORE_FOLDERS"
SIDES = (16, 28, 32, 48, 64, 96, 128, 224, 256)
USUAL_SIDE = 64
PICTURES = 20
LAYOUT = """
- **Pictures:** one folder for each class, `dog/1.jpg`, `cat/2.jpg`; for several domains a folder around them,
  `photo/dog/…`, `sketch/dog/…`. Folders called `train`, `val` and `test` are kept as they are.
- **A table** at the top of the zip or folder: a CSV with the columns `file` and `label`; further columns are kept
  as attributes.
- **Features:** NPZ with `X` and `y` (and, if you like, `domain`, `split`, `class_names`); Parquet with a column
  `label`; a folder with `res101.mat` and `att_splits.mat`.
- Broken files are named and left out. Nothing is changed in what you bring.
"""


def own_section() -> None:
    """What somebody brings, and below it what is here already."""
    with card("bring"):
        card_header("Bring your own")
        _bring()
    with card("yours"):
        own_list()


# What is here already ---------------------------------------------------------------------------------------------


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


def own_list() -> None:
    """Every own data set, with what can be done with it."""
    sets = own_sets()
    card_header("Yours", f"{len(sets)} on this machine" if sets else "")
    said_last = st.session_state.get("_own_said")
    if said_last:
        said(said_last)
    if not sets:
        empty("Nothing of your own is here yet. What you import appears in this place and among the pairs.")
    for one in sets:
        _own_set(one)


def _own_set(one: Mapping[str, Any]) -> None:
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
                    "Imported": one["imported"].replace("T", " ").rstrip("Z"),
                    "Left out": f"{one['unreadable']:,} unreadable, {one['dropped']:,} the same",
                    "Content": one["content"],
                }
            )
        for note in one["notes"]:
            said(note)
        count_table(one["counts"])
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


def _removal() -> None:
    """What became of a removal that this visitor asked for."""
    name, key = st.session_state.get("_own_removing", ("", ""))
    snapshot = peek(key) if key else None
    if snapshot is None:
        return
    if not snapshot.done:
        waiting(snapshot, f"Removing {name}")
        return
    del st.session_state["_own_removing"]
    if snapshot.error:
        said(snapshot.error, "error")
    else:
        st.session_state["_own_said"] = f"{name} is removed."
        remember(own=None)


# What somebody brings ---------------------------------------------------------------------------------------------


def _bring() -> None:
    _removal()
    importing = st.session_state.get("_own_import")
    if importing and not _imported(*importing):
        return
    source = _chosen()
    with st.expander("How to lay out your files"):
        st.markdown(LAYOUT)
    if source is None:
        return
    title, key, question, upload = source
    content = upload.getvalue() if upload is not None else None
    snapshot = look(f"preview {key}", lambda report: ask(question, upload=content, report=report))
    if not snapshot.done:
        waiting(snapshot, f"Looking at {title}")
        return
    if snapshot.error:
        said(snapshot.error, "error")
        return
    _preview(snapshot.answer)
    _form(snapshot.answer, question, content)


def _chosen() -> tuple[str, str, PreviewOwn, Any] | None:
    """What is to be looked at: title, a key for it, the question, and the upload if it is one."""
    round_ = st.session_state.setdefault("_own_round", 0)
    visitor = st.session_state.setdefault("_own_visitor", uuid4().hex)
    ways = ["Upload", "A folder of this server"] if os.environ.get(FOLDERS, "").strip() else ["Upload"]
    way = ways[0]
    if len(ways) > 1:
        way = st.segmented_control("From", ways, default=ways[0], required=True, key="own-way",
                                   label_visibility="collapsed", persist_state="session")  # fmt: skip
    if way == "Upload":
        upload = st.file_uploader(
            "A zip with one folder a class, or a file of features (NPZ, Parquet)", key=f"own-upload-{round_}"
        )
        if upload is None:
            return None
        return upload.name, f"{visitor} {upload.file_id}", PreviewOwn(title=upload.name[:300]), upload
    snapshot = look(f"allowed {visitor} {round_}", lambda report: ask(ListAllowed()))
    if not snapshot.done:
        waiting(snapshot, "Looking into the folders")
        return None
    if snapshot.error:
        said(snapshot.error, "error")
        return None
    rows = {row["path"]: row for row in snapshot.answer}
    if not rows:
        empty("The folders that the owner of this server has allowed are not there, or empty.")
        return None
    path = st.selectbox(
        "Folder or file", list(rows), index=None, key=f"own-folder-{round_}", placeholder="choose one",
        format_func=lambda path: rows[path]["name"],
    )  # fmt: skip
    if path is None:
        return None
    return rows[path]["name"], f"{visitor} {round_} {path}", PreviewOwn(path=path), None


def _preview(seen: Mapping[str, Any]) -> None:
    """What would be imported."""
    what = "pictures" if seen["kind"] == "pictures" else "examples"
    domains = [domain for domain in seen["domains"] if domain]
    parts = [f"{seen['examples']:,} {what}", f"{len(seen['classes']):,} classes"]
    parts += [f"{len(domains):,} domains"] if len(domains) > 1 else []
    card_header(f"In {seen['title']}", " · ".join(parts))
    for problem in seen["problems"]:
        said(problem, "error")
    if seen["thumbnails"]:
        shown = [
            {"class": " · ".join(text for text in (row["class"], row["domain"]) if text), "image": row["image"]}
            for row in seen["thumbnails"][:24]
        ]
        strip(shown)
    count_table(seen["counts"])
    quiet(seen["split"]["text"])
    for note in seen["notes"]:
        said(note)
    _files("cannot be read", seen["unreadable_count"], seen["unreadable"])
    _files("left out", len(seen["left_out"]), seen["left_out"])
    for count, pairs, words in (
        (seen["exact_count"], seen["exact"], "are exactly the same"),
        (seen["near_count"], seen["near"], "look nearly the same"),
    ):
        if count:
            with st.expander(f"{count:,} {'pair' if count == 1 else 'pairs'} of pictures {words}"):
                bullets([f"{pair['first']} — {pair['second']} ({pair['between']})" for pair in pairs])


def _files(words: str, count: int, rows: Sequence[Mapping[str, str]]) -> None:
    if count:
        with st.expander(f"{count:,} {'file' if count == 1 else 'files'} {words}", expanded=count <= 5):
            bullets([f"{row['file']}: {row['reason']}" for row in rows])


def _form(seen: Mapping[str, Any], looked_at: PreviewOwn, content: bytes | None) -> None:
    """Name, size, Import."""
    round_ = st.session_state["_own_round"]
    there = {one["name"] for one in own_sets()}
    suggested = seen["suggested_name"]
    if suggested in ENTRIES:
        suggested = f"own-{suggested}"[:40]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        # The key holds what was looked at, so that each brings its own suggestion.
        name = st.text_input(
            "Name", suggested, key=f"own-name-{round_}-{seen['title']}", max_chars=40, width=240,
            help="Small letters, digits, hyphens and underscores.",
        )  # fmt: skip
        side = USUAL_SIDE
        if seen["kind"] == "pictures":
            side = st.selectbox(
                "Size", SIDES, index=SIDES.index(USUAL_SIDE), key=f"own-side-{round_}", width=130,
                format_func=lambda side: f"{side} × {side}",
                help="Pictures are kept as squares of so many pixels: small trains faster, 224 suits large networks.",
            )  # fmt: skip
        trouble = _trouble(name or "", there)
        replace = False
        if name in there:
            replace = st.checkbox(f"Put it in the place of {plain_label(name)}", key=f"own-replace-{round_}")
        st.button(
            "Import", type="primary", icon=":material/add_photo_alternate:", key="own-import",
            disabled=bool(seen["problems"] or trouble or (name in there and not replace)),
            on_click=partial(_begin_import, looked_at, content, name or "", side, replace),
        )  # fmt: skip
    if trouble:
        said(trouble, "warning")


def _trouble(name: str, there: set[str]) -> str:
    if not name or not re.fullmatch(NAME, name):
        return "A name has 1 to 40 small letters, digits, hyphens and underscores, with a letter or digit at each end."
    if name in ENTRIES:
        return f"{name} is a data set of the catalogue: take another name."
    return ""


def _begin_import(looked_at: PreviewOwn, content: bytes | None, name: str, side: int, replace: bool) -> None:
    question = ImportOwn(path=looked_at.path, title=looked_at.title, dataset=name, side=side, replace=replace)
    key = f"import {uuid4().hex}"
    background().start(key, lambda report: ask(question, upload=content, report=report), long=True)
    st.session_state["_own_import"] = (name, key)
    st.session_state.pop("_own_said", None)


def _imported(name: str, key: str) -> bool:
    """Whether something else can be brought; until then how far the import is."""
    snapshot: Snapshot | None = peek(key)
    if snapshot is not None and not snapshot.done:
        waiting(snapshot, f"Importing {name}")
        return False
    del st.session_state["_own_import"]
    if snapshot is None or snapshot.error:
        said(snapshot.error if snapshot and snapshot.error else "The import was lost: begin it again.", "error")
        return True
    taken = snapshot.answer
    lost = len(taken["unreadable_files"])
    also = f"; {lost:,} {'file' if lost == 1 else 'files'} could not be read" if lost else ""
    st.session_state["_own_said"] = f"{name} is imported: {taken['examples']:,} examples{also}."
    st.session_state["_own_round"] += 1  # a fresh uploader
    st.session_state[f"own-{name}"] = True
    remember(own=name)
    return True
