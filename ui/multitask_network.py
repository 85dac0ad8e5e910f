"""The network of several tasks, drawn: one trunk and its heads, with what each task asks of the trunk."""

from __future__ import annotations

import math
from collections.abc import Mapping

from tlcore.runs import Series
from tlcore.specs import ManyTasks, RunSpec, TwoDigits
from ui.multitask_runs import latest, tasks_of
from ui.scene import Arrow, Box, Scene, Words

WIDTH, ROW, TOP = 920, 46, 14
MOST_HEADS = 8  # that have a row of their own
THICKEST = 5.0


def trunk_scene(spec: RunSpec, metrics: Mapping[str, Series], sizes: Mapping[str, int]) -> Scene:
    """One trunk, a head for each task, and the tasks' gradients on their way back, as wide as they are long.

    sizes: how many labels each task has, where it is known.
    """
    tasks = tasks_of(spec)
    shown = tasks if len(tasks) <= MOST_HEADS else tasks[: MOST_HEADS - 1]
    rows = len(shown) + (len(tasks) > len(shown))
    height = 2 * TOP + max(rows, 2) * ROW
    norms, losses = latest(metrics, "gradient_norm"), latest(metrics, "task_loss")
    weights = latest(metrics, "task_weight")
    scores = latest(metrics, "accuracy") | latest(metrics, "r2")
    longest = max([norm for norm in norms.values() if math.isfinite(norm)], default=0.0) or 1.0
    middle = height / 2
    data = Box("data", 4, middle - 24, 118, 48, "target", "pictures", _examples(spec))
    trunk = Box("trunk", 196, TOP + 4, 190, height - 2 * TOP - 8, "extractor", "shared trunk", network_words(spec))
    boxes, words = [data, trunk], []
    arrows = [Arrow("in", f"M{data.x + data.width} {middle}H{trunk.x - 4}", "target")]
    for number, task in enumerate(shown):
        y = TOP + number * ROW
        head = Box(f"head-{number}", 560, y + 5, 150, ROW - 10, "label", _short(task), _labels(sizes.get(task)))
        boxes.append(head)
        place = head.middle
        arrows.append(Arrow(f"to-{number}", f"M{trunk.x + trunk.width} {place - 6}H{head.x - 4}"))
        norm = norms.get(task)
        if norm is not None:
            arrows.append(
                Arrow(
                    f"back-{number}", f"M{head.x} {place + 7}H{trunk.x + trunk.width + 5}", "label",
                    max(1.0, THICKEST * norm / longest), back=True, tip=f"length of the gradient of {task}: {norm:.3g}",
                )
            )  # fmt: skip
            words.append(Words(f"norm-{number}", 473, place - 11, f"gradient {norm:.2g}", "label", "middle"))
        told = [f"loss {losses[task]:.2f}"] if task in losses else []
        told += [f"weight {weights[task]:.2f}"] if task in weights else []
        kind = "accuracy" if f"accuracy.{task}" in metrics else "R²"
        if task in scores:
            words.append(Words(f"score-{number}", 722, place - 3, f"{kind} {scores[task]:.3f}", "ink", strong=True))
        words.append(Words(f"loss-{number}", 722, place + 14, " · ".join(told), "soft"))
    if len(tasks) > len(shown):
        y = TOP + len(shown) * ROW
        more = len(tasks) - len(shown)
        boxes.append(Box("more", 560, y + 5, 150, ROW - 10, "label", f"{more} more heads", dashed=True))
        arrows.append(Arrow("to-more", f"M{trunk.x + trunk.width} {y + ROW / 2}H556", faint=True))
    return Scene(WIDTH, height, described(spec, scores), boxes, arrows, words)


def described(spec: RunSpec, scores: Mapping[str, float]) -> str:
    """The drawing in words."""
    tasks = tasks_of(spec)
    told = ", ".join(f"{task} {scores[task]:.3f}" for task in tasks[:MOST_HEADS] if task in scores)
    heads = "one head" if len(tasks) == 1 else f"{len(tasks)} heads"
    return f"Pictures enter one trunk with {heads}: {', '.join(tasks[:MOST_HEADS])}." + (
        f" Scores: {told}." * bool(told)
    )


def network_words(spec: RunSpec) -> str:
    """The shared layers in a few words."""
    network = spec.network
    channels, features = getattr(network, "channels", None), getattr(network, "features", None)
    if network.name == "small-cnn":
        return f"conv {channels} · conv {2 * int(channels or 0)} · dense {features}"
    if network.name == "block-cnn":
        return f"4 convolutions from {channels} · dense {features}"
    return str(getattr(network, "architecture", network.name))


def _examples(spec: RunSpec) -> str:
    target = spec.data.target if isinstance(spec.data, ManyTasks) else None
    return f"{target.pictures + target.validating:,} to learn from" if isinstance(target, TwoDigits) else ""


def _labels(count: int | None) -> str:
    return "" if count is None else f"{count:,} labels"


def _short(name: str) -> str:
    return name if len(name) <= 20 else f"{name[:19]}…"
