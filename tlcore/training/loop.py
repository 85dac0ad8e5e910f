"""The step loop that every method shares: it advances, reports, evaluates and writes checkpoints.

A method hands it an `Objective`. The loop is a generator, so
whoever pulls it may pause between any two steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from tlcore.freed_memory import keep_freed_memory
from tlcore.runs.records import Frame, Surface
from tlcore.specs import Optimisation, RunSpec
from tlcore.training.anatomy import Dissection
from tlcore.training.checkpoints import flatten_optimiser, restore_optimiser, with_prefix, without_prefix
from tlcore.training.context import Context, DomainName
from tlcore.training.events import Advanced, Checkpoint, Event, Features, Finished, Metrics, Outputs
from tlcore.training.networks import channels_last
from tlcore.training.objective import Objective
from tlcore.training.schedules import learning_rate
from tlcore.training.snapshot import Snapshot
from tlcore.training.window import MetricWindow

EVALUATION_BATCH = 1000
EVALUATION_BATCH_ON_CPU = 250  # what a layer gives is then still in the cache when the next one takes it
SURFACE_SIDE = 64


def train(spec: RunSpec, context: Context, objective: Objective) -> Iterator[Event]:
    """Train `objective` for `spec.budget.steps` steps and tell what happens."""
    if context.device.type == "cpu":
        keep_freed_memory()
    modules = nn.ModuleDict(dict(objective.modules())).to(context.device)
    if context.device.type == "cpu" and len(context.data.source.inputs.shape) == 4:
        modules = modules.to(memory_format=torch.channels_last)
    optimiser = build_optimiser(spec.optimisation, objective.parameter_groups())
    window = MetricWindow(context.device)
    step = 0
    if context.resume_state is not None:
        step = _restore(context.resume_state, modules, optimiser, objective, window)
    steps, cadence = spec.budget.steps, context.cadence
    modules.train()
    # The first loss is told before the untrained model is looked at, which takes longer than many steps: someone waits.
    untrained = Snapshot(modules) if step == 0 else None
    while step < steps:
        progress = step / steps
        rate = learning_rate(spec.optimisation, progress)
        for group in optimiser.param_groups:
            group["lr"] = rate * group.get("rate", 1.0)
        objective.begin_step(progress)
        apart = cadence.every_step and objective.dissectable
        dissection = Dissection(objective, context.device) if apart else None
        loss, scalars = _forward(context, objective, progress)
        if dissection:
            dissection.after_forward()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        scalars.update(objective.after_backward())
        if dissection:
            dissection.after_backward()
        optimiser.step()
        window.add(scalars)
        step += 1
        if cadence.metrics_due(step):
            yield Metrics(step, window.fetch() | objective.settings(progress) | {"learning_rate": rate})
        if untrained:
            with untrained.restored():
                first_look = observe(0, context, objective)
            untrained = None
            yield from first_look
        if dissection:
            yield dissection.after_update(step, rate, partial(_forward, context, objective, progress))
        yield from observe(step, context, objective)
        if cadence.checkpoint_due(step):
            yield Checkpoint(step, _state(step, modules, optimiser, objective, window))
        yield Advanced(step)
    last_words = list(objective.conclude(step))
    if last_words:
        yield from last_words
        yield from observe(step, context, objective)
    yield Finished(step, {name: tensor.detach().cpu().contiguous() for name, tensor in modules.state_dict().items()})


def _forward(context: Context, objective: Objective, progress: float) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    with torch.autocast(context.device.type, context.precision, enabled=context.precision != torch.float32):
        return objective.loss(progress)


def build_optimiser(
    spec: Optimisation, parameters: Sequence[nn.Parameter] | Sequence[dict[str, Any]]
) -> torch.optim.Optimizer:
    """The optimiser a spec names, over parameters or groups of them."""
    if spec.optimiser == "sgd":
        return torch.optim.SGD(
            parameters, lr=spec.learning_rate, momentum=spec.momentum, weight_decay=spec.weight_decay
        )
    kind = torch.optim.Adam if spec.optimiser == "adam" else torch.optim.AdamW
    return kind(parameters, lr=spec.learning_rate, weight_decay=spec.weight_decay)


def observe(step: int, context: Context, objective: Objective) -> list[Event]:
    """Look at the model without changing it: held-out outputs, features of the probe points, surfaces.

    All at once and not one event after the other: whoever pulls the events may stop between two, and must not find
    modules in evaluation mode, or torch in inference mode, for as long.
    """
    evaluation, frame = context.cadence.evaluation_due(step), context.cadence.frame_due(step)
    if not (evaluation or frame):
        return []
    events: list[Event] = []
    modes = {module: module.training for root in objective.modules().values() for module in root.modules()}
    for module in modes:
        module.training = False
    try:
        with torch.inference_mode():
            if frame:
                events += _record_features(step, context, objective)
            if evaluation:
                events += _evaluate(step, objective)
                events += objective.measures(step)
    finally:
        for module, training in modes.items():
            module.training = training
    return events


def _record_features(step: int, context: Context, objective: Objective) -> Iterator[Event]:
    domain: DomainName = "target" if len(context.data.target) else "source"
    features, logits = objective.outputs(domain, objective.prepared("probe", context.data.probe))
    # Where there are no classes nothing is predicted.
    known = logits.argmax(1) if logits.shape[1] else torch.full((len(features),), -1)
    predictions = known.cpu().numpy().astype(np.int16)
    yield Features(step, features.float().cpu().numpy(), predictions)
    if context.data.probe.ndim == 2 and context.data.probe.shape[1] == 2:  # points of the plane
        yield Frame(step, "input", context.data.probe.float().cpu().numpy(), predictions)
        yield from _surfaces(step, context, objective)


def _evaluate(step: int, objective: Objective) -> Iterator[Event]:
    """Class logits on all held-out inputs, and the means of the objective's scores: both domains count the same."""
    means: dict[str, list[torch.Tensor]] = {}
    for (domain, part), raw in objective.context.data.held_out.items():
        inputs = objective.prepared((domain, part), raw)
        logits: list[torch.Tensor] = []
        scores: dict[str, list[torch.Tensor]] = {}
        for chunk in inputs.split(EVALUATION_BATCH_ON_CPU if inputs.device.type == "cpu" else EVALUATION_BATCH):
            features, answers = objective.outputs(domain, chunk)  # once for all heads: it is nearly all of the work
            logits.append(answers)
            if part == "test":
                for name, values in objective.scores(domain, features).items():
                    scores.setdefault(name, []).append(values.float())
        for name, parts in scores.items():
            means.setdefault(name, []).append(torch.cat(parts).mean())
        yield Outputs(step, domain, part, torch.cat(logits).float().cpu().numpy())
    if means:
        yield Metrics(step, {name: float(torch.stack(values).mean()) for name, values in means.items()})


