"""Which preset answers a question: from what somebody has, to where to begin."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Have:
    """What somebody has to learn from.

    source_labels, target_labels: whether anything is labelled there. plenty: whether there is much of the target: of
    its labels, and where it has none, of its pictures. same_classes: whether both have the same classes.
    """

    source_labels: bool
    target_labels: bool
    plenty: bool
    same_classes: bool


@dataclass(frozen=True)
class Choice:
    """Where to begin. preset: as `page/name`. reason: why, in one sentence."""

    preset: str
    reason: str


# By (source labelled, target labelled, plenty of the target, same classes).
_CHOICES: dict[tuple[bool, bool, bool, bool], Choice] = {
    (True, True, False, True): Choice(
        "fine-tuning/few-shot-digits",
        "With a few labels the network from the source is the better start: change it carefully, and see by how much "
        "each label more matters.",
    ),
    (True, True, False, False): Choice(
        "multitask/many-small-tasks",
        "Other classes are other tasks: learned together, they shape features that your few labels alone could not.",
    ),
    (True, True, True, True): Choice(
        "fine-tuning/four-cases",
        "With plenty of labels transfer buys less: the four cases show when it still pays, and when it hurts.",
    ),
    (True, True, True, False): Choice(
        "layer-transfer/glyphs",
        "The lower layers serve other classes as well, the upper ones do not: see at which layer that turns.",
    ),
    (True, False, False, True): Choice(
        "domain-adversarial/moons",
        "Without labels in the target, make both domains look alike; this one is small enough to see what that asks of "
        "the target.",
    ),
    (True, False, True, True): Choice(
        "domain-adversarial/photo-digits",
        "The target shows how its pictures look, if not what they are: make the features of both domains "
        "impossible to tell apart.",
    ),
    (True, False, False, False): Choice(
        "zero-shot/creatures",
        "Classes without one labelled picture are recognised by a description: a list of what they have.",
    ),
    (True, False, True, False): Choice(
        "zero-shot/generalised",
        "New classes come mixed with known ones: describe them, and choose among all of both.",
    ),
}
_SELF_TAUGHT = {
    False: Choice(
        "self-taught/digits",
        "Unlabelled pictures teach what pictures are made of; your few labels then name what was found.",
    ),
    True: Choice(
        "self-taught/digits",
        "Follow the curve over labels: it shows up to how many of them features learned without labels still help.",
    ),
}
_CLUSTERING = Choice(
    "self-taught/clustering",
    "Nothing is labelled, so groups are all there is to find: with features learned elsewhere they become clearer.",
)


def choose(have: Have) -> Choice:
    """Where somebody with this should begin. Without labels in the source it has no classes to be the same."""
    if not have.source_labels:
        return _SELF_TAUGHT[have.plenty] if have.target_labels else _CLUSTERING
    return _CHOICES[have.source_labels, have.target_labels, have.plenty, have.same_classes]
