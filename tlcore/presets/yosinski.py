"""The curves of Yosinski, Clune, Bengio and Lipson, “How transferable are features in deep neural networks?” (2014).

Mean of the ten best top-1 validation accuracies of each run on halves of ImageNet, recomputed from the logs that the
authors published with their code; a network has eight layers, of which the first n are transferred.
"""

from __future__ import annotations

SOURCE = "Yosinski et al., NIPS 2014, from the authors' published logs"
URL = "https://github.com/yosinski/convnet_transfer"
DEPTH = 8
"""Layers of the authors' network, the classifier, which is never transferred, included."""

BASE = 0.6251
"""Base B, the mean of eight runs, which lay between .6151 and .6341."""

CURVES: dict[str, tuple[float, ...]] = {
    "BnB": (0.6267, 0.6235, 0.6211, 0.6048, 0.5935, 0.6188, 0.6232),
    "AnB": (0.6282, 0.6239, 0.6189, 0.5998, 0.5780, 0.5806, 0.5425),
    "BnB+": (0.6177, 0.6215, 0.6313, 0.6287, 0.6301, 0.6276, 0.6266),
    "AnB+": (0.6373, 0.6358, 0.6426, 0.6398, 0.6446, 0.6460, 0.6465),
    "random": (0.492, 0.403, 0.001),
}
"""Accuracy for n = 1, 2, … of random halves. Random layers were frozen up to n = 3 only: nothing was learned there."""

DISSIMILAR_BASES = {"natural": 0.6534, "man-made": 0.5372}
DISSIMILAR: dict[str, tuple[float, ...]] = {
    "natural": (0.657, 0.651, 0.625, 0.582, 0.522, 0.485, 0.399),
    "man-made": (0.539, 0.521, 0.501, 0.462, 0.410, 0.374, 0.291),
}
"""AnB where one half is natural and the other man-made, by the half that is learned in the end."""


def relative(curve: str) -> tuple[float, ...]:
    """A curve of random halves less the base, in accuracy, for n = 1, 2, …"""
    return tuple(round(value - BASE, 4) for value in CURVES[curve])


def relative_dissimilar() -> tuple[float, ...]:
    """AnB of the dissimilar halves less their bases, the mean of both directions, for n = 1, 2, …"""
    pairs = zip(*(DISSIMILAR[half] for half in ("natural", "man-made")), strict=True)
    base = sum(DISSIMILAR_BASES.values()) / 2
    return tuple(round(sum(pair) / 2 - base, 4) for pair in pairs)
