"""MNIST and MNIST-M from files: real, small, missing, cut short."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tlcore.data import load_dataset, load_pair
from tlcore.data import mnist_m as mnist_m_module
from tlcore.data.folder import alone, data_folder, read_array
from tlcore.data.mnist import FILES, read_mnist
from tlcore.data.mnist_m import crop_draws, difference
from tlcore.errors import MissingData
from tlcore.specs.data import DomainPair, Mnist, MnistM


def rederive(folder: Path, number: int, test: bool) -> np.ndarray:
    """One picture of MNIST-M made again in plain numpy: photograph, crop, absolute difference."""
    files = read_mnist()
    digits = files.test_pictures if test else files.train_pictures
    paths = sorted((folder / "BSDS500").rglob("*.jpg"))
    chosen, down, right = crop_draws(len(digits), test)[number].tolist()
    photograph = np.asarray(Image.open(paths[int(chosen * len(paths))]).convert("RGB")).astype(int)
    top, left = int(down * (photograph.shape[0] - 27)), int(right * (photograph.shape[1] - 27))
    crop = photograph[top : top + 28, left : left + 28]
    return np.abs(crop - digits[number].numpy().astype(int)[:, :, None]).transpose(2, 0, 1)


class TestSmall:
    def test_pictures_are_the_absolute_difference_with_a_crop(self, small_folder: Path) -> None:
        domain = load_dataset(MnistM(), 0)
        for position in (0, 7, 100):
            number = int(domain.train.identities[position])
            assert np.array_equal(domain.train.inputs[position].numpy(), rederive(small_folder, number, test=False))
        number = int(domain.test.identities[9]) - 240
        assert np.array_equal(domain.test.inputs[9].numpy(), rederive(small_folder, number, test=True))

    def test_packed_files_are_read_as_they_are(self, small_folder: Path) -> None:
        plain = load_dataset(Mnist(), 0)
        for name in FILES:
            path = small_folder / "MNIST" / "raw" / name
            path.with_name(f"{name}.gz").write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()
        assert torch.equal(plain.train.inputs, load_dataset(Mnist(), 0).train.inputs)

    def test_limit_cuts_the_training_part_alone(self, small_folder: Path) -> None:
        whole, fewer, fewest = (load_dataset(Mnist(limit=limit), 0) for limit in (0, 100, 20))
        assert (len(fewer.train), len(fewest.train)) == (100, 20)
        assert torch.equal(whole.test.inputs, fewest.test.inputs)
        assert torch.equal(whole.validation.inputs, fewest.validation.inputs)
        assert set(fewest.train.identities.tolist()) <= set(fewer.train.identities.tolist())
        assert torch.bincount(fewest.train.labels).tolist() == [2] * 10

    def test_backgrounds_do_not_change_with_the_seed(self, small_folder: Path) -> None:
        one, other = load_dataset(MnistM(), 0).test, load_dataset(MnistM(), 1).test
        assert torch.equal(one.inputs, other.inputs)

    def test_what_is_kept_is_what_is_made(self, small_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        made = load_dataset(MnistM(), 0)
        kept = sorted((small_folder / "cache").glob("*.npy"))
        assert len(kept) == 2

        def fail(*_: object) -> None:
            pytest.fail("made again although it was kept")

        monkeypatch.setattr(mnist_m_module, "decode_photographs", fail)
        assert torch.equal(load_dataset(MnistM(), 0).train.inputs, made.train.inputs)

    def test_a_spoilt_kept_file_is_made_again(self, small_folder: Path) -> None:
        made = load_dataset(MnistM(), 0)
        for path in (small_folder / "cache").glob("*.npy"):
            path.write_bytes(path.read_bytes()[:500])
        assert torch.equal(load_dataset(MnistM(), 0).train.inputs, made.train.inputs)

    def test_other_photographs_are_kept_under_another_name(self, small_folder: Path) -> None:
        load_dataset(MnistM(), 0)
        (small_folder / "BSDS500" / "2.jpg").unlink()
        load_dataset(MnistM(), 0)
        assert len(list((small_folder / "cache").glob("*.npy"))) == 4

    def test_a_folder_that_cannot_be_written_to_will_do(
        self, small_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = load_dataset(MnistM(), 0)
        for path in (small_folder / "cache").iterdir():
            path.unlink()
        (small_folder / "cache").rmdir()
        (small_folder / "cache").write_bytes(b"")  # a file in its place refuses also a user who may write anywhere
        assert torch.equal(load_dataset(MnistM(), 0).validation.inputs, made.validation.inputs)

    def test_progress_is_reported(self, small_folder: Path) -> None:
        said: list[tuple[str, float]] = []
        load_pair(DomainPair(source=Mnist(), target=MnistM()), 0, report=lambda text, share: said.append((text, share)))
        assert said[-1] == ("Making MNIST-M", 1.0)
        assert all(0 <= share <= 1 for _, share in said)


class TestMissing:
    def test_nothing_there(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, offline: None) -> None:
        monkeypatch.setenv("TLCORE_DATA", str(tmp_path))
        with pytest.raises(MissingData) as caught:
            load_dataset(Mnist(), 0)
        message = str(caught.value)
        for part in (str(tmp_path), FILES[0], "Network is unreachable", "internet", "MNIST/raw", "TLCORE_DATA"):
            assert part in message
        assert "\n" not in message

    def test_a_folder_that_cannot_be_made(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "file").write_bytes(b"")
        monkeypatch.setenv("TLCORE_DATA", str(tmp_path / "file" / "folder"))
        with pytest.raises(MissingData, match="TLCORE_DATA"):
            load_dataset(Mnist(), 0)

    @pytest.mark.parametrize("name", FILES)
    def test_one_file_gone(self, small_folder: Path, name: str) -> None:
        (small_folder / "MNIST" / "raw" / name).unlink()
        with pytest.raises(MissingData, match=name):
            load_dataset(Mnist(), 0)

    @pytest.mark.parametrize("size", [0, 3, 10, 500])
    @pytest.mark.parametrize("name", FILES[:2])
    def test_a_file_cut_short(self, small_folder: Path, name: str, size: int) -> None:
        path = small_folder / "MNIST" / "raw" / name
        path.write_bytes(path.read_bytes()[: min(size, path.stat().st_size - 1)])
        with pytest.raises(MissingData, match=name):
            load_dataset(Mnist(), 0)

    def test_a_packed_file_cut_short(self, small_folder: Path) -> None:
        path = small_folder / "MNIST" / "raw" / FILES[0]
        path.with_name(f"{FILES[0]}.gz").write_bytes(gzip.compress(path.read_bytes())[:-100])
        path.unlink()
        with pytest.raises(MissingData, match=f"{FILES[0]}.gz"):
            load_dataset(Mnist(), 0)

    def test_labels_for_other_pictures(self, small_folder: Path) -> None:
        raw = small_folder / "MNIST" / "raw"
        (raw / FILES[1]).write_bytes((raw / FILES[3]).read_bytes())
        with pytest.raises(MissingData, match="60 labels for 240 pictures"):
            load_dataset(Mnist(), 0)

    def test_no_photographs(self, small_folder: Path) -> None:
        for path in (small_folder / "BSDS500").iterdir():
            path.unlink()
        with pytest.raises(MissingData, match=r"BSDS500.*Network is unreachable.*TLCORE_DATA"):
            load_dataset(MnistM(), 0)

    def test_some_of_the_official_photographs(self, small_folder: Path) -> None:
        folder = small_folder / "BSDS500" / "train"
        folder.mkdir()
        (small_folder / "BSDS500" / "0.jpg").rename(folder / "0.jpg")
        with pytest.raises(MissingData, match="1 of the 200"):
            load_dataset(MnistM(), 0)

    @pytest.mark.parametrize("content", [b"", b"GIF89a no photograph", None])
    def test_a_photograph_that_is_none(self, small_folder: Path, content: bytes | None) -> None:
        path = small_folder / "BSDS500" / "1.jpg"
        path.write_bytes(path.read_bytes()[:300] if content is None else content)
        with pytest.raises(MissingData, match=r"1\.jpg"):
            load_dataset(MnistM(), 0)


def test_difference_does_not_wrap_around() -> None:
    photograph, digit = torch.tensor([10, 200, 0], dtype=torch.uint8), torch.tensor([250, 50, 0], dtype=torch.uint8)
    assert difference(photograph, digit).tolist() == [240, 150, 0]


def test_the_variable_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLCORE_DATA", str(tmp_path))
    assert data_folder() == tmp_path
    monkeypatch.delenv("TLCORE_DATA")
    assert data_folder().name == "transfer-learning-lab"


def test_pickles_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "kept.npy"
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert read_array(path, (1,)) is None


def test_a_lock_is_free_again_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), alone(tmp_path, "x"):
        raise RuntimeError
    with alone(tmp_path, "x"):
        pass


@pytest.mark.real_data
class TestReal:
    def test_protocol_of_the_literature(self, real_folder: Path) -> None:
        pair = DomainPair(source=Mnist(), target=MnistM(), disjoint=False)
        data = load_pair(pair, 0)
        for domain in (data.source, data.target):
            assert len(domain.train) + len(domain.validation) == 60_000
            assert domain.test.inputs.shape == (10_000, 3, 28, 28)
        assert torch.equal(data.source.test.labels, data.target.test.labels)
        assert "200 photographs" in data.target.test.provenance.title
        for position in (0, 5_000):
            number = int(data.target.train.identities[position])
            assert np.array_equal(data.target.train.inputs[position].numpy(), rederive(real_folder, number, False))

    def test_same_digits_as_torchvision(self, real_folder: Path) -> None:
        from torchvision.datasets import MNIST

        theirs = MNIST(root=str(real_folder), train=False)
        ours = load_dataset(Mnist(limit=10), 0).test
        assert torch.equal(ours.inputs[:, 1], theirs.data)
        assert torch.equal(ours.labels, theirs.targets)
