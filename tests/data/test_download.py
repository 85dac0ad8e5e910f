"""What comes from elsewhere is checked before it is put where data are looked for."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from pathlib import Path

import pytest
from PIL import Image

from tlcore.data import download
from tlcore.data.download import DownloadFailed, extract_photographs, fetch, fetch_mnist, fetch_photographs

INSIDE = "BSR/BSDS500/data/images/train/"


def photograph(size: tuple[int, int] = (40, 30)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, (10, 200, 30)).save(buffer, "JPEG")
    return buffer.getvalue()


def archive(path: Path, members: list[tuple[str, bytes]], links: tuple[tuple[str, str], ...] = ()) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        for name, target in links:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            tar.addfile(entry)
    return path


class TestExtraction:
    def test_only_training_photographs_are_written(self, tmp_path: Path) -> None:
        members = [
            (f"{INSIDE}1.jpg", photograph()),
            (f"{INSIDE}Thumbs.db", b"x"),
            ("BSR/BSDS500/data/images/test/2.jpg", photograph()),
            ("BSR/bench/run.sh", b"rm -rf"),
            (f"{INSIDE}33.jpg", photograph()),
        ]
        target = tmp_path / "out"
        target.mkdir()
        assert extract_photographs(archive(tmp_path / "a.tgz", members), target) == 2
        assert sorted(path.name for path in tmp_path.rglob("*")) == ["1.jpg", "33.jpg", "a.tgz", "out"]

    @pytest.mark.parametrize("name", ["../evil.jpg", "/etc/evil.jpg", f"{INSIDE}../../1.jpg", "BSR\\..\\evil.jpg"])
    def test_a_path_that_leads_out(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(DownloadFailed, match="leads out"):
            extract_photographs(archive(tmp_path / "a.tgz", [(name, photograph())]), tmp_path)

    def test_a_link_in_place_of_a_photograph(self, tmp_path: Path) -> None:
        packed = archive(tmp_path / "a.tgz", [], ((f"{INSIDE}1.jpg", "/etc/passwd"),))
        with pytest.raises(DownloadFailed, match="not a photograph"):
            extract_photographs(packed, tmp_path)

    def test_a_photograph_that_is_none(self, tmp_path: Path) -> None:
        with pytest.raises(DownloadFailed, match="cannot be decoded"):
            extract_photographs(archive(tmp_path / "a.tgz", [(f"{INSIDE}1.jpg", b"GIF89a")]), tmp_path)

    def test_too_many_pixels(self, tmp_path: Path) -> None:
        with pytest.raises(DownloadFailed, match="pixels"):
            extract_photographs(archive(tmp_path / "a.tgz", [(f"{INSIDE}1.jpg", photograph((5000, 2)))]), tmp_path)

    def test_too_many_members(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(download, "MOST_MEMBERS", 3)
        with pytest.raises(DownloadFailed, match="larger"):
            extract_photographs(archive(tmp_path / "a.tgz", [(f"x{i}", b"") for i in range(4)]), tmp_path)

    def test_a_bomb_is_noticed_before_it_is_unpacked(self, tmp_path: Path) -> None:
        """A header alone announces two gigabytes."""
        entry = tarfile.TarInfo("zeros")
        entry.size = 2_000_000_000
        (tmp_path / "a.tgz").write_bytes(gzip.compress(entry.tobuf()))
        with pytest.raises(DownloadFailed, match="larger"):
            extract_photographs(tmp_path / "a.tgz", tmp_path)

    def test_an_archive_cut_short(self, tmp_path: Path) -> None:
        packed = archive(tmp_path / "a.tgz", [(f"{INSIDE}1.jpg", photograph())])
        packed.write_bytes(packed.read_bytes()[:-200])
        with pytest.raises(DownloadFailed, match="damaged"):
            extract_photographs(packed, tmp_path)


class TestFetching:
    """`file:` addresses stand in for the real ones."""

    def test_more_than_expected_is_not_taken(self, tmp_path: Path) -> None:
        (tmp_path / "big").write_bytes(bytes(1000))
        with pytest.raises(DownloadFailed, match="more than 999"):
            fetch((tmp_path / "big").as_uri(), tmp_path / "out", 999, "it")

    def test_photographs_arrive_whole_or_not_at_all(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def publish(count: int) -> None:
            packed = archive(tmp_path / f"{count}.tgz", [(f"{INSIDE}{i}.jpg", photograph()) for i in range(count)])
            monkeypatch.setattr(download, "PHOTOGRAPH_ARCHIVE", packed.as_uri())

        folder = tmp_path / "data"
        publish(199)
        with pytest.raises(DownloadFailed, match="199"):
            fetch_photographs(folder)
        assert {path.name for path in folder.iterdir()} == {".bsds500.lock"}

        said: list[float] = []
        publish(200)
        (folder / "BSDS500" / "train").mkdir(parents=True)  # an empty folder does not pass for the photographs
        fetch_photographs(folder, lambda text, share: said.append(share))
        assert said[-1] == 1.0
        assert len(list((folder / "BSDS500" / "train").iterdir())) == 200
        assert {path.name for path in folder.iterdir()} == {"BSDS500", ".bsds500.lock"}

    def test_mnist_comes_from_the_mirror_whose_file_is_the_right_one(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from torchvision.datasets import MNIST

        name = "train-labels-idx1-ubyte"
        for mirror, content in (("bad", b"something else"), ("good", b"labels")):
            (tmp_path / mirror).mkdir()
            (tmp_path / mirror / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
        checksum = hashlib.md5(gzip.compress(b"labels", mtime=0), usedforsecurity=False).hexdigest()
        monkeypatch.setattr(MNIST, "resources", [(f"{name}.gz", checksum)])
        folder = tmp_path / "data"

        monkeypatch.setattr(MNIST, "mirrors", [f"{(tmp_path / 'bad').as_uri()}/"])
        with pytest.raises(DownloadFailed, match="not the file"):
            fetch_mnist(folder, [name])
        assert [path.name for path in folder.iterdir()] == [".mnist.lock"], "no empty folder stays"

        monkeypatch.setattr(MNIST, "mirrors", [f"{(tmp_path / place).as_uri()}/" for place in ("bad", "good")])
        fetch_mnist(folder, [name])
        assert (folder / "MNIST" / "raw" / name).read_bytes() == b"labels"
