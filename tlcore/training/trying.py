"""A finished run's network, put together again from its spec and its weights, and tried on a new picture."""

from __future__ import annotations

import base64
import io
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from tlcore.data.dataset import Dataset
from tlcore.data.folder import Report
from tlcore.data.load import load_dataset
from tlcore.data.own.library import find_own
from tlcore.data.own.pictures import UnusablePicture, as_file, read_content, read_square
from tlcore.data.pairing import fit_pictures
from tlcore.data.samples import spread_over_classes
from tlcore.errors import InvalidRequest, MissingData
from tlcore.networks import Classifier, build_classifier
from tlcore.networks.layers import FeaturesAfter
from tlcore.runs import Run, Store
from tlcore.specs import DatasetSpec, FixedFeatures, OwnPictures, RunSpec, Shifted
from tlcore.specs.run import VECTORS
from tlcore.training.checkpoints import without_prefix
from tlcore.training.networks import channels_last
from tlcore.training.preparation import LOADERS, Loaded

WEIGHTS = "weights.safetensors"
SMALL_SIDE = 64  # pictures up to this size are compared with many others, larger ones with few: seconds are given
COMPARED, COMPARED_LARGE = 500, 24
SHOWN_SIDE = 96


def read_final_weights(store: Store, run: Run) -> dict[str, torch.Tensor]:
    """The tensors that a finished run left, by `part.name`.

    Raises InvalidRequest for a run that has not finished, MissingData where its weights are not on this machine.
    """
    if run.state != "finished":
        raise InvalidRequest(f"Run {run.id} is {run.state}: its network can be used once it has finished.")
    path = store.run_folder(run.id) / WEIGHTS
    if not path.is_file():
        raise MissingData(
            f"The weights of run {run.id} are not on this machine: recorded runs come without them; train it here."
        )
    try:
        with safe_open(path, framework="pt") as file:
            if (file.metadata() or {}).get("run") != run.id:
                raise MissingData(f"The file {WEIGHTS} of run {run.id} belongs to another run.")
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise MissingData(f"The weights of run {run.id} are damaged ({error}).") from None


def load_trained(store: Store, run: Run, shape: Sequence[int] | None = None) -> Classifier:
    """The network of a finished run with its final weights, in evaluation mode, on the CPU.

    Where the run put a classifier on an earlier layer, the extractor ends there. shape: (C, H, W) or (D,) of its
    inputs, where known; otherwise its data are loaded to see. Raises InvalidRequest, MissingData.
    """
    tensors = read_final_weights(store, run)
    shape = shape or tuple(examples_of_run(LOADERS[run.spec.data.kind](run.spec, None)).inputs.shape[1:])
    return classifier_of(run.spec, tensors, shape)


def classifier_of(spec: RunSpec, tensors: Mapping[str, torch.Tensor], shape: Sequence[int]) -> Classifier:
    """The spec's network with these final weights, in evaluation mode. Raises InvalidRequest where they do not fit."""
    body, head = without_prefix("extractor", tensors), without_prefix("predictor", tensors)
    if "output.weight" not in head:
        raise InvalidRequest("These weights are not of a classifier: they have no label predictor.")
    classes = len(head["output.weight"])
    mean = body.get("centre.mean", torch.zeros(()))
    built = build_classifier(spec.network, shape, classes, torch.zeros_like(mean))
    try:
        built.extractor.load_state_dict(body)
        if isinstance(spec.method, FixedFeatures):
            width = head["output.weight"].shape[1]
            predictor = nn.Sequential(OrderedDict(output=nn.Linear(width, classes)))
            extractor = built.extractor
            if spec.method.layer:
                extractor = nn.Sequential(OrderedDict(features=FeaturesAfter(extractor, spec.method.layer)))
            built = Classifier(extractor, predictor, width)
        built.predictor.load_state_dict(head)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise InvalidRequest(f"The weights are not of the network that the run names: {reason[:200]}") from None
    return built.eval().requires_grad_(False)


def examples_of_run(loaded: Loaded) -> Dataset:
    """The labelled examples a run learned from: of its target, or where it has no labels there, of its source."""
    target = loaded.visible.target
    return target if isinstance(target, Dataset) and len(target) else loaded.visible.source


