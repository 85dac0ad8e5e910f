"""A trained classifier to be taken away: weights, how to build the network, a model card, and a script that runs it.

The numbers of the weights are copied byte by byte; the network is described by a process of its own, which loads torch.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tlcore.errors import InvalidRequest, MissingData
from tlcore.execution.questions import ask
from tlcore.exports.classifier_script import MODULE, SCRIPT
from tlcore.exports.shown import Source, View
from tlcore.runs import Run
from tlcore.specs import RunStart
from tlcore.specs.model_questions import DescribeClassifier

WEIGHTS = "weights.safetensors"
MOMENT = (2020, 1, 1, 0, 0, 0)  # the same run makes the same file
PRIVATE = ("renamed", "labels", "held_out", "data", "licence", "feature_width")


def classifier(sources: Sequence[Source], view: View) -> tuple[bytes, tuple[str, ...]]:
    """A zip with weights.safetensors, model.json, README.md, predict.py and the module it stands on, classifier.py.

    Raises InvalidRequest for a run that has not finished or learned from numbers, MissingData where its weights are not
    on this machine.
    """
    (source,) = sources
    weights = require_weights(source)
    facts = ask(DescribeClassifier(run=source.run.id, store=str(source.store.folder)))
    model = {name: value for name, value in facts.items() if name not in PRIVATE} | {"run": source.run.id}
    files = {
        "README.md": model_card(source.run, facts).encode(),
        "model.json": json.dumps(model, ensure_ascii=False, indent=1).encode(),
        "predict.py": SCRIPT.encode(),
        "classifier.py": MODULE.encode(),
        WEIGHTS: renamed_tensors(weights.read_bytes(), facts["renamed"]),
    }
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(f"classifier-{source.run.id}/{name}", MOMENT)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return written.getvalue(), ()


def require_weights(source: Source) -> Path:
    """Where the final weights of a run lie. Raises InvalidRequest or MissingData where there are none."""
    if source.run.state != "finished":
        raise InvalidRequest(f"Run {source.run.id} is {source.run.state} and has no final weights.")
    path = source.store.run_folder(source.run.id) / WEIGHTS
    if not path.is_file():
        raise MissingData(
            f"The weights of run {source.run.id} are not on this machine: recorded runs come without them; train it "
            "here."
        )
    return path


def renamed_tensors(content: bytes, names: Mapping[str, str]) -> bytes:
    """A safetensors file with those of its tensors that have a new name, under it. The numbers stay as they are.

    Raises InvalidRequest where the content is no such file or lacks one of them.
    """
    try:
        start = 8 + int.from_bytes(content[:8], "little")
        header = json.loads(content[8:start])
        found = {new: header[old] for old, new in names.items()}
    except (ValueError, KeyError) as error:
        raise InvalidRequest(f"The file of weights is damaged ({type(error).__name__}: {error}).") from None
    parts, place = [], 0
    for entry in found.values():
        first, last = entry["data_offsets"]
        parts.append(content[start + first : start + last])
        entry["data_offsets"] = [place, place + last - first]
        place += last - first
    text = json.dumps(found).encode()
    text += b" " * (-len(text) % 8)  # numbers begin at a multiple of eight bytes
    return b"".join([len(text).to_bytes(8, "little"), text, *parts])


def model_card(run: Run, facts: Mapping[str, Any]) -> str:
    """What whoever uses the classifier must know of it, in plain words."""
    classes, labels = facts["classes"], facts["labels"]
    network = facts.get("architecture") or run.spec.network.name
    machine = run.provenance
    day = datetime.fromtimestamp(run.ended or run.created, UTC)
    return "\n".join([
        f"# A classifier of {len(classes)} classes",
        "",
        "It was trained in the Transfer Learning Lab. It gives each picture one probability for each class, and always "
        "one of the classes below: it cannot say that a picture shows none of them.",
        "",
        "## Use",
        "",
        "    python -m pip install torch torchvision",
        "    python predict.py picture.jpg",
        "",
        "`predict.py` is short enough to be read and changed; in a program of your own, `from classifier import load, "
        "read_picture`. `weights.safetensors` holds the weights, `model.json` all that is needed to build the network "
        "and to prepare a picture. Nothing of the lab is needed.",
        "",
        "## What it learned from",
        "",
        f"- Data: {facts['data']} (licence: {facts['licence']}).",
        f"- Labelled pictures: {sum(labels):,}, {_a_class(labels)}.",
        f"- Picture size as it was learned: {' → '.join(f'{side} × {side}' for side in facts['sides'])} pixels, the "
        "middle square of each picture.",
        "",
        "| class | labelled pictures |",
        "| --- | ---: |",
        *(f"| {_cell(name)} | {count:,} |" for name, count in zip(classes, labels, strict=True)),
        "",
        "## How it was trained",
        "",
        f"- Way: {run.spec.method.title} (`{run.spec.method.name}`), {run.steps:,} step{'s' * (run.steps != 1)}, "
        f"seed {run.spec.seed}.",
        f"- Network: {network}; start: {_start(run)}.",
        f"- Machine: {machine.get('device_name', 'unknown')}, {machine.get('precision', 'unknown')}; torch "
        f"{machine.get('torch', 'unknown')}, torchvision {machine.get('torchvision', 'unknown')}, lab "
        f"{machine.get('lab', 'unknown')}; {day.day} {day:%B %Y}.",
        f"- Run: {run.id}. The same specification and seed give the same run.",
        "",
        "## How good it is",
        "",
        *_accuracies(run, facts),
        "",
        "## Limits",
        "",
        "- The accuracy holds for pictures like those it was tested on. On other cameras, grounds, sizes or classes it "
        "is unknown, and usually lower.",
        "- A probability is what the network computes, not how often it is right: with few labels it is often too "
        "sure.",
        "- Only the middle square of a picture is looked at.",
        "- Whoever may use the pictures it learned from may not always use a classifier made of them: mind the "
        "licence.",
        "",
        "## Specification",
        "",
        "```json",
        json.dumps(run.spec.model_dump(mode="json"), ensure_ascii=False, indent=1),
        "```",
        "",
    ])  # fmt: skip


def _a_class(labels: Sequence[int]) -> str:
    if not labels:
        return "of no class"
    low, high = min(labels), max(labels)
    return f"{low:,} of each class" if low == high else f"from {low:,} to {high:,} a class"


def _cell(text: str) -> str:
    """A class's name in a table of Markdown: shown as it is."""
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]()#|<>!" else letter for letter in " ".join(text.split()))


