"""What a finished zero-shot run sees in a picture that somebody brings: what speaks for each attribute."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tlcore.data.own.library import find_own
from tlcore.data.own.pictures import UnusablePicture, read_content, read_square
from tlcore.errors import InvalidRequest
from tlcore.networks import build_classifier
from tlcore.runs import Run, Store
from tlcore.specs.creatures import Creatures
from tlcore.specs.own_data import OwnPictures
from tlcore.specs.zero_shot import Attributes, Conse, JointEmbedding, SeenClasses
from tlcore.training.checkpoints import without_prefix
from tlcore.training.networks import channels_last
from tlcore.training.trying import png_of, read_final_weights
from tlcore.training.zero_shot_heads import AttributeHead, BilinearHead, ConseHead, JointHead, ZeroShotHead


def head_of(method: Any, tensors: Mapping[str, torch.Tensor]) -> ZeroShotHead:
    """A method's head with these final weights, in evaluation mode."""
    vectors, centre = tensors["vectors"], tensors["centre"]
    width, pictures = len(tensors["feature_mean"]), len(tensors["evidence_of_probe"])
    head: ZeroShotHead
    if isinstance(method, Attributes):
        head = AttributeHead(vectors, width, None, pictures)
    elif isinstance(method, JointEmbedding):
        head = JointHead(vectors, centre, width, method.width, pictures)
    elif isinstance(method, Conse):
        seen = tensors["seen"]
        head = ConseHead(vectors, seen, nn.Linear(width, len(seen)), method.most, pictures)
    else:
        head = BilinearHead(vectors, centre, width, pictures, bias="picture_map.bias" in tensors)
    head.load_state_dict(dict(tensors))
    return head.eval().requires_grad_(False)


@torch.no_grad()
def ask_zero_shot(store: Store, run: Run, upload: Path | None) -> dict[str, Any]:
    """What speaks for each attribute in an uploaded picture, ready for JSON.

    evidence: A numbers e, so that the score of a description s is e·(s − centre), of its direction for ConSE. seen: the
    picture as the network takes it, PNG in base64. Raises InvalidRequest, MissingData.
    """
    spec = run.spec
    source = getattr(spec.data, "source", None)
    if not isinstance(source, Creatures | OwnPictures) or isinstance(spec.method, SeenClasses):
        raise InvalidRequest("This run cannot be asked about a picture: it learned from numbers, or of seen classes.")
    if upload is None or not upload.is_file():
        raise InvalidRequest("There is no picture: choose one.")
    tensors = read_final_weights(store, run)
    side = source.side if isinstance(source, Creatures) else find_own(source.dataset)[1].width
    try:
        pixels = read_square(io.BytesIO(read_content(io.BytesIO(upload.read_bytes()))), side)
    except UnusablePicture as error:
        raise InvalidRequest(f"The picture cannot be used: {error}.") from None
    picture = torch.from_numpy(pixels.copy())[None]
    body = without_prefix("extractor", tensors)
    shape = tuple(picture.shape[1:])
    try:
        extractor = build_classifier(spec.network, shape, 1, torch.zeros_like(body["centre.mean"])).extractor
        extractor.load_state_dict(body)
        head = head_of(spec.method, without_prefix("predictor", tensors))
    except (RuntimeError, KeyError):
        raise InvalidRequest("The weights are not of the network that the run names.") from None
    evidence = head.evidence(extractor.eval()(channels_last(picture)).float())[0]
    return {"evidence": [float(value) for value in evidence], "seen": png_of(picture[0])}
