"""Who judges zero-shot learning: the holder of the labels of all test examples, seen and unseen."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from tlcore.analysis.confusion import confusion_counts
from tlcore.analysis.hubness import hubness
from tlcore.analysis.zero_shot import calibration_curve, per_class_mean_accuracy, predict, zero_shot_accuracy
from tlcore.data.zero_shot import ZeroShotData
from tlcore.runs.records import Confusion
from tlcore.training.evaluation import Score
from tlcore.training.events import Event, Metrics, Outputs

CURVE_POINTS = 40
CURVE = ("calibration_constant", "calibration_unseen", "calibration_seen")
"""The calibration curve of the final model, as three series: their “steps” count its points from 0."""


class ZeroShotEvaluator:
    """Scores both protocols, which are never mixed.

    last: the step whose calibration curve is kept. knows_descriptions: off for a classifier of the seen classes, which
    can say nothing of the others.
    """

    def __init__(self, data: ZeroShotData, *, last: int, knows_descriptions: bool = True) -> None:
        self._labels = {"source": data.test_seen.labels.numpy(), "target": data.test_unseen.labels.numpy()}
        self._seen: npt.NDArray[np.bool_] = data.seen.numpy()
        self._last = last
        self._knows_descriptions = knows_descriptions
        self._of_seen: tuple[int, npt.NDArray[np.floating]] | None = None

    def score(self, event: Event) -> Iterator[Score]:
        """Both protocols once the scores of seen and unseen test examples of one step are known."""
        if not isinstance(event, Outputs) or not np.isfinite(event.logits).all():
            return
        if event.domain == "source":
            self._of_seen = (event.step, event.logits)
            if not self._knows_descriptions:
                labels = self._labels["source"]
                yield Metrics(
                    event.step, {"seen_accuracy": per_class_mean_accuracy(labels, predict(event.logits, self._seen))}
                )
        elif self._knows_descriptions and self._of_seen is not None and self._of_seen[0] == event.step:
            yield from self._both(event.step, self._of_seen[1], event.logits)

    def _both(
        self, step: int, of_seen: npt.NDArray[np.floating], of_unseen: npt.NDArray[np.floating]
    ) -> Iterator[Score]:
        unseen_labels = self._labels["target"]
        scores = np.concatenate([of_seen, of_unseen])
        labels = np.concatenate([self._labels["source"], unseen_labels])
        curve = calibration_curve(scores, labels, self._seen)
        all_classes = curve.at(0.0)
        place = np.cumsum(~self._seen) - 1  # of an unseen class among the unseen ones
        hubs = hubness(of_unseen[:, ~self._seen], labels=place[unseen_labels])
        yield Metrics(
            step,
            {
                "unseen_accuracy": zero_shot_accuracy(of_unseen, unseen_labels, self._seen),
                # Sums of many shares may end a rounding above 1.
                "seen_accuracy": min(all_classes.seen_accuracy, 1.0),
                "generalised_unseen_accuracy": min(all_classes.generalised_unseen_accuracy, 1.0),
                "harmonic_mean": min(all_classes.harmonic_mean, 1.0),
                "calibration_area": min(curve.area, 1.0),
                "hubness_skewness": hubs.skewness,
            },
        )
        predictions = predict(of_unseen, ~self._seen)
        yield Confusion(step, "target", confusion_counts(unseen_labels, predictions, len(self._seen)))
        if step >= self._last:
            for number, values in enumerate(curve.thinned(CURVE_POINTS).tolist()):
                yield Metrics(number, dict(zip(CURVE, values, strict=True)))
