"""From a finished run to a working classifier: try it on a new picture, and take it away."""

from __future__ import annotations

import base64
import hashlib
import html
import importlib.util
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st

from tlcore.execution.questions import ask
from tlcore.exports import Source, content_of
from tlcore.plots.fine_tuning import shots_words
from tlcore.runs import Run
from tlcore.specs import TaskPair
from tlcore.specs.model_questions import ExportOnnx, TryPicture
from tlcore.specs.run import VECTORS
from ui.background import lively, look
from ui.choices import first_until_chosen
from ui.data_pieces import empty, pieces_style, quiet, said, strip, waiting
from ui.downloads import download, download_trouble
from ui.experiment import COMPARED_SEEDS, Experiment
from ui.hosted_words import upload_megabytes
from ui.library import executor
from ui.page import card, card_header

LARGEST_MB = 64
MOST_BARS = 10
SECONDS = 300.0
ONNX = ("onnx", "onnxscript")
ONNX_COMMAND = "python -m pip install onnx onnxscript"
WAYS = ("Upload", "Camera")
_STYLE = """
.tl-guess{display:grid;grid-template-columns:fit-content(40%) minmax(0,1fr) max-content;gap:4px 10px;
 align-items:center;margin:.4rem 0;font-variant-numeric:tabular-nums}
.tl-guess span{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.tl-guess div{height:14px;border-radius:4px;background:var(--tl-line);overflow:hidden}
.tl-guess div i{display:block;height:100%;background:var(--tl-label);opacity:.55}
.tl-guess div[data-first] i{opacity:1}
.tl-seen{margin:0;max-width:110px}
.tl-seen img{width:96px;height:96px;image-rendering:pixelated;border-radius:8px;display:block}
.tl-seen figcaption{font-size:.78rem;color:var(--tl-soft);margin-top:.2rem}
"""


def own_classifier(experiment: Experiment) -> None:
    """The card for the finished target runs of an experiment."""
    lively(partial(_own_classifier, experiment), "own-classifier")


def _own_classifier(experiment: Experiment) -> None:
    pieces_style()
    st.html(f"<style>{_STYLE}</style>")
    with card("own-classifier"):
        card_header("A working classifier", "try it, take it away")
        titles = usable_runs(experiment)
        if not titles:
            empty(_why_none(experiment))
            return
        runs = {run.id: run for run, _ in titles}
        words = {run.id: text for run, text in titles}
        key = f"classifier-run-{experiment.preset.name}"
        chosen: str = st.selectbox(
            "Run", list(runs), format_func=words.__getitem__, key=key, on_change=first_until_chosen(key, list(runs)),
            help="Finished runs of this experiment on this machine, the most accurate first.",
        )  # fmt: skip
        run = runs[chosen]
        left, right = st.columns([3, 2], gap="large")
        with left:
            _try(run)
        with right:
            _take_away(run)


def usable_runs(experiment: Experiment) -> list[tuple[Run, str]]:
    """Finished runs on the target whose weights are here, the most accurate first, each with its words."""
    store = executor().store
    arms = {
        arm: spec
        for arm, spec in experiment.arms.items()
        if isinstance(spec.data, TaskPair) and not any(data.name in VECTORS for data in spec.datasets())
    }
    found = []
    for views in experiment.views_of(range(COMPARED_SEEDS)).values():
        for arm, spec in arms.items():
            view = views.get(arm)
            if view is None or view.run.state != "finished" or view.is_recorded:
                continue
            if (store.run_folder(view.run.id) / "weights.safetensors").is_file():
                assert isinstance(spec.data, TaskPair)
                found.append((view.run, _words(view.run, arm, spec.data.labels_per_class)))
    return sorted(found, key=lambda pair: -pair[0].summary.get("target_accuracy", 0.0))


def _words(run: Run, arm: str, count: int) -> str:
    source = arm.rpartition(":")[0]
    parts = [run.spec.method.title, shots_words(count), *([f"{source} source"] if source else [])]
    parts += [f"seed {run.spec.seed}"] if run.spec.seed else []
    accuracy = run.summary.get("target_accuracy")
    return " · ".join(parts) + (f" · {accuracy:.1%} right" if accuracy is not None else "")


