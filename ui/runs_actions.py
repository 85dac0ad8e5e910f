"""What can be done with chosen runs: names, notes, tags, stars, files, deletion with undo, and import."""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import streamlit as st

from tlcore.errors import InvalidRequest, LabError
from tlcore.exports import Source, View, content_of
from tlcore.exports.tracking import log_to_mlflow, tracking_available
from tlcore.runs import Run
from tlcore.runs.bundle_archive import LARGEST_FILE
from tlcore.runs.bundle_reading import import_bundle
from tlcore.runs.bundles import SUFFIX
from tlcore.runs.labels import LONGEST_NAME, LONGEST_NOTE, UNDO_SECONDS
from tlcore.runs.library import Entry
from tlcore.runs.usage import Usage, size_text, usage
from ui.downloads import download, download_trouble
from ui.experiment import Experiment
from ui.hosted_words import require_kept, require_upload, upload_megabytes, upload_refusal, upload_words
from ui.library import RunView, executor, hosted_executor
from ui.page import card_header
from ui.runs_reach import experiment_of, library, page_of
from ui.runs_table import choose, chosen_runs
from ui.sharing import share_popover
from ui.take_along import WHERE, python_code, terminal_command
from ui.visitor import hosted, is_owner

_SAID = "_runs_said"
BUNDLE_HELP = "One file with spec, metrics and frames; import it here or in another lab."
LARGEST_UPLOAD_MB = min(LARGEST_FILE >> 20, 500)


def say(kind: str, text: str) -> None:
    """Keep a sentence for when the page is drawn next. kind: "success", "warning" or "error"."""
    st.session_state[_SAID] = (kind, text)


def said() -> None:
    """Draw the sentence that was kept."""
    kind, text = st.session_state.pop(_SAID, ("", ""))
    if kind:
        {"success": st.success, "warning": st.warning, "error": st.error}[kind](text)


def guarded(action: Callable[..., str | None], *arguments: object) -> None:
    """Do it; say what was done, or what went wrong, in one sentence."""
    try:
        sentence = action(*arguments)
    except LabError as error:
        say("error", str(error))
    else:
        if sentence:
            say("success", sentence)


def _renew() -> None:
    st.session_state["_runs_version"] = st.session_state.get("_runs_version", 0) + 1


def undo_bar() -> None:
    """Deleted runs that can be brought back."""
    store = executor().store
    gone = store.discarded()
    if not gone:
        return
    hours = max(0.0, UNDO_SECONDS - (time.time() - gone[-1][1])) / 3600
    words = "1 deleted run" if len(gone) == 1 else f"{len(gone):,} deleted runs"
    latest = [run for run, moment in gone if moment == gone[0][1]]

    def back(runs: list[str]) -> str | None:
        count = store.bring_back(runs)
        told = f"{count:,} run{'s are' if count != 1 else ' is'} back." if count else ""
        if count == len(runs):
            return told
        gone = len(runs) - count
        lost = "1 run was" if gone == 1 else f"{gone:,} runs were"
        say("warning", f"{told} {lost} removed for good, or brought back, somewhere else meanwhile.".strip())
        return None

    def remove() -> str:
        count = store.purge(0)
        return f"{count:,} run{'s were' if count != 1 else ' was'} removed for good."

    with st.container(horizontal=True, vertical_alignment="center", key="runs-undo"):
        st.caption(f"{words} can still be brought back; the oldest goes in {hours:.0f} h.", width="content")
        st.button("Undo", icon=":material/undo:", on_click=guarded, args=(back, latest), key="runs-undo-last")
        if len(gone) > len(latest):
            st.button("Bring all back", on_click=guarded, args=(back, [run for run, _ in gone]), key="runs-undo-all")
        with st.popover("Remove now"):
            st.write("Their records and weights are then gone for good.")
            st.button("Remove for good", on_click=guarded, args=(remove,), key="runs-purge")


