"""Progressive networks, drawn: columns beside each other, and what the new one hears of the older ones."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from tlcore.runs import Series
from tlcore.specs import Progressive, RunSpec
from ui.multitask_runs import Board, columns_in, latest
from ui.scene import Arrow, Box, Scene, Words

WEIGHTS = {
    "share": "what each adds to its layer",
    "ablation": "accuracy lost without it",
    "fisher": "average Fisher sensitivity",
}
LEFT, COLUMN_GAP, BOX, ROW, TOP = 10, 300, 190, 54, 40
THICKEST, THINNEST = 12.0, 0.8
LATERAL = re.compile(r"column(\d+)_layer(\d+)")
LAYERS = {"block-cnn": ("conv 1", "conv 2", "conv 3", "conv 4", "dense", "output"),
          "small-cnn": ("conv 1", "conv 2", "dense", "output")}  # fmt: skip


def lateral_weights(metrics: Mapping[str, Series], kind: str, accuracy: float | None) -> dict[tuple[int, int], float]:
    """How much each lateral matters, by the column it comes from and the layer it ends in, both from 1."""
    if kind == "share":
        found = latest(metrics, "lateral_share")
    elif kind == "fisher":
        found = latest(metrics, "fisher")
    else:
        found = {
            name.removeprefix("without_").removesuffix("_accuracy"): (accuracy or 0.0) - float(line.values[-1])
            for name, line in metrics.items()
            if name.startswith("without_") and name.endswith("_accuracy") and accuracy is not None
        }
    told = {}
    for name, value in found.items():
        place = LATERAL.fullmatch(name)
        if place and math.isfinite(value):
            told[int(place[1]), int(place[2])] = value
    return told


def columns_scene(spec: RunSpec, metrics: Mapping[str, Series], kind: str) -> Scene:
    """The columns of a progressive run, the oldest left, and its laterals, each as wide as it matters."""
    columns = columns_in(spec)
    names = LAYERS.get(spec.network.name, LAYERS["block-cnn"])
    line = metrics.get("target_accuracy")
    weights = lateral_weights(metrics, kind, float(line.values[-1]) if line is not None else None)
    largest = max([value for value in weights.values() if value > 0], default=0.0) or 1.0
    newest = len(columns)
    height = TOP + ROW * len(names) + 46
    boxes: list[Box] = []
    arrows: list[Arrow] = []
    words: list[Words] = []
    random = isinstance(spec.method, Progressive) and spec.method.first_columns == "random"
    for number, column in enumerate(columns, 1):
        x = LEFT + (number - 1) * COLUMN_GAP
        frozen = number < newest
        state = ("random, frozen" if random else "frozen") if frozen else "learns"
        words.append(
            Words(f"title-{number}", x + BOX / 2, 16, f"column {number}: {_task(column)}", "ink", "middle", True)
        )
        words.append(Words(f"state-{number}", x + BOX / 2, 32, state, "soft", "middle"))
        for layer, name in enumerate(names, 1):
            y = TOP + ROW * (len(names) - layer)
            role = "label" if layer == len(names) else "extractor"
            boxes.append(Box(f"{number}-{layer}", x, y, BOX, 34, role, name, faint=frozen and random))
            if layer > 1:
                arrows.append(Arrow(f"up-{number}-{layer}", f"M{x + BOX / 2} {y + ROW}V{y + 38}"))
        arrows.append(Arrow(f"in-{number}", f"M{x + BOX / 2} {height - 6}V{TOP + ROW * len(names) - 16}", "target"))
    for (column, layer), value in sorted(weights.items()):
        if not 0 < column < newest or not 1 < layer <= len(names):
            continue
        start, end = LEFT + (column - 1) * COLUMN_GAP + BOX, LEFT + (newest - 1) * COLUMN_GAP
        low, high = TOP + ROW * (len(names) - layer + 1) + 17, TOP + ROW * (len(names) - layer) + 17
        share = max(0.0, value) / largest
        arrows.append(
            Arrow(
                f"lateral-{column}-{layer}", f"M{start} {low}C{start + 46} {low} {end - 52} {high} {end - 5} {high}",
                "source", THINNEST + (THICKEST - THINNEST) * share, faint=value <= 0,
                tip=f"column {column} to layer {layer}: {_number(kind, value)}",
            )
        )  # fmt: skip
        words.append(
            Words(f"number-{column}-{layer}", end - 8, high - 9, _number(kind, value), "source", "end", share > 0.99)
        )
    width = LEFT * 2 + (newest - 1) * COLUMN_GAP + BOX
    return Scene(width, height, _described(columns, weights, kind), boxes, arrows, words, least_width=250 * newest)


def plain_scene(spec: RunSpec) -> Scene:
    """A run with one column: what becomes of each layer."""
    names = LAYERS.get(spec.network.name, LAYERS["block-cnn"])
    frozen = spec.method.name == "fine_tune" and getattr(spec.method, "head_warm_up", 0.0) >= 1.0
    boxes = []
    for number, name in enumerate(names):
        last = number == len(names) - 1
        caption = "learns" if last or not frozen else "stays as it was"
        boxes.append(Box(str(number), 150 + 124 * number, 20, 108, 46, "label" if last else "extractor", name, caption))
    arrows = [Arrow(f"to-{n}", f"M{144 + 124 * n - 10} 43H{148 + 124 * n}") for n in range(len(names))]
    boxes.append(Box("data", 4, 20, 120, 46, "target", _task(spec)))
    return Scene(
        150 + 124 * len(names), 84, "One column, whose layers " + ("stay" if frozen else "learn") + ".", boxes, arrows
    )


def leans(board: Board, arm: str) -> tuple[dict[str, list[float]], dict[str, dict[str, float]]]:
    """What the new task of an arm loses with each lateral taken away, over the finished seeds; and, of the seed that is
    shown or the first that has finished, the share of the sensitivity in each column, by layer."""
    lost: dict[str, list[float]] = {}
    shares: dict[str, dict[str, float]] = {}
    names = LAYERS.get(board.experiment.arms[arm].network.name, LAYERS["block-cnn"])
    for view in board.finished.views.get(arm, ()):
        metrics = view.store.metrics(view.run.id)
        accuracy = view.run.summary.get("target_accuracy")
        for (column, layer), value in sorted(lateral_weights(metrics, "ablation", accuracy).items()):
            lost.setdefault(f"column {column} → {names[layer - 1]}", []).append(value)
        if not shares or view.run.spec.seed == board.experiment.seed:
            shares = {}
            for (column, layer), value in sorted(lateral_weights(metrics, "fisher", None).items()):
                shares.setdefault(f"column {column}", {})[names[layer - 1]] = value
    return lost, shares


def _task(spec: RunSpec) -> str:
    target = getattr(spec.data, "target", None) or getattr(spec.data, "source", None)
    if target is None:
        return "?"
    shift = getattr(target, "shift", "")
    name = getattr(getattr(target, "base", target), "name", "")
    return f"{name}, {shift}" if shift else str(name)


def _number(kind: str, value: float) -> str:
    return f"{value:+.1%}" if kind == "ablation" else f"{value:.2f}"


def _described(columns: Sequence[RunSpec], weights: Mapping[tuple[int, int], float], kind: str) -> str:
    told = "; ".join(f"column {c} to layer {layer}: {_number(kind, v)}" for (c, layer), v in sorted(weights.items()))
    return f"{len(columns)} columns, the last learns. Laterals, {WEIGHTS[kind]}: {told or 'not measured yet'}."
