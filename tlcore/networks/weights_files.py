"""Files of weights, read without trusting them: safetensors, and `.pth` of which nothing is executed."""

from __future__ import annotations

import io
import json
import math
import pickletools
import zipfile
from pathlib import Path
from typing import IO, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tlcore.errors import InvalidRequest

LARGEST_HEADER = 8_000_000  # the header of a network of 3,000 tensors has about 300,000 bytes
LARGEST_PICKLE = 16_000_000  # likewise; the values lie beside the pickle, not in it
MOST_OPERATIONS = 3_000_000
LARGEST_DESCRIPTION = 1_000_000
SIZES = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1,
    "U16": 2, "U32": 4, "U64": 8, "F8_E4M3": 1, "F8_E5M2": 1,
}  # fmt: skip

# What a pickle of weights may name. Everything else would be imported and called on loading.
HARMLESS = {
    "collections OrderedDict", "torch._utils _rebuild_tensor_v2", "torch._utils _rebuild_parameter", "torch Size",
    "torch.nn.parameter Parameter", "torch.serialization _get_layout",
    *(
        f"torch {kind}Storage"
        for kind in ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")
    ),
}  # fmt: skip
CALLS = {"STACK_GLOBAL", "INST", "OBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4", "PERSID"}


class Description(BaseModel):
    """What stands in the JSON beside a file of weights.

    mean, std: per channel, of pictures scaled to 0 to 1. classes: how many, or their names. input_size: side × side.
    resize: the shorter side before the middle is cut out; by default 8/7 of the input size, as for most of torchvision.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False, populate_by_name=True)

    architecture: str = Field(max_length=60)
    classes: int | tuple[str, ...] = 1000
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = Field((0.229, 0.224, 0.225), alias="sd")
    input_size: int | tuple[int, int] = 224
    resize: int | None = Field(None, ge=8, le=2048)

    @property
    def side(self) -> int:
        """Side of the pictures in pixels."""
        return self.input_size if isinstance(self.input_size, int) else self.input_size[0]

    @property
    def class_count(self) -> int:
        """How many classes the last layer tells apart."""
        return self.classes if isinstance(self.classes, int) else len(self.classes)


def read_description(path: Path) -> Description:
    """The JSON beside a file of weights. Raises InvalidRequest in one sentence."""
    try:
        if path.stat().st_size > LARGEST_DESCRIPTION:
            raise InvalidRequest(f"{path.name} is too large for a description of weights.")
        description = Description.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise InvalidRequest(
            f"{path.name} is missing: beside the weights must stand a JSON file that names the architecture, mean, std "
            "and classes."
        ) from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InvalidRequest(f"{path.name} does not describe weights: {place or 'it'}: {first['msg']}.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidRequest(f"{path.name} cannot be read as JSON ({error}).") from None
    if not 1 <= description.class_count <= 100_000 or not 8 <= description.side <= 1024 or min(description.std) <= 0:
        raise InvalidRequest(
            f"{path.name} does not describe weights: classes must be 1 to 100,000, input_size 8 to 1,024 and std "
            "positive."
        )
    return description


def read_weights(path: Path) -> dict[str, Any]:
    """The tensors in a file by name, on the CPU. Raises InvalidRequest, before anything large is read, in one sentence.

    Files end in .safetensors, .pth or .pt. A state dict inside another dictionary is found; the prefix `module.` that
    parallel training adds is taken off.
    """
    check_weights(path)
    import torch

    if path.suffix.lower() == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except (SafetensorError, OSError, ValueError) as error:
            raise InvalidRequest(f"{path.name} cannot be read as safetensors ({error}).") from None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except Exception as error:  # torch raises many kinds for what it does not like
        raise InvalidRequest(f"{path.name} cannot be read as weights ({_first_line(error)}).") from None
    for key in ("state_dict", "model", "model_state_dict"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not content:
        raise InvalidRequest(f"{path.name} holds no weights by name but a {type(content).__name__}.")
    tensors = {str(name).removeprefix("module."): value for name, value in content.items()}
    wrong = [name for name, value in tensors.items() if not isinstance(value, torch.Tensor)]
    if wrong:
        raise InvalidRequest(f"{path.name} holds something other than weights under {wrong[0][:80]}.")
    return {name: value.detach() for name, value in tensors.items()}


def check_weights(path: Path) -> None:
    """Refuse a file that lies about itself or would execute something. Reads headers only; imports no torch.

    Raises InvalidRequest in one sentence.
    """
    kind = path.suffix.lower()
    if kind not in (".safetensors", ".pth", ".pt"):
        raise InvalidRequest(f"{path.name[:80]} is no file of weights: .safetensors, .pth and .pt can be read.")
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            if kind == ".safetensors":
                _check_safetensors(file, size, path.name)
            elif file.read(4) == b"PK\x03\x04":
                _check_zip(path, size)
            else:
                file.seek(0)
                _check_old_format(file, path.name)
    except OSError as error:
        raise InvalidRequest(f"{path.name[:80]} cannot be read ({error.strerror or error}).") from None


def _check_safetensors(file: IO[bytes], size: int, name: str) -> None:
    """Eight bytes that tell the length of a JSON header, the header, then the values without gap or overlap."""
    length = int.from_bytes(file.read(8), "little") if size >= 8 else size
    if size < 8 or length > size - 8:
        raise InvalidRequest(f"{name} is not safetensors: its header claims {length:,} bytes, the file has {size:,}.")
    if length > LARGEST_HEADER:
        raise InvalidRequest(f"{name} has a header of {length:,} bytes; {LARGEST_HEADER:,} are allowed.")
    try:
        header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        entries = [(name, one["dtype"], one["shape"], one["data_offsets"]) for name, one in header.items()]
        entries.sort(key=lambda entry: tuple(entry[3]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InvalidRequest(f"{name} is not safetensors: its header makes no sense.") from None
    place = 0
    for tensor, dtype, shape, offsets in entries:
        numbers = [*shape, *offsets] if isinstance(shape, list) and isinstance(offsets, list) else [None]
        if len(numbers) != len(shape) + 2 or not all(type(number) is int and number >= 0 for number in numbers):
            raise InvalidRequest(f"{name} is not safetensors: {tensor[:80]} has no proper shape or place.")
        start, end = offsets
        if start != place or end > size - 8 - length:
            raise InvalidRequest(
                f"{name} is damaged or lies: {tensor[:80]} should lie at bytes {start:,} to {end:,} of the values, "
                f"which {'overlaps or leaves a gap' if start != place else f'number {size - 8 - length:,}'}."
            )
        if dtype not in SIZES or math.prod(shape) * SIZES[dtype] != end - start:
            raise InvalidRequest(
                f"{name} is damaged or lies: {tensor[:80]} of shape {shape} and type {str(dtype)[:20]} does not take "
                f"{end - start:,} bytes."
            )
        place = end
    if place != size - 8 - length:
        raise InvalidRequest(f"{name} is damaged: {size - 8 - length - place:,} bytes belong to no weights.")


def _check_zip(path: Path, size: int) -> None:
    """What torch writes since 1.6: a zip without compression, with one pickle that names what the values are."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            names = [member.filename for member in members]
            if len(set(names)) != len(names) or sum(member.file_size for member in members) > size:
                raise InvalidRequest(f"{path.name} is not a file of weights: it is packed as torch never packs.")
            pickles = [member for member in members if member.filename.endswith(".pkl")]
            if len(pickles) != 1 or pickles[0].filename.split("/")[-1] != "data.pkl":
                raise InvalidRequest(f"{path.name} is not a file of weights: torch's data.pkl is not in it.")
            if pickles[0].file_size > LARGEST_PICKLE:
                raise InvalidRequest(f"{path.name} names its weights in {pickles[0].file_size:,} bytes: too many.")
            with archive.open(pickles[0]) as file:
                _check_pickle(io.BytesIO(file.read(LARGEST_PICKLE)), path.name)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError) as error:
        raise InvalidRequest(f"{path.name} is damaged ({error}).") from None