def actions(entries: Sequence[Entry], views: Sequence[RunView]) -> None:
    """The bar for all chosen runs together."""
    store = executor().store
    ids = [entry.id for entry in entries]
    own = [entry.id for entry in entries if not entry.recorded]

    def star(on: bool) -> None:
        _require_there(*ids)
        store.star(ids, on)

    def tag() -> None:
        _require_there(*ids)
        text = str(st.session_state.get("runs-new-tags") or "")
        store.tag(ids, text.split(","))
        st.session_state["runs-new-tags"] = ""

    def untag(tags: list[str]) -> None:
        store.untag(ids, tags)

    def delete() -> str:
        gone = store.discard(own)
        choose([run_id for run_id in chosen_runs() if run_id not in gone])
        return (
            f"{len(gone):,} run{'s' * (len(gone) != 1)} deleted; Undo brings {'them' if len(gone) != 1 else 'it'} back."
        )

    with st.container(horizontal=True, vertical_alignment="bottom", key="runs-actions"):
        starred = all(entry.starred for entry in entries)
        st.button(
            "Take the star away" if starred else "Star", icon=":material/star:", key="runs-star",
            on_click=guarded, args=(star, not starred),
        )  # fmt: skip
        with st.popover("Tags", icon=":material/sell:"):
            st.text_input(
                "Add tags, separated by commas", key="runs-new-tags", max_chars=200, on_change=guarded, args=(tag,)
            )
            for name in sorted({tag for entry in entries for tag in entry.tags}):
                st.button(
                    f"Take away: {_plain(name)}", key=f"runs-untag-{name}", on_click=guarded, args=(untag, [name])
                )
        st.button(
            f"Delete {len(own)}" if len(own) > 1 else "Delete", icon=":material/delete:", key="runs-delete",
            disabled=not own, on_click=guarded, args=(delete,),
            help="It can be brought back for a day. Recorded runs that ship with the lab stay.",
        )  # fmt: skip
        share_popover(own)
        if tracking_available() and is_owner():
            sources = [Source(view.store, view.run) for view in views]
            st.button("Log to MLflow", key="runs-mlflow", on_click=guarded, args=(partial(_log, sources),))


def _require_there(*run_ids: str) -> None:
    """What is written on a run that is gone would stay for ever, and nobody would see it.

    Raises:
        InvalidRequest: one of the runs was deleted, here or somewhere else.
    """
    there = {entry.id for entry in library().named(run_ids)}
    if not there.issuperset(run_ids):
        raise InvalidRequest("Nothing was written: the run was deleted meanwhile, here or somewhere else.")


def _log(sources: list[Source]) -> str:
    return f"{len(log_to_mlflow(sources))} of them in MLflow."


def _plain(text: str) -> str:
    """Text of a visitor where Markdown is drawn."""
    return "".join(f"\\{sign}" if sign in r"\`*_{}[]()<>#+-.!|$:~" else sign for sign in text)


def detail(entry: Entry, view: RunView) -> None:
    """One run: its name and note, where it is shown, how to make it again, its files."""
    store, run = executor().store, view.run
    where = "recorded, ships with the lab" if view.is_recorded else "imported" if entry.imported else "trained here"
    title = library().title(entry)
    card_header(title, f"{run.state} · {where} · {view.machine}")

    def rename() -> None:
        _require_there(run.id)
        store.rename(run.id, str(st.session_state[f"runs-name-{run.id}"] or ""))

    def annotate() -> None:
        _require_there(run.id)
        store.annotate(run.id, str(st.session_state[f"runs-note-{run.id}"] or ""))

    left, right = st.columns(2)
    with left:
        st.text_input(
            "Name", entry.name or "", key=f"runs-name-{run.id}", max_chars=LONGEST_NAME, on_change=guarded,
            args=(rename,), placeholder=title[:60],
        )  # fmt: skip
        st.text_area(
            "Note", entry.note or "", key=f"runs-note-{run.id}", max_chars=LONGEST_NOTE, on_change=guarded,
            args=(annotate,), height=100,
        )  # fmt: skip
        if run.reason:
            st.html(f"<p class='tl-words'>{html.escape(run.reason)}</p>")
    with right:
        experiment = experiment_of(run)
        page = page_of(experiment.preset) if experiment is not None else None
        if experiment is not None and page is not None:
            st.page_link(page, label="Open on its page", icon=":material/open_in_new:", query_params=experiment.query())
            python, terminal = st.tabs(["This run in Python", "This run in the terminal"])
            python.code(_python(experiment, run), language="python", wrap_lines=True)
            terminal.code(_terminal(experiment, run), language="bash", wrap_lines=True)
        else:
            st.caption("No page can show this run: it belongs to no preset, or its settings cannot be given there.")
        st.code(_commands(run), language="bash", wrap_lines=True)
        st.caption(WHERE)
    files(view)


