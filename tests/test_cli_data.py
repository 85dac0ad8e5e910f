"""`python -m tlcore data`: what it prints, and with which status it ends."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import save_file

from tests.data.stand_ins import usps
from tlcore import cli, cli_data
from tlcore.catalogue import ENTRIES
from tlcore.catalogue.samples import picture_samples
from tlcore.data import download
from tlcore.errors import InvalidRequest, MissingData

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with tiny files of USPS, and no way out to the internet."""
    place = tmp_path / "data"
    place.mkdir()
    usps(place)
    monkeypatch.setenv("TLCORE_DATA", str(place))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))

    def refuse(*_: object, **__: object) -> None:
        raise OSError("Network is unreachable")

    monkeypatch.setattr(download, "urlopen", refuse)
    return place


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = cli.main(["data", *map(str, arguments)])
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    return status, said.out, said.err


def test_list(folder, capsys):
    status, out, err = run(capsys, "list")
    assert status == 0 and str(folder) in err
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert set(lines) == set(ENTRIES)
    assert "on disk" in lines["usps"] and "embedded" in lines["digits"] and "2.64 GB" in lines["stl10"]


def test_list_and_show_as_json_are_one_document(folder, capsys):
    status, out, _ = run(capsys, "list", "--json")
    document = json.loads(out)
    assert status == 0 and [row["name"] for row in document["catalogue"]] == list(ENTRIES)
    assert document["own"] == document["weights"] == []
    states = {row["name"]: row["state"] for row in document["catalogue"]}
    assert (states["usps"], states["svhn"], states["celeba"]) == ("on disk", "to download", "by hand")
    status, out, _ = run(capsys, "show", "svhn", "--json")
    shown = json.loads(out)
    assert status == 0 and shown["download_bytes"] == 182_040_794 + 64_275_384
    assert shown["licence"] == "non-commercial use only" and len(shown["class_names"]) == 10


def test_show_for_people(folder, capsys):
    status, out, _ = run(capsys, "show", "cifar100")
    assert status == 0
    assert "title: CIFAR-100" in out and "and 80 more" in out and "169 MB" in out


def test_listing_loads_no_torch(folder):
    script = (
        "import sys\nfrom tlcore.cli import main\nmain(['data', 'list'])\nmain(['data', 'show', 'usps', '--json'])\n"
        "assert not {'torch', 'torchvision', 'sklearn'} & set(sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, env=os.environ)
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize("action", ["show", "fetch", "check"])
def test_an_unknown_name(folder, capsys, action):
    status, out, err = run(capsys, action, "uspss")
    assert (status, out) == (2, "")
    assert err == "tlcore: No data set 'uspss' in the catalogue; did you mean usps?\n"


def test_a_name_that_is_none_is_answered_by_the_rule(folder, capsys, tmp_path):
    status, out, err = run(capsys, "add", str(tmp_path), "--name", "Ä b")
    assert (status, out) == (2, "")
    assert "a name has 1 to 40 small letters, digits, hyphens and underscores" in err and "pattern" not in err


def test_what_is_known_is_told_in_lines_that_people_read(folder, capsys):
    status, out, _ = run(capsys, "show", "cifar100")
    assert status == 0 and "class names: apple, aquarium_fish" in out and "cattle and 80 more\n" in out
    assert "[" not in out and "{" not in out


def test_fetching_what_is_there_and_what_cannot_be_had(folder, capsys, monkeypatch):
    status, out, _ = run(capsys, "fetch", "usps", "--json")
    assert status == 0 and json.loads(out)["state"] == "on disk"
    assert json.loads(run(capsys, "fetch", "digits", "--json")[1])["state"] == "embedded"
    status, out, err = run(capsys, "fetch", "svhn")
    assert (status, out) == (1, "")
    assert err.splitlines()[-1].startswith("tlcore: Street View House Numbers could not be downloaded")
    status, out, err = run(capsys, "fetch", "celeba")
    assert (status, out) == (2, "") and "Google Drive" in err


def test_check(folder, capsys):
    status, out, err = run(capsys, "check", "usps")
    assert (status, out) == (1, "") and "usps.bz2 of USPS is not the file that torchvision knows" in err
    status, _, err = run(capsys, "check", "svhn")
    assert status == 1 and "train_32x32.mat, test_32x32.mat not there" in err
    status, out, _ = run(capsys, "check", "digits", "--json")
    assert status == 0 and json.loads(out)["problem"] is None


def test_a_set_that_is_complete(folder, capsys):
    from tests.data.stand_ins import BUILDERS

    BUILDERS["dtd"](folder)
    status, out, _ = run(capsys, "check", "dtd", "--json")
    assert status == 0
    assert json.loads(out) == {
        "name": "dtd", "state": "on disk", "problem": None, "train": 20, "test": 10, "classes": 2
    }  # fmt: skip
    next((folder / "dtd" / "dtd" / "images" / "banded").iterdir()).unlink()
    status, _, err = run(capsys, "check", "dtd")
    assert status == 1 and "lacks 1 pictures" in err


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    root = tmp_path / "pets"
    for label, value in (("cat", 10), ("dog", 200)):
        (root / label).mkdir(parents=True)
        for number in range(6):
            pixels = np.random.default_rng(value + number).integers(0, 50, (40, 40, 3), dtype=np.uint8) + value
            Image.fromarray(pixels.astype(np.uint8)).save(root / label / f"{number}.png")
    return root


def test_own_pictures_are_added_shown_and_checked(folder, pictures, capsys):
    status, out, err = run(capsys, "add", pictures, "--name", "mine", "--size", 32, "--json")
    assert status == 0, err
    assert json.loads(out)["examples"] == 12
    status, out, _ = run(capsys, "list", "--json")
    assert [one["name"] for one in json.loads(out)["own"]] == ["mine"]
    status, out, _ = run(capsys, "show", "mine", "--json")
    assert status == 0 and json.loads(out)["classes"] == ["cat", "dog"]
    status, out, _ = run(capsys, "check", "mine")
    assert (status, out) == (0, "mine is complete and readable.\n")
    status, _, err = run(capsys, "add", pictures / "cat", "--name", "other")
    assert status == 2 and err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--name", "usps"), "data set of the catalogue"),
        (("--name", "Not a name!"), "dataset = 'Not a name!' is not possible"),
        (("--name", "mine", "--size", "7"), "side = 7 is not possible"),
    ],
)
def test_what_cannot_be_added(folder, pictures, capsys, arguments, said):
    status, out, err = run(capsys, "add", pictures, *arguments)
    assert (status, out) == (2, "") and said in err
    assert not (folder / "own" / "mine").exists()