class _Bounded:
    """A file of which no more than a bounded number of bytes is ever read."""

    def __init__(self, file: IO[bytes], bytes_left: int) -> None:
        self._file, self._left = file, bytes_left

    def read(self, size: int = -1) -> bytes:
        if size < 0 or size > self._left:
            raise ValueError("it is too long")
        self._left -= size
        return self._file.read(size)

    def readline(self) -> bytes:
        line = self._file.readline(min(self._left, 10_000))
        self._left -= len(line)
        return line


def _check_old_format(file: IO[bytes], name: str) -> None:
    """What torch wrote before 1.6: five pickles (two numbers, the machine, the names, the order), then the values."""
    if file.read(1) != b"\x80":
        raise InvalidRequest(f"{name} is not a file of weights.")
    file.seek(0)
    bounded = _Bounded(file, LARGEST_PICKLE)
    for _ in range(5):
        _check_pickle(bounded, name)


def _check_pickle(file: Any, name: str) -> None:
    """Go through the operations of one pickle without carrying them out."""
    try:
        for number, (operation, argument, _) in enumerate(pickletools.genops(file)):
            named = str(argument) if operation.name == "GLOBAL" else operation.name
            if operation.name in CALLS or (operation.name == "GLOBAL" and named not in HARMLESS):
                raise InvalidRequest(
                    f"{name} is a pickle that would run code ({named[:60].replace(' ', '.')}); only weights are read: "
                    "save the state dict, best as safetensors."
                )
            if number > MOST_OPERATIONS:
                raise ValueError("it is too long")
    except (ValueError, IndexError, KeyError, OverflowError, MemoryError) as error:
        raise InvalidRequest(f"{name} is not a file of weights ({_first_line(error)}).") from None


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:160].rstrip(".") if lines else type(error).__name__
