"""The programs that go with an exported classifier. They know nothing of this lab: torch and torchvision are enough."""

SCRIPT = '''"""Names what is in pictures: python predict.py PICTURE… It needs torch and torchvision alone."""

import sys

import torch

from classifier import CLASSES, load, read_picture

network = load()
for path in sys.argv[1:]:
    with torch.no_grad():
        probabilities = network(read_picture(path)).softmax(1)[0].tolist()
    print(path)
    for chance, name in sorted(zip(probabilities, CLASSES), reverse=True):
        print(f"  {chance:.6f}  {name}")
'''

MODULE = '''"""A classifier trained elsewhere: load() builds it, read_picture(path) prepares a picture for it."""

import json
from collections import OrderedDict
from pathlib import Path

import torch
import torchvision
from PIL import Image, ImageOps
from torch import nn
from torch.nn.functional import interpolate

HERE = Path(__file__).resolve().parent
MODEL = json.loads((HERE / "model.json").read_text(encoding="utf-8"))
CLASSES = MODEL["classes"]
TYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64}


def read_weights():
    """A safetensors file: 8 bytes with the header's length, the header in JSON, the numbers."""
    raw = bytearray((HERE / "weights.safetensors").read_bytes())
    start = 8 + int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:start])
    header.pop("__metadata__", None)
    return {name: torch.frombuffer(raw[start + one["data_offsets"][0] : start + one["data_offsets"][1]],
                                   dtype=TYPES[one["dtype"]]).reshape(one["shape"]) for name, one in header.items()}


def load():
    """The network with its weights: from a prepared picture to one number for each class."""
    weights = read_weights()
    if "layers" in MODEL:
        network = nn.Sequential(OrderedDict((name, getattr(nn, kind)(*arguments, **options))
                                            for name, kind, arguments, options in MODEL["layers"]))
    else:
        body = torchvision.models.get_model(MODEL["architecture"], weights=None, **MODEL["options"])
        last = next(name for name in body.state_dict() if name not in weights).rpartition(".")[0]
        body.set_submodule(last, nn.Identity())  # its own last layer has another number of classes
        output = nn.Linear(*reversed(weights["output.weight"].shape))
        output.load_state_dict({name: weights.pop(f"output.{name}") for name in ("weight", "bias")})
        body.load_state_dict(weights)
        return nn.Sequential(Reader(body, MODEL["read_before"]), output).eval()
    network.load_state_dict(weights)
    return network.eval()


class Reader(nn.Module):
    """A network, or as much of it as comes before one of its modules, averaged over places."""

    def __init__(self, body, before):
        super().__init__()
        self.body, self.seen = body, []
        if before:
            body.get_submodule(before).register_forward_pre_hook(lambda _, inputs: self.seen.append(inputs[0]))

    def forward(self, pictures):
        self.seen.clear()
        features = self.body(pictures)
        features = self.seen[0] if self.seen else features
        return features.mean((2, 3)) if features.ndim == 4 else features.flatten(1)


def read_picture(path):
    """The middle square of a picture, upright, as numbers of 0 to 1 less the mean, divided by the deviation."""
    image = Image.open(path)
    image.draft(image.mode, (2 * MODEL["sides"][0],) * 2)
    image = ImageOps.exif_transpose(image)
    image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    edge, side = min(image.size), MODEL["sides"][0]
    left, top = (image.width - edge) / 2, (image.height - edge) / 2
    image = image.resize((side, side), Image.Resampling.BILINEAR, (left, top, left + edge, top + edge), 2.0)
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    pixels = torchvision.transforms.functional.pil_to_tensor(image)[None].float()
    if MODEL["grey"]:
        pixels = (pixels * torch.tensor(MODEL["grey"]).view(1, 3, 1, 1)).sum(1, keepdim=True).round()
        pixels = pixels.expand(-1, MODEL["channels"], -1, -1)
    for side in MODEL["sides"][1:]:
        pixels = interpolate(pixels, size=(side, side), mode="bilinear", antialias=True).round().clamp(0, 255)
    pixels, side = pixels / 255, MODEL.get("network_side", pixels.shape[-1])
    if pixels.shape[-1] != side:
        pixels = interpolate(pixels, size=(side, side), mode=MODEL["interpolation"], antialias=True)
    mean, deviation = (torch.tensor(MODEL[name]).view(1, -1, 1, 1) for name in ("mean", "sd"))
    return (pixels - mean) / deviation
'''
