"""Answers to what a page asks of trained networks. Runs in a short-lived process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from tlcore.data.folder import Report
from tlcore.runs import Run, Store
from tlcore.specs.model_questions import (
    AdviseTransfer,
    AskZeroShot,
    CompareLayers,
    DescribeClassifier,
    ModelQuestion,
    TryPicture,
)
from tlcore.training.advising import advise_transfer
from tlcore.training.describing import describe_classifier, onnx_model
from tlcore.training.layer_contents import compare_layers
from tlcore.training.trying import trained, try_picture
from tlcore.training.zero_shot_trying import ask_zero_shot


def answer_model(question: ModelQuestion, upload: Path | None = None, report: Report | None = None) -> Any:
    """The answer, ready for JSON. Raises LabError."""
    torch.set_num_threads(1)
    store = Store(question.store or None)
    if isinstance(question, AdviseTransfer):
        return advise_transfer(question.task, store, question.arms, report)
    run: Run = store.require(question.run)
    if isinstance(question, CompareLayers):
        return compare_layers(store, [run, store.require(question.other)], report)
    if isinstance(question, TryPicture):
        return try_picture(store, run, upload, question.neighbours, report)
    if isinstance(question, AskZeroShot):
        return ask_zero_shot(store, run, upload)
    if isinstance(question, DescribeClassifier):
        return describe_classifier(trained(store, run, report))
    return onnx_model(trained(store, run, report))
