"""Your own pictures and features on the Data page: look first, then import."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import uuid4

import streamlit as st

from tlcore.catalogue import ENTRIES
from tlcore.execution.questions import ask
from tlcore.specs.own_data import NAME, NAME_WORDS, ImportOwn, PreviewOwn
from tlcore.specs.questions import ListAllowed
from ui.background import Snapshot, background, look, peek
from ui.data_pieces import (
    bullets,
    count_table,
    empty,
    plain_label,
    quiet,
    remember,
    said,
    strip,
    waiting,
)  # fmt: skip
from ui.hosted_words import upload_megabytes, upload_refusal, upload_words
from ui.own_library import own_list, own_sets, removal
from ui.own_paths import learn_from
from ui.page import card, card_header
from ui.visitor import hosted, is_owner, scope

FOLDERS = "TLCORE_FOLDERS"
SIDES = (16, 28, 32, 48, 64, 96, 128, 224, 256)
USUAL_SIDE = 64
MOST_THUMBNAILS = 24
MOST_AT_ONCE = 2_000  # files chosen together; more of them belong into a zip
LAYOUT = """
- **Pictures:** a zip with one folder for each class, `dog/1.jpg`, `cat/2.jpg`; for several domains a folder around
  them, `photo/dog/…`, `sketch/dog/…`. Folders called `train`, `val` and `test` are kept as they are.
- **A table of pictures:** a CSV with the columns `file` and `label`, and if you like `domain` and `split`; further
  columns are more to be learned, and may have empty cells. It lies at the top of the zip, or is chosen together with
  its pictures.
- **Features:** NPZ with `X` and `y` (and, if you like, `domain`, `split`, `class_names`); Parquet or CSV with a column
  `label` and columns of numbers; `res101.mat` and `att_splits.mat`, chosen together or in one zip.
