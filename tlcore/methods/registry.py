"""Which function trains which method."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tlcore.methods import (
    domain_adversarial,
    fine_tuning,
    fixed_features,
    layer_transfer,
    learned_features,
    multitask,
    progressive,
    self_taught,
    zero_shot,
)
from tlcore.specs import RunSpec
from tlcore.training.context import Context
from tlcore.training.events import Event

METHODS: dict[str, Callable[[RunSpec, Context], Iterator[Event]]] = {
    "source_only": domain_adversarial.source_only,
    "dann": domain_adversarial.dann,
    "train_on_target": domain_adversarial.train_on_target,
    "pretrain": fine_tuning.pretrain,
    "scratch": fine_tuning.scratch,
    "fixed_features": fixed_features.fixed_features,
    "fine_tune": fine_tuning.fine_tune,
    "l2_sp": fine_tuning.l2_sp,
    "output_matching": fine_tuning.output_matching,
    "layer_transfer": layer_transfer.layer_transfer,
    "single_task": multitask.single_task,
    "shared": multitask.shared,
    "progressive": progressive.progressive,
    "principal_components": self_taught.principal_components,
    "autoencoder": self_taught.autoencoder,
    "contrastive": self_taught.contrastive,
    "vicreg": self_taught.vicreg,
    "learned_features": learned_features.learned_features,
    "features": zero_shot.features,
    **dict.fromkeys(("attributes", "naive", "margin", "devise", "ale"), zero_shot.learn),
    **dict.fromkeys(("conse", "eszsl"), zero_shot.solve),
}