def test_own_weights_are_added_and_checked(folder, tmp_path, capsys):
    from torch import nn
    from torchvision.models import squeezenet1_1

    network = squeezenet1_1(num_classes=3)
    path = tmp_path / "w.safetensors"
    save_file(network.state_dict(), path)
    (tmp_path / "w.json").write_text('{"architecture": "squeezenet1_1", "classes": 3}')
    status, out, err = run(capsys, "add", path, "--name", "squeeze", "--json")
    assert status == 0, err
    assert json.loads(out)["kind"] == "weights"
    assert json.loads(run(capsys, "list", "--json")[1])["weights"] == ["squeeze"]
    assert json.loads(run(capsys, "check", "squeeze", "--json")[1])["architecture"] == "squeezenet1_1"
    network.classifier[1] = nn.Conv2d(512, 4, 1)
    save_file(network.state_dict(), path)
    status, out, err = run(capsys, "add", path, "--name", "other")
    assert (status, out) == (2, "") and "classifier.1.weight is 4×512×1×1 instead of 3×512×1×1" in err
    path.write_bytes((10**15).to_bytes(8, "little"))
    status, _, err = run(capsys, "add", path, "--name", "other")
    assert status == 2 and "its header claims" in err


def test_samples_come_from_another_process(folder):
    document = picture_samples("usps", 12)
    assert document["class_names"] == list("0123456789")
    assert document["counts"] == {"train": [6] * 10, "test": [2] * 10}
    assert [one["class"] for one in document["pictures"]] == [*"0123456789", "0", "1"]
    with Image.open(io.BytesIO(base64.b64decode(document["pictures"][0]["png"]))) as image:
        assert image.size == (16, 16)
    digits = picture_samples("photo-digits", 10)
    assert [one["class"] for one in digits["pictures"]] == list("0123456789")
    with pytest.raises(MissingData, match="fetch it first"):
        picture_samples("svhn")
    with pytest.raises(InvalidRequest, match="points, not pictures"):
        picture_samples("moons")


def test_progress_is_one_line_for_people_and_plain_lines_for_files():
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    plain, live = io.StringIO(), Terminal()
    for out in (plain, live):
        told = cli_data.Told(out)
        told("Downloading", 0.1)
        told("Downloading", 0.5)
        told("Unpacking", 0.0)
        told.end()
    assert plain.getvalue() == "Downloading …\nUnpacking …\n"
    assert live.getvalue().endswith("Unpacking …\r\x1b[K") and "50%" in live.getvalue()
