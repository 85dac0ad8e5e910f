"""Networks of torchvision with published weights or with a user's own, each with its own size and normalisation."""

from __future__ import annotations

import re
import shutil
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as functional
from torch import nn

from tlcore.catalogue.own_weights import SUFFIXES, find_own_weights, hash_of_file, own_weights_folder
from tlcore.errors import InvalidRequest, MissingData
from tlcore.networks.layers import WHOLE_NETWORK, check_fit, layers
from tlcore.networks.weights_files import Description, check_weights, read_description, read_weights
from tlcore.specs.architectures import ARCHITECTURES
from tlcore.specs.network import OwnWeights, Pretrained

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
OLD_DENSENET = re.compile(
    r"^(.*denselayer\d+\.(?:norm|relu|conv))\.((?:[12])\.(?:weight|bias|running_mean|running_var))$"
)


@dataclass(frozen=True)
class Preprocessing:
    """How pictures become what the network was trained on.

    The shorter side is brought to `resize` pixels, the middle of side × side is cut out; scaled to 0 to 1, less the
    mean and divided by the standard deviation of each channel.
    """

    side: int
    resize: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"


@dataclass(frozen=True)
class LoadedNetwork:
    """A network in eval mode. class_names: what its outputs stand for; empty where nobody said. weights_hash: changes
    with any of the weights; 'random' where they are drawn."""

    network: nn.Module
    architecture: str
    preprocessing: Preprocessing
    class_names: tuple[str, ...]
    weights_hash: str


class Normalise(nn.Module):
    """Pictures (N, 3, H, W), uint8 or from 0 to 1, to floats of side × side, less mean, divided by deviation.

    Of pictures whose shorter side is what the weights were made with the middle is taken, as when they were published;
    others are resized.
    """

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self, preprocessing: Preprocessing, side: int = 0) -> None:
        super().__init__()
        self.side = side or preprocessing.side
        self._resize = preprocessing.resize
        self.interpolation = preprocessing.interpolation
        self.register_buffer("mean", torch.tensor(preprocessing.mean).view(-1, 1, 1))
        self.register_buffer("deviation", torch.tensor(preprocessing.deviation).view(-1, 1, 1))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        if inputs.dtype == torch.uint8:
            inputs = inputs.to(self.mean.dtype).mul_(1 / 255)
        inputs = centre(inputs, self.side, self._resize)
        if tuple(inputs.shape[2:]) != (self.side, self.side):
            size = (self.side, self.side)
            inputs = functional.interpolate(
                inputs, size=size, mode=self.interpolation, align_corners=False, antialias=True
            )
        return (inputs - self.mean) / self.deviation


def centre(pictures: torch.Tensor, side: int, resize: int) -> torch.Tensor:
    """The middle side × side of pictures (N, C, H, W) whose shorter side is `resize` already; others as they are."""
    height, width = pictures.shape[2:]
    if min(height, width) != resize or resize <= side:
        return pictures
    top, left = round((height - side) / 2), round((width - side) / 2)
    return pictures[:, :, top : top + side, left : left + side]


