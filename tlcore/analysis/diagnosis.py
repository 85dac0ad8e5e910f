"""What the numbers of a domain-adversarial training mean, in one plain sentence for a person.

The hard case: a domain head at chance. Either the features have become alike, which is the aim, or the head is dead
and the features are as far apart as ever. Both look the same in its accuracy and loss; only a *freshly trained*
probe (see `proxy_a_distance`) tells them apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tlcore.analysis.statistics import summarise

Floats = npt.NDArray[np.floating]

CHANCE_LOSS = math.log(2.0)
"""Binary cross-entropy, in nats, of a head that answers one half for every point."""

NEAR_CHANCE = 0.1
"""A domain accuracy counts as near one half within this distance."""
NEAR_CHANCE_LOSS = 0.1
"""A domain loss, in nats, counts as near ln 2 within this distance."""
EASILY_SEPARATED = 0.75
"""A fresh probe of at least this held-out accuracy separates the domains easily (a proxy A-distance of 1)."""
VANISHED_GRADIENT = 1e-4
"""A head whose gradient has at most this Euclidean norm is not learning."""
SATURATED_LOSS = 5.0
"""A domain loss, in nats, far beyond what guessing costs: the head is confidently wrong."""
LATE = 0.5
"""The share of training after which a winning or fooled domain head is no longer a passing phase."""


@dataclass(frozen=True)
class Diagnosis:
    """What is the matter, or that nothing is.

    level: "info", "warning" or "error". code: "aligned", "dead_domain_head", "fooled_domain_head",
    "domain_head_wins", "saturated_domain_head" or "diverged". text: one plain sentence.
    """

    level: str
    code: str
    text: str


def diagnose(
    domain_accuracy: float,
    domain_loss: float,
    head_gradient_norm: float,
    probe_accuracy: float | None,
    grl_lambda: float,
    progress: float,
) -> Diagnosis | None:
    """Say what state a domain-adversarial training is in, or None when the numbers do not decide it.

    domain_accuracy: of the domain head, in [0, 1], on as many source as target points. domain_loss: its mean binary
    cross-entropy in nats. head_gradient_norm: Euclidean norm of the loss's gradient in the head's own weights.
    probe_accuracy: held-out accuracy 1 − ε of a freshly trained linear probe, None where none was trained.
    grl_lambda: λ of the gradient reversal. progress: share of training done, in [0, 1].

    A healthy domain head at chance beside a probe somewhat above one half is the usual middle of a training and gives
    None: the probe is trained to the end on frozen features, the head chases moving ones.
    """
    if not all(math.isfinite(value) for value in (domain_accuracy, domain_loss, head_gradient_norm, grl_lambda)):
        return Diagnosis(
            "error",
            "diverged",
            "Training has diverged: a domain measurement is no longer a finite number; lower the learning rate or λ.",
        )
    if domain_loss > SATURATED_LOSS:
        return Diagnosis(
            "warning",
            "saturated_domain_head",
            f"The domain head is confidently wrong (loss {domain_loss:.1f}, guessing costs {CHANCE_LOSS:.2f}): "
            "raise λ more slowly or lower the learning rate.",
        )
    if abs(domain_accuracy - 0.5) <= NEAR_CHANCE:
        return _diagnose_chance(domain_accuracy, domain_loss, head_gradient_norm, probe_accuracy, progress)
    if domain_accuracy >= 0.95 and domain_loss <= 0.15 and progress >= LATE:
        return Diagnosis(
            "warning",
            "domain_head_wins",
            f"The domain head still tells source from target {domain_accuracy:.0%} of the time (λ is "
            f"{grl_lambda:.2g}): the features do not align; try a larger or earlier λ, or a smaller domain head.",
        )
    return None


def _diagnose_chance(
    accuracy: float, loss: float, gradient: float, probe_accuracy: float | None, progress: float
) -> Diagnosis | None:
    """The three meanings of a domain head at chance: aligned, dead, or fooled while the features stay apart."""
    if probe_accuracy is None or not math.isfinite(probe_accuracy):
        return None
    if abs(probe_accuracy - 0.5) <= NEAR_CHANCE:
        return Diagnosis(
            "info",
            "aligned",
            f"The domains are aligned: neither the domain head ({accuracy:.0%}) nor a freshly trained probe "
            f"({probe_accuracy:.0%}) can tell source from target.",
        )
    if probe_accuracy < EASILY_SEPARATED:
        return None
    if gradient <= VANISHED_GRADIENT and abs(loss - CHANCE_LOSS) <= NEAR_CHANCE_LOSS:
        return Diagnosis(
            "error",
            "dead_domain_head",
            f"The domain head is dead, not fooled: it guesses and its gradient has vanished ({gradient:.1g}), while a "
            f"freshly trained probe tells source from target {probe_accuracy:.0%} of the time.",
        )
    if progress >= LATE:
        return Diagnosis(
            "warning",
            "fooled_domain_head",
            f"The domain head guesses, but the features are not aligned: a freshly trained probe tells source from "
            f"target {probe_accuracy:.0%} of the time; give the head more units or a higher learning rate.",
        )
    return None


SMALLEST_LOSS = 0.005
"""Differences of accuracy up to half a point are never called a loss."""
SINGLE_SEED_LOSS = 0.02
"""With a single seed there is no spread to compare with: only a drop of more than two points is called a loss."""


def _drop(source_only: Floats, adapted: Floats) -> float | None:
    """The mean drop in accuracy from source-only to adapted if it exceeds what the seeds' spread explains, else None.

    More than two standard errors of the difference of two independent means (Welch 1947). The seeds are not treated
    as pairs: the same seed does not make two methods alike beyond their first weights.
    """
    before, after = summarise(source_only), summarise(adapted)
    drop = before.mean - after.mean
    if before.sd is None or after.sd is None:
        return drop if drop > SINGLE_SEED_LOSS else None
    error = math.sqrt(before.sd**2 / before.n + after.sd**2 / after.n)
    return drop if drop > max(SMALLEST_LOSS, 2.0 * error) else None


def _spread(values: Sequence[float] | Floats) -> str:
    summary = summarise(values)
    spread = "" if summary.sd is None else f" ± {100 * summary.sd:.1f}"
    return f"{100 * summary.mean:.1f}{spread} %"


def negative_transfer(source_only: Sequence[float], adapted: Sequence[float]) -> str | None:
    """A sentence if adaptation lowered target accuracy by more than the spread over seeds explains, else None.

    source_only, adapted: one target accuracy in [0, 1] a seed; the numbers of seeds may differ.
    With a single seed on either side the sentence says so, and only a drop of more than two points counts.

    Raises ValueError for an empty list or a value that is not finite.
    """
    drop = _drop(np.asarray(source_only, dtype=np.float64), np.asarray(adapted, dtype=np.float64))
    if drop is None:
        return None
    caveat = " (a single seed: repeat it before believing it)" if min(len(source_only), len(adapted)) == 1 else ""
    return (
        f"Adaptation hurt: target accuracy fell from {_spread(source_only)} to {_spread(adapted)}, "
        f"{100 * drop:.1f} points below training on the source alone{caveat}."
    )


def losing_classes(source_only: Floats, adapted: Floats) -> list[tuple[int, float]]:
    """The classes that adaptation hurt beyond the spread over seeds, as (class, drop in accuracy), worst first.

    source_only: (S, K), adapted: (T, K) target accuracy in [0, 1] of each class (columns) for each seed (rows).
    A class whose accuracy is NaN for some seed, for want of examples, is passed over.

    Raises ValueError unless both are tables of at least one seed by the same classes.
    """
    before, after = np.asarray(source_only, dtype=np.float64), np.asarray(adapted, dtype=np.float64)
    if before.ndim != 2 or after.ndim != 2 or before.shape[1] != after.shape[1] or not (len(before) and len(after)):
        raise ValueError(f"Expected seeds by the same classes, not tables of {before.shape} and {after.shape}.")
    known = np.isfinite(before).all(axis=0) & np.isfinite(after).all(axis=0)
    drops = [(int(index), _drop(before[:, index], after[:, index])) for index in np.flatnonzero(known)]
    lost = [(index, drop) for index, drop in drops if drop is not None]
    return sorted(lost, key=lambda item: (-item[1], item[0]))


def negative_transfer_by_class(source_only: Floats, adapted: Floats, class_names: Sequence[str]) -> str | None:
    """A sentence that lists the classes that adaptation hurt, worst first, or None; see `losing_classes`.

    A method may win on average and still lose a class: typical of label shift and of classes that the target lacks.

    Raises ValueError as `losing_classes` does, or for another number of class names.
    """
    lost = losing_classes(source_only, adapted)
    if len(class_names) != np.shape(source_only)[1]:
        raise ValueError(f"{np.shape(source_only)[1]} classes need as many names, not {len(class_names)}.")
    if not lost:
        return None
    named = ", ".join(f"{class_names[index]} (−{100 * drop:.1f} points)" for index, drop in lost)
    caveat = " A single seed: repeat it before believing it." if min(len(source_only), len(adapted)) == 1 else ""
    return f"Adaptation hurt {len(lost)} of {len(class_names)} classes: {named}.{caveat}"
