"""Fetch MNIST and the Berkeley photographs from where their makers published them, into the data folder."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from PIL import Image

from tlcore.data.folder import Report, alone, temporary_name

PHOTOGRAPH_ARCHIVE = "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/BSR/BSR_bsds500.tgz"
PHOTOGRAPHS_IN_TRAIN = 200
PHOTOGRAPH_MEMBER = re.compile(r"BSR/BSDS500/data/images/train/([0-9]{1,10}\.jpg)")

# Bounds on what an answer may be. The real archive has 71 MB and its largest photograph about 200 kB.
LARGEST_ARCHIVE = 120_000_000
LARGEST_UNPACKED = 1_000_000_000
LARGEST_PHOTOGRAPH = 2_000_000
LARGEST_SIDE = 4096
MOST_MEMBERS = 20_000
LARGEST_MNIST_ARCHIVE = 20_000_000
LARGEST_MNIST_FILE = 60_000 * 28 * 28 + 16
SECONDS_TO_ANSWER = 20


class DownloadFailed(Exception):
    """What was asked for did not come, or what came is not what was asked for."""


def fetch(
    url: str, destination: Path, largest: int, what: str, report: Report | None = None, *, resume: bool = False
) -> None:
    """Write what `url` answers to the file `destination`.

    resume: where the file is there already it is taken for the beginning, and only the rest is asked for, if the
    server can do that. Raises DownloadFailed, also for more than `largest` bytes; what had come by then stays.
    """
    begun = destination.stat().st_size if resume and destination.is_file() else 0
    request = Request(url, headers={"User-Agent": "transfer-learning-lab"})
    if begun:
        request.add_header("Range", f"bytes={begun}-")
    try:
        with urlopen(request, timeout=SECONDS_TO_ANSWER) as answer:
            received = begun = begun if getattr(answer, "status", 200) == 206 else 0
            announced = int(answer.headers.get("Content-Length") or 0)
            total = begun + announced if announced else 0
            with destination.open("ab" if begun else "wb") as file:
                while block := answer.read(1 << 18):
                    received += len(block)
                    if received > largest:
                        raise DownloadFailed(f"{url} answers more than {largest:,} bytes")
                    file.write(block)
                    if report:
                        report(f"Downloading {what}", min(1.0, received / total) if total else 0.0)
    except (OSError, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        raise DownloadFailed(f"{urlsplit(url).hostname or url}: {reason}") from error
    if total and received != total:
        raise DownloadFailed(f"{url} broke off after {received:,} of {total:,} bytes")


def fetch_mnist(folder: Path, names: Iterable[str], report: Report | None = None) -> None:
    """Put MNIST's files `names` under `MNIST/raw` of `folder`, by torchvision's list of mirrors and checksums.

    Raises DownloadFailed; OSError where the folder cannot be written to.
    """
    from torchvision.datasets import MNIST  # late: importing torchvision's data sets takes half a second

    checksums = {name.removesuffix(".gz"): checksum for name, checksum in MNIST.resources}
    raw = folder / "MNIST" / "raw"
    with alone(folder, "mnist", report):
        raw.mkdir(parents=True, exist_ok=True)
        try:
            for name in names:
                if not ((raw / name).exists() or (raw / f"{name}.gz").exists()):  # another process may have been faster
                    _fetch_from(MNIST.mirrors, name, checksums[name], raw, report)
        finally:
            with contextlib.suppress(OSError):  # only empty folders can be removed
                raw.rmdir()
                raw.parent.rmdir()


def _fetch_from(mirrors: Iterable[str], name: str, checksum: str, raw: Path, report: Report | None) -> None:
    failure: DownloadFailed | None = None
    for mirror in mirrors:
        try:
            _fetch_mnist_file(f"{mirror}{name}.gz", checksum, raw / name, report)
            return
        except DownloadFailed as error:
            failure = failure or error
    raise failure or DownloadFailed(f"torchvision knows no place to get {name} from")


def _fetch_mnist_file(url: str, checksum: str, destination: Path, report: Report | None) -> None:
    packed, unpacked = temporary_name(destination.parent), temporary_name(destination.parent)
    try:
        fetch(url, packed, LARGEST_MNIST_ARCHIVE, f"MNIST ({destination.name})", report)
        content = packed.read_bytes()
        if hashlib.md5(content, usedforsecurity=False).hexdigest() != checksum:
            raise DownloadFailed(f"{url} is not the file that torchvision knows")
        try:
            with gzip.open(io.BytesIO(content)) as file:
                unpacked.write_bytes(file.read(LARGEST_MNIST_FILE + 1))
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DownloadFailed(f"{url} cannot be unpacked: {error}") from error
        unpacked.replace(destination)
    finally:
        packed.unlink(missing_ok=True)
        unpacked.unlink(missing_ok=True)


def fetch_photographs(folder: Path, report: Report | None = None) -> None:
    """Put the 200 training photographs of BSDS500 under `BSDS500/train` of `folder`.

    Raises DownloadFailed; OSError where the folder cannot be written to.
    """
    destination = folder / "BSDS500" / "train"
    with alone(folder, "bsds500", report):
        if any(destination.glob("*.jpg")):
            return  # another process was faster
        archive, unpacked = temporary_name(folder), temporary_name(folder)
        try:
            fetch(PHOTOGRAPH_ARCHIVE, archive, LARGEST_ARCHIVE, "BSDS500 photographs", report)
            unpacked.mkdir()
            count = extract_photographs(archive, unpacked)
            if count != PHOTOGRAPHS_IN_TRAIN:
                raise DownloadFailed(f"{PHOTOGRAPH_ARCHIVE} holds {count} training photographs, not 200")
            destination.parent.mkdir(exist_ok=True)
            unpacked.rename(destination)
        finally:
            archive.unlink(missing_ok=True)
            shutil.rmtree(unpacked, ignore_errors=True)


def extract_photographs(archive: Path, destination: Path) -> int:
    """Write the training photographs in the tar `archive` into the folder `destination`; how many they are.

    Nothing else of the archive is written, and each file's name is the digits of its member and no path. Raises
    DownloadFailed for an archive no honest maker packs: names that lead out of it, links among the photographs, more
    members or bytes than the real one could have, photographs that cannot be decoded.
    """
    count = unpacked_bytes = 0
    try:
        with tarfile.open(archive, "r|gz") as members:  # as a stream: what is too much is noticed before it is read
            for number, member in enumerate(members):
                unpacked_bytes += member.size
                if number >= MOST_MEMBERS or unpacked_bytes > LARGEST_UNPACKED:
                    raise DownloadFailed("the archive of photographs is larger than the real one could be")
                if member.name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", member.name):
                    raise DownloadFailed(f"the archive of photographs holds a path that leads out of it: {member.name}")
                match = PHOTOGRAPH_MEMBER.fullmatch(member.name)
                if not match:
                    continue
                file = members.extractfile(member) if member.isreg() else None
                if file is None or member.size > LARGEST_PHOTOGRAPH:
                    raise DownloadFailed(f"{member.name} in the archive of photographs is not a photograph")
                content = file.read(LARGEST_PHOTOGRAPH)
                _check_photograph(content, member.name)
                (destination / match.group(1)).write_bytes(content)
                count += 1
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DownloadFailed(f"the archive of photographs is damaged: {error}") from error
    return count


def _check_photograph(content: bytes, name: str) -> None:
    try:
        with Image.open(io.BytesIO(content), formats=("JPEG",)) as image:
            if max(image.size) > LARGEST_SIDE:
                raise DownloadFailed(f"{name} in the archive of photographs is {image.size} pixels large")
            image.load()
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise DownloadFailed(f"{name} in the archive of photographs cannot be decoded: {error}") from error