def load_network(spec: Pretrained | OwnWeights) -> LoadedNetwork:
    """The network a spec names, with its weights, as it was trained: with its own last layer.

    Raises MissingData where weights are neither on this machine nor to be had, InvalidRequest where they do not fit.
    """
    if isinstance(spec, OwnWeights):
        loaded = load_own_weights(find_own_weights(spec.weights))
        if spec.content and spec.content != loaded.weights_hash:
            raise MissingData(
                f"The weights {spec.weights} are not those this run was asked for: put the former ones back, or ask "
                "for a new run."
            )
        return loaded
    if spec.weights == "none":
        network = _build(spec.architecture)
        side = ARCHITECTURES[spec.architecture].side
        imagenet = Preprocessing(side, round(side * 8 / 7), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
        return LoadedNetwork(network.eval(), spec.architecture, imagenet, (), "random")
    weights = _published(spec)
    path = require_weights(spec)
    network = _build(spec.architecture, weights)
    put_weights(network, read_weights(path), spec.architecture)
    transform = weights.transforms()
    preprocessing = Preprocessing(
        transform.crop_size[0], transform.resize_size[0], tuple(transform.mean), tuple(transform.std),
        "bicubic" if "bicubic" in str(transform.interpolation).lower() else "bilinear",
    )  # fmt: skip
    names = tuple(weights.meta["categories"])
    return LoadedNetwork(network.eval(), spec.architecture, preprocessing, names, hash_of_file(path))


def require_weights(spec: Pretrained | OwnWeights) -> Path:
    """The file with the weights that a spec names, downloaded where torchvision publishes it. Raises MissingData."""
    if isinstance(spec, OwnWeights):
        return find_own_weights(spec.weights)
    path = weights_file(spec)
    if not path.is_file():
        _download(_published(spec), path)
    return path


def _published(spec: Pretrained) -> Any:
    published = ARCHITECTURES[spec.architecture].published
    if spec.weights not in ("DEFAULT", *published):
        raise InvalidRequest(
            f"torchvision publishes no weights {spec.weights} for {spec.architecture}, only {', '.join(published)}."
        )
    from torchvision.models import get_model_weights

    return get_model_weights(spec.architecture)[spec.weights]


def weights_file(spec: Pretrained) -> Path:
    """Where torchvision keeps published weights: under `TORCH_HOME`. The file need not exist."""
    return Path(torch.hub.get_dir()) / "checkpoints" / str(_published(spec).url).rsplit("/", 1)[-1]


def _download(weights: Any, path: Path) -> None:
    """By torchvision's own means, which check the file by the digits in its name. Raises MissingData."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        digits = path.stem.rsplit("-", 1)[-1]
        torch.hub.download_url_to_file(weights.url, str(path), digits, progress=False)
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise MissingData(
            f"The weights {path.name} ({weights.meta['_file_size']:.0f} MB) are not in {path.parent} and cannot be "
            f"downloaded ({reason}): connect this machine to the internet, put the file there, or name the folder "
            "above hub/checkpoints in the environment variable TORCH_HOME."
        ) from None


def _build(architecture: str, weights: Any = None, class_count: int = 1000) -> nn.Module:
    """The network with random weights, in the variant that these weights belong to; without auxiliary outputs."""
    from torchvision.models import get_model

    options: dict[str, Any] = {"num_classes": class_count}
    if architecture in ("googlenet", "inception_v3"):
        options |= {"aux_logits": False, "init_weights": False, "transform_input": weights is not None}
    if architecture.startswith("vit_") and weights is not None:
        options["image_size"] = weights.meta["min_size"][0]
    network: nn.Module = get_model(architecture, weights=None, **options)
    return network


def put_weights(network: nn.Module, weights: Mapping[str, torch.Tensor], title: str) -> None:
    """Load weights by name. Raises InvalidRequest, naming the first that are missing, unknown or of another shape."""
    present = network.state_dict()
    renamed = {OLD_DENSENET.sub(r"\1\2", name): tensor for name, tensor in weights.items()}
    # Auxiliary outputs serve training from scratch alone and are not built here.
    kept = {name: tensor for name, tensor in renamed.items() if not name.startswith(("aux1.", "aux2.", "AuxLogits."))}
    check_fit(kept, present, title)
    with_versions = OrderedDict(kept)
    with_versions._metadata = getattr(present, "_metadata", None)  # type: ignore[attr-defined]  # some networks ask
    network.load_state_dict(with_versions, strict=False)


def load_own_weights(path: Path) -> LoadedNetwork:
    """The network that the JSON beside `path` describes, with the weights in `path`.

    Raises InvalidRequest where one of the two makes no sense or they do not fit each other.
    """
    description = read_description(path.with_suffix(".json"))
    if description.architecture not in ARCHITECTURES:
        raise InvalidRequest(
            f"{path.stem}.json names the architecture {description.architecture[:60]}, which is none of torchvision's."
        )
    weights = read_weights(path)
    network = _build(description.architecture, class_count=description.class_count)
    put_weights(network, weights, description.architecture)
    names = description.classes if isinstance(description.classes, tuple) else ()
    return LoadedNetwork(
        network.eval(), description.architecture, _preprocessing(description), names, hash_of_file(path)
    )


def _preprocessing(description: Description) -> Preprocessing:
    resize = description.resize or round(description.side * 8 / 7)
    return Preprocessing(description.side, max(resize, description.side), description.mean, description.std)


def add_weights(path: Path, name: str) -> Path:
    """Check a file of weights and the JSON beside it, and keep both under a name; where they are kept.

    Raises InvalidRequest, also where the name is taken; nothing is changed then. OSError.
    """
    if not NAME.fullmatch(name):
        raise InvalidRequest(f"“{name[:40]}” is not a name for weights: take small letters, digits, hyphens.")
    folder = own_weights_folder()
    if any((folder / f"{name}{suffix}").exists() for suffix in SUFFIXES):
        raise InvalidRequest(f"There are weights called {name} already; take another name.")
    check_weights(path)
    load_own_weights(path)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{name}{path.suffix.lower()}"
    temporary = folder / f".incomplete-{name}"
    try:
        shutil.copyfile(path.with_suffix(".json"), folder / f"{name}.json")
        shutil.copyfile(path, temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return target


def without_last_layer(network: nn.Module) -> nn.Module:
    """The same network with the weights of its last layer replaced by nothing: it gives features instead of classes."""
    path = layers(network)[-1].name
    parent, _, leaf = path.rpartition(".")
    setattr(network.get_submodule(parent), leaf, nn.Identity())
    setattr(network, WHOLE_NETWORK, True)
    return network