- Broken files are named and left out. Nothing is changed in what you bring.
"""


def own_section() -> None:
    """What somebody brings, and below it what is here already."""
    with card("bring"):
        card_header("Bring your own")
        bring()
    with card("yours"):
        own_list(learn_from)


def bring(*, usual_side: int = USUAL_SIDE, imported: Callable[[str], None] | None = None) -> None:
    """Look at what somebody brings, then import it. usual_side: the size of pictures that is offered first. imported:
    told the name once it is there; else the address names it."""
    removal()
    above = st.container()  # drawn last, for an import that has ended leaves a fresh uploader
    importing = st.session_state.get("_own_import")
    busy = bool(importing) and not _imported(*importing, imported)
    with above:  # also meanwhile: an uploader that is not drawn forgets its files
        source = _chosen()
    if busy:
        return
    failed = st.session_state.get("_own_failed")
    if failed:
        said(failed, "error")
    with st.expander("How to lay out your files"):
        st.markdown(LAYOUT)
    if source is None:
        return
    title, key, question, content = source
    snapshot = look(f"preview {key}", lambda report: ask(question, upload=content, report=report))
    if not snapshot.done:
        waiting(snapshot, f"Looking at {title}")
        return
    if snapshot.error:
        said(snapshot.error, "error")
        return
    _preview(snapshot.answer)
    _form(snapshot.answer, question, content, usual_side)


def _chosen() -> tuple[str, str, PreviewOwn, dict[str, bytes] | None] | None:
    """What is to be looked at: title, a key for it, the question, and the files if they are uploaded."""
    round_ = st.session_state.setdefault("_own_round", 0)
    visitor = st.session_state.setdefault("_own_visitor", uuid4().hex)
    folders = is_owner() and os.environ.get(FOLDERS, "").strip()
    ways = ["Upload", "A folder of this server"] if folders else ["Upload"]
    way = ways[0]
    if len(ways) > 1:
        way = st.segmented_control("From", ways, default=ways[0], required=True, key="own-way",
                                   label_visibility="collapsed", persist_state="session")  # fmt: skip
    if way == "Upload":
        return _uploaded(f"{visitor} {round_}")
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
        format_func=lambda path: rows[path]["name"], on_change=_begin_anew,
    )  # fmt: skip
    if path is None:
        return None
    return rows[path]["name"], f"{visitor} {round_} {path}", PreviewOwn(path=path), None


def _begin_anew() -> None:
    st.session_state.pop("_own_failed", None)  # it told of what was chosen before


def _uploaded(place: str) -> tuple[str, str, PreviewOwn, dict[str, bytes]] | None:
    """What was uploaded: one file, or several that belong together."""
    refusal = upload_refusal()
    uploads = st.file_uploader(
        "A zip of pictures, a table with its pictures, or features (NPZ, Parquet, CSV, both .mat files)",
        accept_multiple_files=True, key=f"own-upload-{place}", max_upload_size=upload_megabytes(),
        on_change=_begin_anew, disabled=refusal is not None, help=refusal,
    )  # fmt: skip
    if refusal or upload_words():
        quiet(refusal or upload_words())
    if not uploads:
        return None
    names = [upload.name for upload in uploads]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        said(f"Two of the files are called {twice[:120]}: take one of them out.", "error")
        return None
    if len(names) > MOST_AT_ONCE:
        said(f"{len(names):,} files are too many to come one by one: put them into a zip.", "error")
        return None
    # A table names the others, and features come before their protocol.
    names.sort(key=lambda name: (not name.lower().endswith((".csv", ".tsv")), "split" in name.lower()))
    title, others = names[0], len(names) - 1
    if others:
        title = f"{title[:200]} with {others:,} more {'file' if others == 1 else 'files'}"
    key = f"{place} {' '.join(upload.file_id for upload in uploads)}"
    content = {upload.name: upload.getvalue() for upload in uploads}
    return title, key, PreviewOwn(title=title[:300]), content


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
            for row in _first_of_each(seen["thumbnails"])
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


def _first_of_each(rows: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """At most `MOST_THUMBNAILS` rows in their order: the first of every class and domain before any second."""
    taken: Counter[tuple[str, str]] = Counter()
    ranked = []
    for place, row in enumerate(rows):
        key = (row["domain"], row["class"])
        ranked.append((taken[key], place))
        taken[key] += 1
    return [rows[place] for place in sorted(place for _, place in sorted(ranked)[:MOST_THUMBNAILS])]


def _files(words: str, count: int, rows: Sequence[Mapping[str, str]]) -> None:
    if count:
        with st.expander(f"{count:,} {'file' if count == 1 else 'files'} {words}", expanded=count <= 5):
            bullets([f"{row['file']}: {row['reason']}" for row in rows])


def _form(seen: Mapping[str, Any], looked_at: PreviewOwn, content: dict[str, bytes] | None, usual_side: int) -> None:
    """Name, size, Import."""
    round_ = st.session_state["_own_round"]
    there = {one["name"] for one in own_sets()}
    suggested = seen["suggested_name"]
    if suggested in ENTRIES:
        suggested = f"own-{suggested}"[:40]
    if hosted() is not None:  # many bring pictures of the same kind, and names are everybody's
        suggested = f"{suggested[:35]}-{scope()[:4]}"
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        # The key holds what was looked at, so that each brings its own suggestion.
        name = st.text_input(
            "Name", suggested, key=f"own-name-{round_}-{seen['title']}", max_chars=40, width=240,
            help="Small letters, digits, hyphens and underscores.",
        )  # fmt: skip
        side = usual_side
        if seen["kind"] == "pictures":
            side = st.selectbox(
                "Size", SIDES, index=SIDES.index(usual_side), key=f"own-side-{round_}", width=130,
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
        return f"{NAME_WORDS[0].upper()}{NAME_WORDS[1:]}."
    if name in ENTRIES:
        return f"{name} is a data set of the catalogue: take another name."
    return ""


def _begin_import(looked_at: PreviewOwn, content: dict[str, bytes] | None, name: str, side: int, replace: bool) -> None:
    question = ImportOwn(path=looked_at.path, title=looked_at.title, dataset=name, side=side, replace=replace)
    key = f"import {uuid4().hex}"
    background().start(key, lambda report: ask(question, upload=content, report=report), long=True)
    st.session_state["_own_import"] = (name, key)
    for last in ("_own_said", "_own_failed"):
        st.session_state.pop(last, None)


def _imported(name: str, key: str, imported: Callable[[str], None] | None) -> bool:
    """Whether something else can be brought; until then how far the import is."""
    snapshot: Snapshot | None = peek(key)
    if snapshot is not None and not snapshot.done:
        waiting(snapshot, f"Importing {name}")
        return False
    del st.session_state["_own_import"]
    if snapshot is None or snapshot.error:
        st.session_state["_own_failed"] = (snapshot and snapshot.error) or "The import was lost: begin it again."
        return True
    taken = snapshot.answer
    lost = len(taken["unreadable_files"])
    also = f"; {lost:,} {'file' if lost == 1 else 'files'} could not be read" if lost else ""
    st.session_state["_own_said"] = f"{name} is imported: {taken['examples']:,} examples{also}."
    st.session_state["_own_round"] += 1  # a fresh uploader
    st.session_state[f"own-{name}"] = True
    if imported:
        imported(name)
    else:
        remember(own=name)
    return True
