"""A training step taken apart, in words: one passage a phase, with the numbers of that very batch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tlcore.runs.records import StepAnatomy

TITLES = {
    "forward": "Forward",
    "class_gradient": "Class gradient",
    "domain_gradient": "Domain gradient",
    "reversal": "Reversal",
    "update": "Update",
}
INVITATION = "Training waits after step {step:,}. Make one step and see it taken apart, one phase after the other."
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

# Cosines nearer to zero than this are called a right angle: 84 to 96 degrees.
RIGHT_ANGLE = 0.1


@dataclass(frozen=True)
class StepMode:
    """A run that waits, and the last step that was taken apart, if any was. step: the one after which it waits."""

    step: int
    anatomy: StepAnatomy | None = None

    def payload(self) -> dict[str, Any]:
        """What the browser is sent: titles and passages of the phases, and all their numbers by phase."""
        # A step just made may be recorded a moment before the run is said to have reached it.
        if self.anatomy is None or self.anatomy.step < self.step:
            return {"step": self.step, "phases": [], "numbers": {}, "invitation": INVITATION.format(step=self.step)}
        numbers = dict(self.anatomy.phases)
        return {
            "step": self.anatomy.step,
            "phases": [
                {"name": name, "title": TITLES.get(name, name), "words": words_of(name, numbers)} for name in numbers
            ],
            "numbers": {
                name: {key: value if math.isfinite(value) else None for key, value in values.items()}
                for name, values in numbers.items()
            },
            "invitation": "",
        }


def words_of(phase: str, numbers: Mapping[str, Mapping[str, float]]) -> str:
    """The passage on one phase. numbers: those of all phases, since an update tells from where the losses come."""
    if phase == "forward":
        return _forward(numbers["forward"])
    if phase == "class_gradient":
        return _class_gradient(numbers["class_gradient"], numbers["forward"])
    if phase == "domain_gradient":
        return _domain_gradient(numbers["domain_gradient"])
    if phase == "reversal":
        return _reversal(numbers)
    if phase == "update":
        return _update(numbers["update"], numbers["forward"])
    return ""


def _forward(values: Mapping[str, float]) -> str:
    right, loss = percent(values["training_accuracy"]), figure(values["class_loss"])
    if "domain_loss" not in values:
        domain = "source" if "source_count" in values else "target"
        return (
            f"{values[f'{domain}_count']:.0f} labelled {domain} examples become features of mean length "
            f"{figure(values[f'{domain}_feature_norm'])}. The label predictor is right on {right} of them: "
            f"class loss {loss}."
        )
    return (
        f"{values['source_count']:.0f} source and {values['target_count']:.0f} target examples become features of mean "
        f"length {figure(values['source_feature_norm'])} and {figure(values['target_feature_norm'])}. The label "
        f"predictor is right on {right} of the source examples (class loss {loss}); the domain classifier knows where "
        f"{percent(values['training_domain_accuracy'])} of all come from (domain loss {figure(values['domain_loss'])})."
    )


def _class_gradient(values: Mapping[str, float], forward: Mapping[str, float]) -> str:
    domain = "source" if "source_count" in forward else "target"
    unlabelled = " None reaches the target, which has no labels." if "domain_loss" in forward else ""
    return (
        "The class loss says how the label predictor should change, a gradient of length "
        f"{figure(values['predictor_gradient_norm'])} at its weights, and how the features should: one of mean length "
        f"{figure(values['class_gradient_norm'])} at each {domain} example.{unlabelled}"
    )


def _domain_gradient(values: Mapping[str, float]) -> str:
    return (
        "The domain loss says how the domain classifier should change, a gradient of length "
        f"{figure(values['domain_head_gradient_norm'])} at its weights, and which features would tell source and "
        f"target apart better still: one of mean length {figure(values['domain_gradient_norm_before_reversal'])} at "
        "each example of both domains."
    )


def _reversal(numbers: Mapping[str, Mapping[str, float]]) -> str:
    values = numbers["reversal"]
    before = numbers["domain_gradient"]["domain_gradient_norm_before_reversal"]
    if not values["grl_lambda"]:
        return (
            f"λ is still 0: of the domain gradient's {figure(before)} nothing passes, and the feature extractor learns "
            f"for the classes alone, from a gradient of {figure(values['combined_gradient_norm'])}."
        )
    turned = (
        f"Times −λ, the domain gradient turns around and {figure(before)} × {figure(values['grl_lambda'])} = "
        f"{figure(values['domain_gradient_norm'])} goes on: the features are to tell the domains apart less."
    )
    forward = numbers["forward"]
    share = forward["source_count"] / (forward["source_count"] + forward["target_count"])
    return (
        f"{turned} At a source example it weighs {percent(share)}, {figure(values['domain_share_norm'])}, since the "
        f"domain loss is a mean over both domains. It {_angle(values.get('cosine'))}; together they are "
        f"{figure(values['combined_gradient_norm'])} long."
    )


def _angle(cosine: float | None) -> str:
    if cosine is None:
        return "meets no class gradient"
    told = f"(cosine {cosine:.2f})".replace("-", "−")
    if abs(cosine) < RIGHT_ANGLE:
        return f"stands nearly at a right angle to the class gradient {told}"
    return f"pulls {'with' if cosine > 0 else 'against'} the class gradient {told}"


def _update(values: Mapping[str, float], forward: Mapping[str, float]) -> str:
    moved = (
        f"the feature extractor by {figure(values['extractor_change'])}, the label predictor by "
        f"{figure(values['predictor_change'])}"
    )
    outcome = f"the class loss {change(forward['class_loss'], values['class_loss_after'])}"
    if "domain_head_change" in values:
        moved += f", the domain classifier by {figure(values['domain_head_change'])}"
        outcome += f", the domain loss {change(forward['domain_loss'], values['domain_loss_after'])}"
    return (
        f"At learning rate {figure(values['learning_rate'])} all weights move at once: {moved}. On the same batch "
        f"{outcome}."
    )


def change(before: float, after: float) -> str:
    """From one value to another, with as many decimals as it takes to see the difference, up to six."""
    for decimals in range(3, 7):
        first, second = f"{before:.{decimals}f}", f"{after:.{decimals}f}"
        if first != second:
            return f"{'rises' if after > before else 'falls'} from {first} to {second}"
    return f"stays at {before:.3f}"


def percent(share: float) -> str:
    """A share as a whole percentage."""
    return f"{100 * share:.0f} %"


def figure(value: float) -> str:
    """Three significant figures, without an exponent where the number is not tiny."""
    if not math.isfinite(value):
        return "not a finite number"
    size = abs(value)
    if size == 0:
        return "0"
    if size >= 1000:
        return f"{value:,.0f}"
    if size >= 0.001:
        decimals = max(0, 2 - math.floor(math.log10(size)))
        return f"{value:.{decimals}f}"
    mantissa, exponent = f"{value:.1e}".split("e")
    return f"{mantissa} × 10{str(int(exponent)).translate(SUPERSCRIPTS)}"
