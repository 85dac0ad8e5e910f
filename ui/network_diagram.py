"""The network, drawn: what flows forward, which gradients flow back, and the numbers on them as they change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

from ui import theme
from ui.components import mount
from ui.step_words import StepMode


@dataclass(frozen=True)
class DiagramState:
    """What the diagram shows. A number that is None is shown as an en dash.

    target_labelled: the target's labels are used for training (the train-on-target arm).
    source_used: the source takes part in training.
    """

    extractor_caption: str = ""
    has_domain_classifier: bool = True
    target_labelled: bool = False
    class_loss: float | None = None
    domain_loss: float | None = None
    source_accuracy: float | None = None
    target_accuracy: float | None = None
    domain_accuracy: float | None = None
    probe_domain_accuracy: float | None = None
    class_gradient_norm: float | None = None
    domain_gradient_norm: float | None = None
    grl_lambda: float | None = None
    source_used: bool = True


def describe(state: DiagramState) -> str:
    """The diagram in words, for those who do not see it."""
    inputs = "Source and target pictures" if state.source_used else "Target pictures"
    layers = f" ({state.extractor_caption})" if state.extractor_caption else ""
    sentences = [f"{inputs} enter the feature extractor{layers}, which feeds the label predictor."]
    labelled = [name for name, used in (("source", state.source_used), ("target", state.target_labelled)) if used]
    sentences.append(f"Labels come from the {' and the '.join(labelled)}." if labelled else "No labels are used.")
    if state.has_domain_classifier:
        sentences.append("The domain classifier's gradient is reversed, times minus lambda, before the extractor.")
    return " ".join(sentences)


def network_diagram(
    state: DiagramState,
    *,
    key: str,
    step_mode: StepMode | None = None,
    on_next_step: Callable[[], None] = lambda: None,
) -> None:
    """Draw the network; with the same key its numbers change in place.

    step_mode: where a run waits; its last step is then shown phase by phase, only the acting parts of the network lit.
    The phase is the viewer's own and lives in the browser. on_next_step: they have seen the last one and want another
    step.
    """
    mount(
        "network_diagram",
        script="network_diagram.js",
        style="network_diagram.css",
        key=key,
        data={
            "state": asdict(state),
            "description": describe(state),
            "palette": theme.palette_payload(),
            "steps": step_mode.payload() if step_mode else None,
        },
        on_next_step_change=on_next_step,
    )
