"""Features are computed once for the same weights, pictures and layer, and found again without torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tlcore.data.own.folders import FolderFiles
from tlcore.errors import InvalidRequest
from tlcore.networks.layers import features_after
from tlcore.networks.pretrained import Normalise, centre, load_network, weights_file
from tlcore.specs import Pretrained
from tlcore.training.feature_cache import features_file, kept_features, pictures_hash, weights_hash
from tlcore.training.linear_probe import probe_folder

SPEC = Pretrained(architecture="squeezenet1_1", side=48)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of its own, and random weights under the name of the published ones."""
    monkeypatch.setenv("TLCORE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    put_weights(0)
    return tmp_path


def put_weights(seed: int) -> None:
    torch.manual_seed(seed)
    path = weights_file(SPEC)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(load_network(SPEC.model_copy(update={"weights": "none"})).network.state_dict(), path)


def pictures(count: int = 5, side: int = 48) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 3, side, side), dtype=np.uint8)


def never() -> np.ndarray:
    raise AssertionError("the pictures are not needed again")


def test_features_are_the_networks_own(machine):
    values = pictures()
    features = kept_features(SPEC, "key", lambda: values)
    loaded = load_network(SPEC)
    with torch.no_grad():
        inputs = Normalise(loaded.preprocessing, 48)(torch.from_numpy(values))
        expected = features_after(loaded.network, 9, inputs)
        third = features_after(loaded.network, 3, inputs)
    np.testing.assert_allclose(features, expected, atol=1e-4)
    np.testing.assert_allclose(kept_features(SPEC, "key", lambda: values, layer=3), third, atol=1e-4)


def test_they_are_found_again_and_cannot_be_written_to(machine):
    first = kept_features(SPEC, "key", pictures)
    again = kept_features(SPEC, "key", never)
    np.testing.assert_array_equal(first, again)
    assert isinstance(again, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        again[0, 0] = 1
    kept = [path.name for path in (machine / "data" / "cache").iterdir()]
    assert len([name for name in kept if name.startswith("features-")]) == 1
    assert not [name for name in kept if name.startswith(".")]


@pytest.mark.parametrize("change", ["layer", "pictures", "format", "side", "weights"])
def test_whatever_they_depend_on_makes_others(machine, change):
    before = kept_features(SPEC, "key", pictures)
    options: dict = {"layer": 4} if change == "layer" else {"number_format": "float16"} if change == "format" else {}
    spec = SPEC.model_copy(update={"side": 40}) if change == "side" else SPEC
    if change == "weights":
        put_weights(1)
    asked = []

    def counted() -> np.ndarray:
        asked.append(True)
        return pictures()

    after = kept_features(spec, "other" if change == "pictures" else "key", counted, **options)
    assert asked == [True]
    if change == "format":
        assert after.dtype == np.float16
        np.testing.assert_allclose(after, before, atol=2e-3, rtol=2e-3)
    elif change != "pictures":
        assert after.shape != before.shape or not np.allclose(after, before)


def test_a_spoilt_file_is_made_anew(machine):
    first = np.array(kept_features(SPEC, "key", pictures))
    features_file(weights_hash(SPEC), "key", 0, 48, "float32").write_bytes(b"\x93NUMPY rubbish")
    np.testing.assert_allclose(kept_features(SPEC, "key", pictures), first, atol=1e-6)


def test_random_weights_and_no_such_layer_are_refused(machine):
    with pytest.raises(InvalidRequest, match="random weights"):
        kept_features(SPEC.model_copy(update={"weights": "none"}), "key", pictures)
    with pytest.raises(InvalidRequest, match="layers 1 to 10"):
        kept_features(SPEC, "key", pictures, layer=11)


def test_hash_of_pictures():
    one = pictures()
    other = one.copy()
    assert pictures_hash(one) == pictures_hash(other)
    other[4, 2, 47, 47] ^= 1
    assert len({pictures_hash(one), pictures_hash(other), pictures_hash(one[:, :, ::-1]), pictures_hash(one[:4])}) == 4


def test_the_middle_is_cut_out_of_what_was_decoded_larger():
    values = torch.arange(64).view(1, 1, 8, 8)
    assert torch.equal(centre(values, 6, 8), values[:, :, 1:7, 1:7])
    assert centre(values, 6, 7) is values and centre(values, 8, 8) is values


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Red and blue pictures, split into train and val, one of them unreadable."""
    random = np.random.default_rng(0)
    root = tmp_path / "colours"
    for part, count in (("train", 8), ("val", 5)):
        for label, channel in (("red", 0), ("blue", 2)):
            place = root / part / label
            place.mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(0, 60, (60, 70, 3), dtype=np.uint8)
                pixels[..., channel] += 180
                Image.fromarray(pixels).save(place / f"{number}.png")
    (root / "train" / "red" / "broken.jpg").write_bytes(b"\xff\xd8\xff rubbish")
    return root


def test_a_folder_is_probed(machine, folder):
    result = probe_folder(FolderFiles(folder), SPEC)
    assert (result.train_count, result.held_out_count) == (16, 10)
    assert result.class_names == ("blue", "red")
    assert result.accuracy == 1.0
    assert [file for file, _ in result.unreadable] == ["train/red/broken.jpg"]


def test_the_second_time_needs_no_torch(machine, folder):
    first = probe_folder(FolderFiles(folder), SPEC)
    script = (
        "import json, sys\nfrom pathlib import Path\nfrom tlcore.data.own.folders import FolderFiles\n"
        "from tlcore.specs.network import Pretrained\nfrom tlcore.training.linear_probe import probe_folder\n"
        f"spec = Pretrained(architecture='{SPEC.architecture}', side={SPEC.side})\n"
        "result = probe_folder(FolderFiles(Path(sys.argv[1])), spec)\n"
        "print(json.dumps([result.accuracy, result.held_out_count, result.unreadable, 'torch' in sys.modules]))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script, str(folder)], capture_output=True, text=True, check=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    accuracy, count, unreadable, torch_loaded = json.loads(answer.stdout)
    assert (accuracy, count, torch_loaded) == (first.accuracy, first.held_out_count, False)
    assert [file for file, _ in unreadable] == ["train/red/broken.jpg"]


def test_a_folder_without_parts_is_refused(machine, folder):
    with pytest.raises(InvalidRequest, match="needs a folder train and a folder test or val"):
        probe_folder(FolderFiles(folder / "train"), SPEC)


@pytest.mark.real_data
@pytest.mark.skipif("TLCORE_REAL_DATA" not in os.environ, reason="TLCORE_REAL_DATA names no folder with photographs")
def test_ants_and_bees(tmp_path, monkeypatch):
    """398 photographs and SqueezeNet's features: at least 0.92 of those held out are told apart."""
    real = Path(os.environ["TLCORE_REAL_DATA"])
    monkeypatch.setenv("TLCORE_DATA", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(real / "torch"))
    result = probe_folder(FolderFiles(real / "hymenoptera"), Pretrained(architecture="squeezenet1_0"))
    assert (result.train_count, result.held_out_count, result.unreadable) == (245, 153, ())
    assert result.accuracy >= 0.92
