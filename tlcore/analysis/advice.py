"""Which way of using a source network suits a target task: told from a few figures, with the reason in plain words.

The rules are the four cases of every textbook (Karpathy, CS231n notes, "Transfer learning", 2016; Yosinski et al., NIPS
2014, for why early layers carry further): little or much target data × near or far from the source. What the textbook
leaves open, where near ends and much begins, are the constants below: each lies halfway between what was measured on
its two sides on the source networks and data of the lab's own four cases (`fine-tuning/four-cases`, seed 0). Which arms
won there is kept as an order. All of it comes from one family of tasks: the advice is a guess made before training, and
is checked by training.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

Size = Literal["little", "much"]
Distance = Literal["near", "far"]
Case = tuple[Size, Distance]

MEASURED: dict[str, tuple[float, float]] = {
    "distance": (1.573, 1.973),
    "logme_gain": (0.131, -0.013),
    "lead": (0.103, 0.041),
}
"""What the constants lie between, for handwriting over photographs.

distance: proxy A-distance on the features of a near source (printed characters over photographs) and of a far one (the
same, drawn as edges or on black; the nearer of these). logme_gain: LogME of the features less that of the pixels, near
and far, at five labels per class; with one and two it did not tell them apart. lead: left-out accuracy on the near
source's features less that on pixels at 20 labels per class, when its weights still were the best start, and at 50,
when learning from scratch had caught up.
"""

FAR_DISTANCE = sum(MEASURED["distance"]) / 2
LOGME_GAIN = sum(MEASURED["logme_gain"]) / 2
CAUGHT_UP = sum(MEASURED["lead"]) / 2
FEWEST_FOR_LOGME = 5
"""Labels per class below which LogME said the same of near and far."""

MUCH = 35
"""Labels per class from which there is much data: halfway between 20 and 50, see `MEASURED`."""

SETTLED = 0.9
"""Left-out accuracy from which a classifier on the features is advised. A choice, not a measurement: it takes seconds
and leaves less than one example in ten to be gained."""

ADVISED: dict[Case, tuple[str, ...]] = {
    ("little", "near"): ("l2_sp", "early_features", "fine_tune", "output_matching", "fixed_features", "scratch"),
    ("much", "near"): ("scratch", "early_features", "fine_tune", "l2_sp", "output_matching", "fixed_features"),
    ("little", "far"): ("early_features", "l2_sp", "scratch", "output_matching", "fine_tune", "fixed_features"),
    ("much", "far"): ("scratch", "fine_tune", "l2_sp", "output_matching", "early_features", "fixed_features"),
}
"""The arms in the order in which they came out when the four cases were measured (means of seeds 0 to 2), the best
first. Output matching, which has no arm there, stands where one run beside them (seed 0) puts it."""

STILL_LEADS = ("fine_tune", "l2_sp", "output_matching", "fixed_features", "early_features", "scratch")
"""Much data, near, and the features still far ahead of the pixels: the textbook's advice, as nothing was measured."""

TEXTBOOK: dict[Case, tuple[str, str]] = {
    ("little", "near"): ("fixed_features", "a linear classifier on the features"),
    ("much", "near"): ("fine_tune", "fine-tune all layers"),
    ("little", "far"): ("early_features", "a linear classifier on the activations of an earlier layer"),
    ("much", "far"): ("fine_tune", "start from the weights and fine-tune all layers"),
}
"""Arm and words of the four cases."""

NAMES = {
    "scratch": "learn from scratch",
    "fixed_features": "put a linear classifier on the fixed features",
    "early_features": "put a linear classifier on the features of an earlier layer",
    "fine_tune": "fine-tune all layers",
    "l2_sp": "fine-tune with the parameters held near the source's (L2-SP)",
    "output_matching": "fine-tune with the source's answers held",
}


KINDS_OF_EVIDENCE = 3
"""Distance, lead and LogME: what could not be measured makes no advice surer."""


@dataclass(frozen=True)
class Measurements:
    """What is known of a target task before it is trained.

    labels: labelled examples in all; labels_per_class: on average. distance: proxy A-distance between source and target
    on the source network's features; None where nobody has the source's pictures. separable, plain_separable: left-out
    accuracy of a linear classifier on these features and on bare pixels; None with fewer than two labels of a class.
    logme, plain_logme: of both, in nats. leep: of the source's own answers, in nats; None where it has no head.
    """

    labels: int
    classes: int
    labels_per_class: int
    distance: float | None
    separable: float | None
    plain_separable: float | None
    logme: float | None
    plain_logme: float | None
    leep: float | None
    source_head: bool

    @property
    def lead(self) -> float | None:
        """By how much the features are ahead of bare pixels, in left-out accuracy."""
        if self.separable is None or self.plain_separable is None:
            return None
        return self.separable - self.plain_separable

    @property
    def chance_of_lead(self) -> float:
        """Standard error of the lead, as of two shares of this many examples."""
        if self.separable is None or self.plain_separable is None or not self.labels:
            return 0.0
        spread = sum(share * (1 - share) for share in (self.separable, self.plain_separable))
        return math.sqrt(spread / self.labels)


@dataclass(frozen=True)
class Advice:
    """What to do, and why.

    arm: the one that is advised. order: all arms, the likeliest to win first. size, distance: which of the four cases
    it was taken for. confidence: from 0.5, a mere guess, to 0.9. words: two to four sentences. textbook: what the
    textbook says of this case.
    """

    arm: str
    order: tuple[str, ...]
    size: Size
    distance: Distance
    confidence: float
    words: tuple[str, ...]
    textbook: str