def _surfaces(step: int, context: Context, objective: Objective) -> Iterator[Event]:
    low, high = context.data.probe.min(0).values, context.data.probe.max(0).values
    margin = 0.15 * (high - low)
    low, high = low - margin, high + margin
    axes = [torch.linspace(float(low[i]), float(high[i]), SURFACE_SIDE, device=low.device) for i in range(2)]
    y, x = torch.meshgrid(axes[1], axes[0], indexing="ij")
    features = objective.network.extractor(channels_last(torch.stack([x.flatten(), y.flatten()], 1)))
    extent = (float(low[0]), float(high[0]), float(low[1]), float(high[1]))
    for name, values in objective.surfaces(features).items():
        grid: npt.NDArray[np.float32] = values.float().reshape(SURFACE_SIDE, SURFACE_SIDE).cpu().numpy()
        yield Surface(step, name, extent, grid)


def _state(
    step: int, modules: nn.Module, optimiser: torch.optim.Optimizer, objective: Objective, window: MetricWindow
) -> dict[str, torch.Tensor]:
    state = with_prefix("modules", modules.state_dict()) | with_prefix("optimiser", flatten_optimiser(optimiser))
    for name, batches in objective.batches.items():
        state |= with_prefix(f"batches.{name}", batches.state())
    state |= with_prefix("window", window.state()) | with_prefix("objective", objective.state())
    return state | {"step": torch.tensor(step), "random": torch.get_rng_state()}


def _restore(
    state: Mapping[str, torch.Tensor],
    modules: nn.Module,
    optimiser: torch.optim.Optimizer,
    objective: Objective,
    window: MetricWindow,
) -> int:
    modules.load_state_dict(without_prefix("modules", state))
    restore_optimiser(optimiser, without_prefix("optimiser", state))
    for name, batches in objective.batches.items():
        batches.restore(without_prefix(f"batches.{name}", state))
    window.restore(without_prefix("window", state))
    objective.restore(without_prefix("objective", state))
    torch.set_rng_state(state["random"])
    return int(state["step"])