@dataclass(frozen=True)
class Trained:
    """A finished run with its network and what it learned from.

    native: (C, H, W) as its own pictures are read from files, before they are brought to what the network takes.
    """

    run: Run
    classifier: Classifier
    loaded: Loaded
    native: tuple[int, ...]

    @property
    def class_names(self) -> tuple[str, ...]:
        """What the outputs stand for."""
        return self.examples.class_names

    @cached_property
    def examples(self) -> Dataset:
        """What it learned from."""
        return examples_of_run(self.loaded)

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, H, W) of what the network takes."""
        return tuple(self.examples.inputs.shape[1:])

    @torch.no_grad()
    def probabilities(self, inputs: torch.Tensor) -> torch.Tensor:
        """Probabilities (N, K) of the classes for inputs (N, …) of the network's shape."""
        return self.classifier(channels_last(inputs)).float().softmax(1)

    def read_picture(self, content: bytes) -> torch.Tensor:
        """One picture file as the network takes it, (1, C, H, W) uint8, in the steps in which its own were read.

        Raises InvalidRequest where the file is no picture that can be used.
        """
        try:
            pixels = read_square(io.BytesIO(read_content(io.BytesIO(content))), self.native[-1])
        except UnusablePicture as error:
            raise InvalidRequest(f"The picture cannot be used: {error}.") from None
        return fit_pictures(fit_pictures(torch.from_numpy(pixels.copy())[None], self.native), self.shape)


def trained(store: Store, run: Run, report: Report | None = None) -> Trained:
    """A finished run that works on pictures, ready to be tried. Raises InvalidRequest, MissingData."""
    spec = run.spec
    names = [data.name for data in spec.datasets()] if spec.data.kind != "class_half" else []
    if any(name in VECTORS for name in names):
        raise InvalidRequest("This run learned from numbers, not from pictures: there is no picture to try it on.")
    tensors = read_final_weights(store, run)  # before anything that takes long
    if report:
        report("Reading what it learned from", 0.2)
    loaded = LOADERS[spec.data.kind](spec, report)
    shape = tuple(examples_of_run(loaded).inputs.shape[1:])
    target = getattr(spec.data, "target", None)
    # Only beside a source are pictures brought to another size than their own.
    brought = target is not None and getattr(spec.data, "source", None) is not None
    native = native_shape(target, spec.seed) if brought and target is not None else shape
    return Trained(run, classifier_of(spec, tensors, shape), loaded, native)


def native_shape(data: DatasetSpec, seed: int) -> tuple[int, ...]:
    """(C, H, W) of a data set by itself."""
    if isinstance(data, Shifted):
        return native_shape(data.base, seed)
    if isinstance(data, OwnPictures):
        width = find_own(data.dataset)[1].width
        return (3, width, width)
    return tuple(load_dataset(data, seed).train.inputs.shape[1:])


def try_picture(store: Store, run: Run, upload: Path | None, neighbours: int, report: Report | None = None) -> Any:
    """What the network sees in an uploaded picture, ready for JSON.

    classes: {class, probability}, the likeliest first. seen: the picture as the network takes it, PNG in base64.
    neighbours: {class, png, similarity}, of the pictures it learned from those whose features point most nearly the
    same way (cosine). compared: among how many. Raises InvalidRequest, MissingData.
    """
    if upload is None or not upload.is_file():
        raise InvalidRequest("There is no picture: choose one, or take one with the camera.")
    ready = trained(store, run, report)
    picture = ready.read_picture(upload.read_bytes())
    if report:
        report("Looking at the picture", 0.6)
    probabilities = ready.probabilities(picture)[0]
    order = probabilities.argsort(descending=True, stable=True).tolist()
    names = ready.class_names
    near, compared = _nearest(ready, picture, neighbours)
    return {
        "classes": [{"class": names[at], "probability": float(probabilities[at])} for at in order],
        "seen": png_of(picture[0]),
        "neighbours": near,
        "compared": compared,
    }


@torch.no_grad()
def _nearest(ready: Trained, picture: torch.Tensor, count: int) -> tuple[list[dict[str, Any]], int]:
    examples = ready.examples
    most = COMPARED if max(ready.shape[1:]) <= SMALL_SIDE else COMPARED_LARGE
    chosen = torch.tensor(spread_over_classes(examples.labels.numpy(), most))
    if not count or not len(chosen):
        return [], 0
    extract = ready.classifier.extractor
    own = nn.functional.normalize(extract(channels_last(picture)), dim=1)
    rows = torch.cat([extract(channels_last(examples.inputs[part])) for part in chosen.split(32)])
    similarity = (nn.functional.normalize(rows, dim=1) @ own[0]).clamp(-1, 1)
    best = similarity.argsort(descending=True, stable=True)[:count]
    found = [
        {
            "class": examples.class_names[int(examples.labels[chosen[at]])],
            "png": png_of(examples.inputs[chosen[at]]),
            "similarity": float(similarity[at]),
        }
        for at in best
    ]
    return found, len(chosen)


def png_of(picture: torch.Tensor) -> str:
    """One picture (C, H, W) uint8 as a PNG in base64, small pixels enlarged by nothing but the browser."""
    pixels = picture.expand(3, -1, -1).numpy()
    return base64.b64encode(as_file(pixels, min(SHOWN_SIDE, pixels.shape[-1]))).decode("ascii")
