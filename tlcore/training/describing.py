"""How a trained classifier is built and what it does with a picture, for a program that knows nothing of this lab."""

from __future__ import annotations

import base64
import importlib.util
import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tlcore.data.pairing import GREY
from tlcore.errors import MissingData
from tlcore.networks.classifiers import CentreInputs
from tlcore.networks.layers import FeaturesAfter, layers, split_after
from tlcore.networks.pretrained import Normalise, load_network
from tlcore.specs import OwnWeights, Pretrained
from tlcore.training.trying import Trained

ONNX_PACKAGES = ("onnx", "onnxscript")
ONNX_COMMAND = "python -m pip install onnx onnxscript"
TRANSFORMED_INPUT = ("googlenet", "inception_v3")  # published weights of these read pictures in a scale of their own


def describe_classifier(ready: Trained) -> dict[str, Any]:
    """What a program needs besides the weights to do as this classifier does, ready for JSON.

    sides: the sides in pixels to which the middle square of a picture is brought, one after another. grey: the weights
    of red, green and blue, or none. mean, sd: per channel, of pictures from 0 to 1. layers: [name, class of torch.nn,
    arguments, options] of the lab's own networks; else architecture: of torchvision, with its options. read_before:
    the module before which the features are read, where that is not the end. renamed: weight in the run's file to
    weight in the description. labels, held_out: how many examples it learned from and was tested on.
    """
    extractor = ready.classifier.extractor
    layer = 0
    if isinstance(extractor[0], FeaturesAfter):
        layer = extractor[0].number
        whole = extractor[0].network
        assert isinstance(whole, nn.Sequential)
        extractor = whole
    channels, side = ready.shape[0], ready.shape[-1]
    sides = [ready.native[-1]] if ready.native[-1] == side else [ready.native[-1], side]
    visible = ready.loaded.visible
    held_out = {f"{domain} {part}": len(inputs) for (domain, part), inputs in visible.held_out.items()}
    facts: dict[str, Any] = {
        "classes": list(ready.class_names),
        "sides": sides,
        "channels": channels,
        "grey": list(GREY) if channels == 1 or ready.native[0] == 1 else [],
        "labels": torch.bincount(ready.examples.labels, minlength=len(ready.class_names)).tolist(),
        "held_out": held_out,
        "data": ready.examples.provenance.title,
        "licence": ready.examples.provenance.licence,
        "feature_width": ready.classifier.feature_width,
        "read_before": "",
    }
    if isinstance(extractor[0], Normalise):
        return facts | _of_torchvision(ready, extractor, layer)
    assert isinstance(extractor[0], CentreInputs)
    facts |= {"mean": extractor[0].mean.flatten().tolist(), "sd": [1.0] * channels}
    return facts | _of_own(ready, extractor, layer)


def _of_own(ready: Trained, extractor: nn.Sequential, layer: int) -> dict[str, Any]:
    body = extractor
    if layer:
        parts = split_after(extractor, layer)
        assert parts is not None  # the lab's own networks are plain sequences
        body = parts[0]
    found = [_layer(name, module) for name, module in body.named_children() if not isinstance(module, CentreInputs)]
    if layer and not any(isinstance(module, nn.Flatten) for module in body):
        found += [["average", "AdaptiveAvgPool2d", [1], {}], ["flatten", "Flatten", [], {}]]
    found += [_layer(name, module) for name, module in ready.classifier.predictor.named_children()]
    names = {name for name, *_ in found}
    present = [f"extractor.{name}" for name in extractor.state_dict()]
    present += [f"predictor.{name}" for name in ready.classifier.predictor.state_dict()]
    pairs = {name: name.split(".", 1)[1] for name in present}
    return {"layers": found, "renamed": {old: new for old, new in pairs.items() if new.split(".")[0] in names}}


def _layer(name: str, module: nn.Module) -> list[Any]:
    kind = type(module).__name__
    arguments: list[Any] = []
    options: dict[str, Any] = {}
    match module:
        case nn.Conv2d():
            arguments = [module.in_channels, module.out_channels, module.kernel_size[0]]
            options = {"padding": module.padding[0]} if module.padding else {}
        case nn.BatchNorm2d():
            arguments = [module.num_features]
        case nn.MaxPool2d():
            arguments = [module.kernel_size, module.stride]
        case nn.Linear():
            arguments = [module.in_features, module.out_features]
        case nn.Dropout():
            arguments = [module.p]
        case nn.ReLU() | nn.Sigmoid() | nn.Flatten():
            pass
        case _:
            raise TypeError(f"a layer that cannot be described: {kind}")
    return [name, kind, arguments, options]


def _of_torchvision(ready: Trained, extractor: nn.Sequential, layer: int) -> dict[str, Any]:
    spec, normalise, network = ready.run.spec.network, extractor[0], extractor[1]
    assert isinstance(spec, Pretrained | OwnWeights) and isinstance(normalise, Normalise)
    architecture = spec.architecture if isinstance(spec, Pretrained) else load_network(spec).architecture
    options: dict[str, Any] = {}
    if architecture in TRANSFORMED_INPUT:
        options = {"aux_logits": False, "init_weights": False, "transform_input": bool(network.transform_input)}
    if architecture.startswith("vit_"):
        options["image_size"] = int(network.image_size)  # type: ignore[arg-type]
    read_before = ""
    if layer and layer < len(layers(extractor)):
        read_before = layers(extractor)[layer].name.removeprefix("network.")
    present = [f"extractor.network.{name}" for name in network.state_dict()]
    renamed = {name: name.removeprefix("extractor.network.") for name in present}
    renamed |= {f"predictor.{name}": name for name in ready.classifier.predictor.state_dict()}
    return {
        "architecture": architecture,
        "options": options,
        "network_side": normalise.side,
        "interpolation": normalise.interpolation,
        "mean": normalise.mean.flatten().tolist(),
        "sd": normalise.deviation.flatten().tolist(),
        "read_before": read_before,
        "renamed": renamed,
    }


def onnx_model(ready: Trained) -> dict[str, str]:
    """The network as ONNX in base64: pictures (N, C, H, W) from 0 to 1 in, probabilities (N, K) out.

    Raises MissingData, with the command, where the packages that torch writes ONNX with are not installed.
    """
    missing = [name for name in ONNX_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingData(f"ONNX needs {' and '.join(missing)}, not installed here: {ONNX_COMMAND}")
    model = nn.Sequential(ready.classifier.extractor, ready.classifier.predictor, nn.Softmax(1)).eval()
    example = torch.zeros(2, *ready.shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            model, (example,), input_names=["pictures"], output_names=["probabilities"],
            dynamic_shapes=({0: torch.export.Dim("pictures_at_once", min=1)},), dynamo=True, verbose=False,
        )  # fmt: skip
    assert program is not None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "classifier.onnx"
        program.save(path)
        return {"onnx": base64.b64encode(path.read_bytes()).decode("ascii")}