def _why_none(experiment: Experiment) -> str:
    if any(data.name in VECTORS for spec in experiment.arms.values() for data in spec.datasets()):
        return (
            "These runs learn from numbers: there is no picture to try them on. Their weights are in “Take it along”."
        )
    return (
        "No run of this experiment has been trained on this machine yet: recorded runs come without their weights. "
        "Press Train; what has finished stands here, ready to be tried on a picture of yours."
    )


def _try(run: Run) -> None:
    way = st.segmented_control("Picture from", WAYS, default=WAYS[0], required=True, key="classifier-way",
                               label_visibility="collapsed")  # fmt: skip
    if way == WAYS[1]:
        picture = st.camera_input("Take a picture", key="classifier-camera", label_visibility="collapsed")
    else:
        picture = st.file_uploader("A picture", key="classifier-picture", max_upload_size=upload_megabytes(LARGEST_MB))
    if picture is None:
        quiet("It looks at the middle square. The picture stays on this server for as long as the answer takes.")
        return
    content = picture.getvalue()
    question = TryPicture(run=run.id, store=str(executor().store.folder))
    key = f"try {run.id} {hashlib.sha256(content).hexdigest()}"
    snapshot = look(key, lambda report: ask(question, upload=content, report=report, seconds=SECONDS))
    if not snapshot.done:
        waiting(snapshot, "Looking at the picture")
    elif snapshot.error:
        said(snapshot.error, "error")
    else:
        _seen(snapshot.answer)


def _seen(answer: Mapping[str, Any]) -> None:
    """What it takes the picture for, what it saw, and which training pictures lie nearest."""
    bars, picture = st.columns([4, 1], gap="medium")
    with bars:
        st.html(guess_bars(answer["classes"]))
    with picture:
        st.html(
            f'<figure class="tl-seen"><img src="data:image/png;base64,{html.escape(answer["seen"], quote=True)}" '
            'alt="the picture as the network sees it"><figcaption>as it sees it</figcaption></figure>'
        )
    if answer["neighbours"]:
        quiet(f"Nearest by their features, among {answer['compared']:,} pictures it learned from:")
        strip(answer["neighbours"], role="target")


def guess_bars(classes: Sequence[Mapping[str, Any]]) -> str:
    """Classes {class, probability}, the likeliest first, as bars; the last are summed up."""
    rows = []
    for number, row in enumerate(classes[:MOST_BARS]):
        name, share = html.escape(row["class"], quote=True), row["probability"]
        first = " data-first" if number == 0 else ""
        rows.append(
            f'<span title="{name}">{name}</span><div{first} role="img" aria-label="{name}: {share:.1%}">'
            f'<i style="width:{share:.1%}"></i></div><span>{share:.1%}</span>'
        )
    rest = classes[MOST_BARS:]
    if rest:
        share = sum(row["probability"] for row in rest)
        rows.append(
            f"<span>{len(rest):,} others</span><div><i style='width:{share:.1%}'></i></div><span>{share:.1%}</span>"
        )
    return f'<div class="tl-guess">{"".join(rows)}</div>'


def _take_away(run: Run) -> None:
    source = Source(executor().store, run)
    store = str(executor().store.folder)
    quiet(
        "A zip with the weights (safetensors), a model card, and a short script, predict.py, that runs it anywhere "
        "with torch and torchvision alone."
    )
    download(
        "Download the classifier", lambda: content_of([source], "classifier"), f"classifier-{run.id}.zip",
        mime="application/zip", icon=":material/download:", key="classifier-zip",
    )  # fmt: skip
    missing = [name for name in ONNX if importlib.util.find_spec(name) is None]
    if missing:
        quiet(f"ONNX needs {' and '.join(missing)}, not installed on this server. To have it:")
        st.code(ONNX_COMMAND, language="bash")
    else:
        download(
            "Download as ONNX", lambda: _onnx(run.id, store), f"classifier-{run.id}.onnx",
            icon=":material/download:", key="classifier-onnx",
        )  # fmt: skip
    with st.expander("The same in the terminal"):
        st.code(
            f"python -m tlcore export {run.id} --format classifier --output classifier.zip\n"
            f"unzip classifier.zip && python classifier-{run.id}/predict.py picture.jpg",
            language="bash",
        )
    if trouble := download_trouble():
        said(trouble, "warning")


def _onnx(run: str, store: str) -> bytes:
    return base64.b64decode(ask(ExportOnnx(run=run, store=store), seconds=SECONDS)["onnx"])