def _start(run: Run) -> str:
    start = run.spec.start
    if isinstance(start, RunStart):
        return f"the weights of run {start.spec.content_hash} ({start.spec.method.title})"
    weights = getattr(run.spec.network, "weights", "none")
    return "random weights" if weights == "none" else f"published weights {weights}"


def _accuracies(run: Run, facts: Mapping[str, Any]) -> list[str]:
    """The accuracy with the number of pictures it was measured on, and how far chance alone may move it."""
    for domain in ("target", "source"):
        value, count = run.summary.get(f"{domain}_accuracy"), facts["held_out"].get(f"{domain} test")
        if value is not None and count:
            low, high = wilson_interval(value, count)
            return [
                f"- {value:.1%} of {count:,} held-out pictures, which it had not learned from, are named rightly. On "
                f"other pictures of the same kind one may expect between {low:.1%} and {high:.1%} (95 %); where "
                "several of them were made from one original, the range is wider."
            ]
    return ["- It was not tested."]


def wilson_interval(share: float, count: int, z: float = 1.96) -> tuple[float, float]:
    """Where the true share lies with 95 %, given the share of `count` draws (Wilson 1927)."""
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z / (1 + z * z / count) * (share * (1 - share) / count + z * z / (4 * count * count)) ** 0.5
    return max(0.0, middle - reach), min(1.0, middle + reach)
