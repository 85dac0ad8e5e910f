"""What the figure of layer transfer shows, in words: each only where the numbers show it."""

from __future__ import annotations

import numpy as np

from tlcore.plots.layer_transfer import co_adaptation, specificity
from tlcore.presets.layer_transfer import BASE, arm_name
from ui.layer_transfer_runs import CHANGES, Board

SINGLE_SPLIT = "A single split: train others before believing small differences."
NOTICEABLE = 0.01  # accuracy: nothing is made of smaller differences


def curve_words(board: Board) -> list[str]:
    """What the figure shows: fragile co-adaptation apart from specificity, each only where the numbers show it."""
    base = board.values(BASE)
    points = board.points
    if not base or not ({"BnB", "AnB"} & points.keys()):
        return [
            "" if not base else f"The base network reaches {np.mean(base):.1%}. The curves are measured against it."
        ]
    said = []
    gap = co_adaptation(points, base)
    if gap is not None:
        said.append(
            f"<b>Fragile co-adaptation.</b> BnB@{gap.layers} reaches {gap.below:.1%}, {_points(gap.size)} below the "
            f"base{_in_splits(board, BASE, arm_name('BnB', gap.layers))}. Its layers came from this very task, so what "
            "is lost is that they were cut from those above, with which they had grown together."
        )
    elif "BnB" in points:
        said.append("<b>No fragile co-adaptation here:</b> no point of BnB lies a whole point below the base.")
    gap = specificity(points)
    if gap is not None:
        arms = arm_name("BnB", gap.layers), arm_name("AnB", gap.layers)
        said.append(
            f"<b>Specificity.</b> AnB@{gap.layers} reaches {gap.below:.1%}, {_points(gap.size)} below "
            f"BnB@{gap.layers}{_in_splits(board, *arms)}. Both were cut at the same place: what is left is that the "
            "layers were made for A."
        )
    elif {"BnB", "AnB"} <= points.keys():
        said.append("<b>No specificity here:</b> no point of AnB lies a whole point below BnB with the same n.")
    if len(base) == 1:
        said.append(SINGLE_SPLIT)
    return said


def _points(size: float) -> str:
    return f"{100 * size:.1f} points"


def _in_splits(board: Board, above: str, below: str) -> str:
    """In how many splits the one lies below the other, where there are several."""
    high, low = board.by_split(above), board.by_split(below)
    both = high.keys() & low.keys()
    return f", in {sum(low[one] < high[one] for one in both)} of {len(both)} splits" if len(both) > 1 else ""


def kept_words(board: Board) -> list[str]:
    """Which layers to keep, told by the numbers of each change, and whether the order turns round."""
    leads: dict[str, dict[int, float]] = {}
    for change in CHANGES:
        first, last = (board.points.get(f"{change}:{kept}", {}) for kept in ("first", "last"))
        leads[change] = {n: float(np.mean(first[n]) - np.mean(last[n])) for n in sorted(first.keys() & last.keys())}
    said = []
    for change, lead in leads.items():
        if not lead:
            continue
        count = max(lead, key=lambda n: abs(lead[n]))
        size = lead[count]
        if abs(size) < NOTICEABLE:
            said.append(f"<b>With {CHANGES[change]}</b> it makes no difference which layers are kept.")
            continue
        better, worse = ("first", "last") if size > 0 else ("last", "first")
        arms = arm_name(f"{change}:{better}", count), arm_name(f"{change}:{worse}", count)
        said.append(
            f"<b>With {CHANGES[change]}</b> the {better} layers are those to keep: at n = {count} they reach "
            f"{np.mean(board.values(arms[0])):.1%}, {_points(abs(size))} above the {worse} "
            f"{count}{_in_splits(board, *arms)}."
        )
        said[-1] += _above_base(board, change, better)
        turns = [n for n, m in zip(lead, [*lead][1:], strict=False) if lead[n] * lead[m] < 0]
        if turns:
            said[-1] += f" The two lines cross between n = {turns[0]} and n = {turns[0] + 1}."
    strongest = [max(lead.values(), key=abs) for lead in leads.values() if lead]
    if len(strongest) == 2 and min(map(abs, strongest)) >= NOTICEABLE and strongest[0] * strongest[1] < 0:
        said.append("<b>The order turns round:</b> which layers to keep is a question of what changes.")
    if said and max(len(board.values(f"{change}:base")) for change in CHANGES) == 1:
        said.append(SINGLE_SPLIT)
    return said


def _above_base(board: Board, change: str, kept: str) -> str:
    """From how many kept layers on keeping them is worth more than learning without transfer, if it ever is."""
    base, curve = board.values(f"{change}:base"), board.points.get(f"{change}:{kept}", {})
    if not base:
        return ""
    level = float(np.mean(base))
    from_here = None
    for n in sorted(curve, reverse=True):
        if float(np.mean(curve[n])) <= level:
            break
        from_here = n
    if from_here is None:
        return f" Learning without transfer reaches {level:.1%}."
    return f" From n = {from_here} on they lie above learning without transfer, {level:.1%}."