def advise(measured: Measurements, arms: Collection[str] = tuple(NAMES)) -> Advice:
    """The advice that follows from the measurements; nothing but them is looked at. arms: those to choose from.

    Raises ValueError where there is none of those that are known.
    """
    evidence = evidence_of_nearness(measured)
    near = sum(vote > 0 for vote in evidence.values())
    distance: Distance = "near" if not evidence or 2 * near >= len(evidence) else "far"
    size: Size = "much" if measured.labels_per_class >= MUCH else "little"
    lead = measured.lead
    order = ADVISED[size, distance]
    still_leads = size == "much" and lead is not None and lead >= CAUGHT_UP
    if still_leads:
        order = STILL_LEADS
    settled = measured.separable is not None and measured.separable >= SETTLED and (lead is None or lead > 0)
    if settled:
        order = ("fixed_features", *(arm for arm in order if arm != "fixed_features"))
    possible = set(arms) - (set() if measured.source_head else {"output_matching"})
    order = tuple(arm for arm in order if arm in possible)
    if not order:
        raise ValueError(f"There is no arm to advise among {', '.join(arms) or 'none'}.")
    settled = settled and order[0] == "fixed_features"
    agreeing = near if distance == "near" else len(evidence) - near
    confidence = 0.5 + 0.4 * agreeing / KINDS_OF_EVIDENCE * _clearness(evidence)
    words = (
        _sentence_of_case(measured, size, distance),
        *_sentences_of_evidence(measured, distance),
        _sentence_of_choice(order[0], size, distance, settled=settled, still_leads=still_leads),
    )
    return Advice(order[0], order, size, distance, round(confidence, 2), words, TEXTBOOK[size, distance][1])


def evidence_of_nearness(measured: Measurements) -> dict[str, float]:
    """What speaks for a near source (above 0, up to 1) or a far one (below 0, down to −1), by what was measured.

    Each is the way from its constant, 1 at the side where it was measured; for the lead it is in units of two standard
    errors, because with few labels it is mostly chance.
    """
    found: dict[str, float] = {}
    if measured.distance is not None:
        reach = (MEASURED["distance"][1] - MEASURED["distance"][0]) / 2
        found["distance"] = _within((FAR_DISTANCE - measured.distance) / reach)
    if measured.lead is not None and measured.lead != 0:
        found["lead"] = _within(measured.lead / max(2 * measured.chance_of_lead, 1e-9))
    if (
        measured.logme is not None
        and measured.plain_logme is not None
        and measured.labels_per_class >= FEWEST_FOR_LOGME
    ):
        reach = (MEASURED["logme_gain"][0] - MEASURED["logme_gain"][1]) / 2
        found["logme"] = _within((measured.logme - measured.plain_logme - LOGME_GAIN) / reach)
    return found


def _within(value: float) -> float:
    return max(-1.0, min(1.0, value))


def _clearness(evidence: dict[str, float]) -> float:
    """How far from the constants the evidence lies, from 0 to 1."""
    return sum(abs(vote) for vote in evidence.values()) / len(evidence) if evidence else 0.0


def _sentence_of_case(measured: Measurements, size: Size, distance: Distance) -> str:
    count = f"{measured.labels:,} labelled pictures of {measured.classes:,} classes are {size}"
    if measured.distance is None:
        return f"{count} data; how far the source is cannot be measured, as its pictures are not here."
    lies = "near" if measured.distance < FAR_DISTANCE else "far"
    return (
        f"{count} data, and on the source network's features the target lies {lies}: "
        f"a proxy A-distance of {measured.distance:.2f}, between 0 (cannot be told apart) and 2."
    )


def _sentences_of_evidence(measured: Measurements, distance: Distance) -> tuple[str, ...]:
    said = []
    if measured.separable is not None and measured.plain_separable is not None and measured.lead is not None:
        unsure = (
            " (with so few labels much of that is chance)" if abs(measured.lead) < 2 * measured.chance_of_lead else ""
        )
        said.append(
            f"A linear classifier names {measured.separable:.0%} of left-out pictures rightly by these features, and "
            f"{measured.plain_separable:.0%} by bare pixels{unsure}."
        )
    elif measured.leep is not None:
        said.append(
            f"With one label of a class nothing can be left out to test on; LEEP, by the source's own answers, is "
            f"−{abs(measured.leep):.2f} nats, where answers that tell nothing give about "
            f"−{math.log(max(2, measured.classes)):.2f} and with so few labels it is always flattering."
        )
    if measured.distance is not None and (measured.distance < FAR_DISTANCE) != (distance == "near"):
        said.append(f"Most of what was measured nevertheless speaks for a {distance} source.")
    return tuple(said)


def _sentence_of_choice(arm: str, size: Size, distance: Distance, *, settled: bool, still_leads: bool) -> str:
    name = NAMES[arm]
    if settled:
        return f"So {name}: that takes seconds and leaves little to be gained by anything longer."
    if still_leads:
        return f"So {name}: the features are still well ahead of the pixels, and there are labels enough to move them."
    if arm == "scratch" and distance == "near":
        return f"So {name}: there are labels enough to learn what the source could have told."
    if arm == "scratch":
        return f"So {name}: the source's weights would have to be unlearned first."
    if arm == "early_features":
        return f"So {name}: what comes late in the network belongs to the source, what comes early serves both."
    if (size, distance) == ("little", "near") and arm in ("l2_sp", "output_matching", "fixed_features"):
        return f"So {name}: the weights know most of it already, and few labels must not lead them astray."
    return f"So {name}: of the ways to choose from here it came out best where this case was measured."