def _commands(run: Run) -> str:
    """What can be done in the terminal with a run that is there, be it recorded or of this lab."""
    return f"python -m tlcore show {run.id}\npython -m tlcore export {run.id} --format bundle --output run{SUFFIX}"


def _terminal(experiment: Experiment, run: Run) -> str:
    """The command that makes this very run."""
    if experiment.forks:
        return f"python -m tlcore show {run.id}  # a fork goes on from a checkpoint of this store"
    return f"{terminal_command(experiment)} --arm {run.arm} --seed {run.spec.seed}"


def _python(experiment: Experiment, run: Run) -> str:
    """The call that makes this very run."""
    if experiment.forks:
        return "# A fork goes on from a checkpoint of this store; Python has no call for it."
    start = f'tlcore.run("{experiment.preset.identity}"'
    alone = f', seeds=1, seed={run.spec.seed}, arms=["{run.arm}"]'
    return python_code(replace(experiment, seeds=1)).replace(start, start + alone)


def files(view: RunView) -> None:
    """Downloads of one run."""
    run = view.run
    source = [Source(view.store, run)]
    weights = (view.store.run_folder(run.id) / "weights.safetensors").is_file()
    name = f"{run.spec.method.name}-{run.id}"
    kinds = [("Bundle", "bundle", f"{name}{SUFFIX}", View(weights=False))] if not run.live else []
    if weights and not run.live:
        kinds.append(("Bundle with weights", "bundle", f"{name}-weights{SUFFIX}", View()))
    kinds += [
        ("Metrics (CSV)", "csv", f"{name}-metrics.csv", View()),
        ("Metrics (Parquet)", "metrics-parquet", f"{name}-metrics.parquet", View()),
        ("TensorBoard", "tensorboard", f"{name}-tensorboard.zip", View()),
        ("Everything known (JSON)", "json", f"{name}.json", View()),
    ]
    with st.container(horizontal=True, key="runs-files"):
        for label, kind, file_name, wanted in kinds:
            download(
                label, partial(content_of, source, kind, wanted), file_name, key=f"runs-file-{label}",
                help_text=BUNDLE_HELP if kind == "bundle" else None,
            )  # fmt: skip
    if trouble := download_trouble():
        st.warning(trouble)


def import_and_room() -> None:
    """Bring a bundle in; how much room the store takes."""
    card_header("Bring a run")
    refusal = upload_refusal()
    file = st.file_uploader(
        "A bundle that was exported here or in another lab", type=["zip"], key=f"runs-upload-{_upload_number()}",
        max_upload_size=upload_megabytes(LARGEST_UPLOAD_MB), disabled=refusal is not None, help=refusal,
    )  # fmt: skip
    if refusal or upload_words():
        st.caption(refusal or upload_words())
    if file is not None:
        try:
            require_upload(file.size)
            imported = import_bundle(executor().store, file.getvalue(), admit=require_kept)
        except LabError as error:
            st.error(str(error))
        else:
            say("success", imported.sentence())
            choose([imported.run])
            st.session_state["_runs_upload"] = _upload_number() + 1
            st.rerun()
    if hosted() is not None and not is_owner():
        st.caption(room_of_visitor())
        return
    room = room_taken()
    if room.limit is not None and room.total > room.limit:
        st.warning(room.sentence())
    else:
        st.caption(
            room.sentence() + (" Set TLCORE_STORE_LIMIT (such as 5 GB) to be warned." if room.limit is None else "")
        )


def _upload_number() -> int:
    return int(st.session_state.get("_runs_upload", 0))


def room_of_visitor() -> str:
    """What whoever looks keeps on a hosted server, and what they may."""
    executor, settings = hosted_executor(), hosted()
    assert executor is not None and settings is not None
    most = settings.limits.disk_per_visitor_mb
    return f"What you keep here takes {size_text(executor.admission.bytes_kept())} of {most:,} MB."


@st.cache_data(ttl=10, show_spinner=False)
def room_taken() -> Usage:
    """Disk use, counted at most every ten seconds."""
    return usage(executor().store)
