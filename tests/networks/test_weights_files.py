"""Files of weights: what is honest is read, what lies or would run code is refused from its header alone."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tlcore.errors import InvalidRequest
from tlcore.networks.weights_files import check_weights, read_description, read_weights


def tensors() -> dict[str, torch.Tensor]:
    return {"a.weight": torch.arange(6.0).view(2, 3), "b": torch.tensor(3)}


def safetensors(path: Path, header: object, values: bytes = b"", length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + values)
    return path


def entry(shape: list[int], start: int, end: int, dtype: str = "F32") -> dict:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


@pytest.mark.parametrize("name", ["w.safetensors", "w.pth", "old.pt"])
def test_what_was_written_is_read(tmp_path, name):
    path = tmp_path / name
    if name.endswith("safetensors"):
        save_file(tensors(), path)
    else:
        torch.save(OrderedDict(tensors()), path, _use_new_zipfile_serialization=name == "w.pth")
    read = read_weights(path)
    assert set(read) == {"a.weight", "b"}
    assert torch.equal(read["a.weight"], tensors()["a.weight"])


def test_a_state_dict_inside_a_checkpoint_of_parallel_training(tmp_path):
    torch.save({"state_dict": {"module.a": torch.ones(2)}, "epoch": 3}, tmp_path / "w.pth")
    assert read_weights(tmp_path / "w.pth")["a"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("header", "values", "length", "said"),
    [
        (b"{}", b"", 10**12, "claims 1,000,000,000,000 bytes"),
        (b" " * 9_000_000, b"", None, "8,000,000 are allowed"),
        (b"not json", b"", None, "makes no sense"),
        (b"[" * 100_000, b"", None, "makes no sense"),
        ({"w": entry([2], 0, 8), "v": entry([2], 4, 12)}, bytes(12), None, "overlaps"),
        ({"w": entry([2], 0, 8), "v": entry([2], 12, 20)}, bytes(20), None, "gap"),
        ({"w": entry([1_000_000], 0, 4_000_000)}, bytes(8), None, "w should lie at bytes 0 to 4,000,000"),
        ({"w": entry([3], 0, 8)}, bytes(8), None, "does not take 8 bytes"),
        ({"w": entry([2], 0, 8, "F99")}, bytes(8), None, "F99"),
        ({"w": entry([-2], 0, 8)}, bytes(8), None, "no proper shape"),
        ({"w": {"dtype": "F32"}}, b"", None, "makes no sense"),
        ({"w": entry([2], 0, 8)}, bytes(12), None, "4 bytes belong to no weights"),
    ],
)
def test_safetensors_that_lie(tmp_path, header, values, length, said):
    path = safetensors(tmp_path / "w.safetensors", header, values, length)
    with pytest.raises(InvalidRequest, match=said):
        read_weights(path)


class Evil:
    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self):
        return os.mkdir, (str(self.place),)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_in_a_pth_is_not_executed(tmp_path, zipped):
    """torch.save itself writes the file, around an object that would make a folder."""
    torch.save({"a": torch.ones(1), "b": Evil(tmp_path / "evil")}, tmp_path / "w.pth",
               _use_new_zipfile_serialization=zipped)  # fmt: skip
    with pytest.raises(InvalidRequest, match=r"would run code \(posix.mkdir|nt.mkdir"):
        read_weights(tmp_path / "w.pth")
    assert not (tmp_path / "evil").exists()


def test_what_would_fill_the_memory_is_not_called(tmp_path):
    """bytearray(10¹¹) is nothing but an innocent call to torch's own loader."""
    pickle = b"\x80\x02cbuiltins\nbytearray\n\x8a\x05\x00\xe8\x76\x48\x17\x85R."
    with zipfile.ZipFile(tmp_path / "w.pth", "w") as archive:
        archive.writestr("w/data.pkl", pickle)
    with pytest.raises(InvalidRequest, match="would run code"):
        read_weights(tmp_path / "w.pth")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not a file of weights"),
        (b"hello", "not a file of weights"),
        (b"\x80\x02", "not a file of weights"),
        (b"PK\x03\x04rubbish", "damaged"),
        (b"\x80\x02\x8d" + struct.pack("<Q", 10**12) + b"x", "not a file of weights"),
    ],
)
def test_a_pth_that_is_none(tmp_path, content, said):
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(InvalidRequest, match=said):
        read_weights(tmp_path / "w.pth")


def test_a_packed_bomb_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "w.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("w/data.pkl", b"\x80\x02}.")
        archive.writestr("w/data/0", bytes(50_000_000))
    with pytest.raises(InvalidRequest, match="packed as torch never packs"):
        read_weights(tmp_path / "w.pth")


@pytest.mark.parametrize("content", [torch.ones(3), {"epoch": 3}, [1, 2]])
def test_a_pth_without_named_weights(tmp_path, content):
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(InvalidRequest, match=r"something other than weights|holds no weights by name"):
        read_weights(tmp_path / "w.pth")


@pytest.mark.parametrize("name", ["w.bin", "w.h5", "w"])
def test_other_kinds_of_files(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(InvalidRequest, match="no file of weights"):
        check_weights(tmp_path / name)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InvalidRequest, match="No such file"):
        check_weights(tmp_path / "w.safetensors")


def test_refusing_takes_little_memory(tmp_path):
    """In a process of its own, which does not even import torch for it: at most 100 MB."""
    path = safetensors(tmp_path / "w.safetensors", b" " * 8_000_000)
    evil = tmp_path / "w.pth"
    evil.write_bytes(b"\x80\x02\x8d" + struct.pack("<Q", 10**12) + bytes(200_000_000))
    script = (
        "import re, sys\nfrom pathlib import Path\nfrom tlcore.errors import InvalidRequest\n"
        "from tlcore.networks.weights_files import check_weights\n"
        "for name in sys.argv[1:]:\n"
        "    try: check_weights(Path(name))\n"
        "    except InvalidRequest as error: print(error)\n"
        "status = Path('/proc/self/status')\n"
        "peak = re.search(r'VmHWM:\\s+(\\d+)', status.read_text())[1] if status.exists() else 0\n"
        "print('torch' in sys.modules, peak)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script, str(path), str(evil)], capture_output=True, text=True, check=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    first, second, facts = answer.stdout.splitlines()
    assert "makes no sense" in first and "not a file of weights" in second
    loaded, kilobytes = facts.split()
    assert loaded == "False"
    assert int(kilobytes) < 100_000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "does not describe weights"),
        ("{}", "architecture"),
        ('{"architecture": "resnet18", "mean": [1, 2]}', "mean"),
        ('{"architecture": "resnet18", "std": [0, 1, 1]}', "std positive"),
        ('{"architecture": "resnet18", "classes": 0}', "classes must be"),
        ('{"architecture": "resnet18", "input_size": 100000}', "input_size"),
    ],
)
def test_descriptions_that_make_no_sense(tmp_path, text, said):
    (tmp_path / "w.json").write_text(text)
    with pytest.raises(InvalidRequest, match=said):
        read_description(tmp_path / "w.json")


def test_a_missing_description_is_asked_for(tmp_path):
    with pytest.raises(InvalidRequest, match="beside the weights must stand a JSON file"):
        read_description(tmp_path / "w.json")


def test_both_names_of_the_deviation_are_understood(tmp_path):
    for key in ("std", "sd"):
        (tmp_path / "w.json").write_text(json.dumps({"architecture": "alexnet", key: [0.5] * 3, "classes": ["a", "b"]}))
        description = read_description(tmp_path / "w.json")
        assert description.std == (0.5, 0.5, 0.5) and description.class_count == 2 and description.side == 224
