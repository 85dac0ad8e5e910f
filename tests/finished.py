"""Finished runs for tests, trained here and now, in this process, with their weights in a store."""

from __future__ import annotations

import torch

from tlcore.execution.checkpoint_files import WEIGHTS, StoredTensors, write_tensors
from tlcore.methods.registry import METHODS
from tlcore.runs import Run, Store
from tlcore.specs import RunSpec, RunStart
from tlcore.training.evaluation import summarise_run
from tlcore.training.events import Finished, Metrics
from tlcore.training.preparation import prepare
from tlcore.training.trying import read_final_weights


def finished(store: Store, spec: RunSpec, arm: str | None = None, preset: str | None = None) -> Run:
    """Train the run, and before it the one it starts from, and put it into the store as finished."""
    weights = None
    if isinstance(spec.start, RunStart):
        before = finished(store, spec.start.spec)
        weights = read_final_weights(store, before)
    identity = store.add(spec, arm=arm, preset=preset)
    if store.require(identity).state == "finished":
        return store.require(identity)
    torch.manual_seed(spec.seed)
    prepared = prepare(spec, device=torch.device("cpu"), precision=torch.float32, start_weights=weights)
    store.record_probe(identity, prepared.probe)
    for event in METHODS[spec.method.name](spec, prepared.context):
        for score in (event, *prepared.evaluator.score(event)):
            if isinstance(score, Metrics):
                store.record_metrics(identity, [(score.step, score.values)])
        if isinstance(event, Finished):
            write_tensors(store.run_folder(identity) / WEIGHTS, StoredTensors(identity, event.step, 0.1, event.weights))
            summary = summarise_run(store.metrics(identity))
            store.change(identity, state="finished", step=event.step, ended=1.7e9, summary=summary)
    return store.require(identity)
