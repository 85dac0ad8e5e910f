"""Advice, and the textbook's four cases, beside what training then measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tlcore.analysis.advice import NAMES, TEXTBOOK, Case


@dataclass(frozen=True)
class Check:
    """How an advice compares with what was measured.

    accuracy, best_accuracy: of the advised and of the best arm, mean over seeds. tie: their difference is within one
    standard error, over seeds, or where there is one seed, over test pictures.
    """

    advised: str
    best: str
    accuracy: float
    best_accuracy: float
    tie: bool

    @property
    def right(self) -> bool:
        """Whether the advised arm came out best, or as good as the best."""
        return self.advised == self.best or self.tie

    @property
    def short_by(self) -> float:
        """Accuracy lost by following the advice; 0 where it was best."""
        return self.best_accuracy - self.accuracy


def check_advice(advised: str, measured: Mapping[str, Sequence[float]], tested: int = 0) -> Check | None:
    """The advice against the accuracies of each arm, one a seed; None while the advised arm or all others lack any.

    tested: how many pictures each accuracy was measured on, 0 where unknown.
    """
    means = {arm: sum(values) / len(values) for arm, values in measured.items() if len(values)}
    if advised not in means or len(means) < 2:
        return None
    best = max(means, key=lambda arm: (means[arm], arm == advised))
    gap = means[best] - means[advised]
    return Check(advised, best, means[advised], means[best], gap <= _noise(measured, (advised, best), tested))


def _noise(measured: Mapping[str, Sequence[float]], arms: Sequence[str], tested: int) -> float:
    """One standard error of the difference of two arms' means."""
    total = 0.0
    for arm in arms:
        values = measured[arm]
        mean, count = sum(values) / len(values), len(values)
        if count > 1:
            total += sum((value - mean) ** 2 for value in values) / (count - 1) / count
        elif tested:
            total += mean * (1 - mean) / tested
    return math.sqrt(total)


def case_sentence(case: Case, measured: Mapping[str, Sequence[float]], tested: int = 0) -> str:
    """What came out in one of the four cases beside the textbook's advice, in one sentence made from the figures.

    measured: accuracies of each arm, one a seed; those with none are left out. Empty where the textbook's arm or all
    others were not measured.
    """
    arm, _ = TEXTBOOK[case]
    found = check_advice(arm, measured, tested)
    if found is None:
        return ""
    means = {name: sum(values) / len(values) for name, values in measured.items() if len(values)}
    if found.best == arm:
        second = max((name for name in means if name != arm), key=means.__getitem__)
        lead = means[arm] - means[second]
        unsure = "; that is no more than chance" if lead <= _noise(measured, (arm, second), tested) else ""
        return f"As the textbook says, {lead:.3f} ahead of the next best, to {NAMES[second]}{unsure}."
    beyond = f"{found.short_by:+.3f} against the textbook's {found.accuracy:.3f}"
    if found.tie:
        return f"To {NAMES[found.best]} is as good as the textbook's advice: {beyond} is no more than chance."
    scratch = means.get("scratch")
    if found.best == "scratch":
        alone = f"these labels alone reach {found.best_accuracy:.3f}"
        return f"Not as the textbook says, {beyond}: {alone}, and the source's weights only hold that back."
    if scratch is not None and found.accuracy < scratch:
        return f"Not as the textbook says, {beyond}: its advice is even below learning from scratch ({scratch:.3f})."
    return f"Not as the textbook says, {beyond}, although that too is above learning from scratch" + (
        f" ({scratch:.3f})." if scratch is not None else "."
    )
