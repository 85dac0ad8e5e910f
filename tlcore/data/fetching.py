"""Fetch a data set of the catalogue into the data folder, in torchvision's layout and by torchvision's checksums."""

from __future__ import annotations

import gzip
import hashlib
import re
import shutil
import tarfile
import zipfile
import zlib
from pathlib import Path

from tlcore.catalogue import Entry, Resource, readable_size
from tlcore.catalogue.entry import Unpacking
from tlcore.data.download import DownloadFailed, fetch, fetch_mnist, fetch_photographs
from tlcore.data.folder import Report, alone, temporary_name
from tlcore.errors import InvalidRequest, MissingData

EMNIST_MEMBER = re.compile(
    r"gzip/(emnist-(?:letters|balanced|digits)-(?:train|test)-(?:images-idx3|labels-idx1)-ubyte)\.gz"
)
MOST_MEMBERS = 300_000
LARGEST_UNPACKED = 12_000_000_000
KEPT_ARCHIVE = 20_000_000  # torchvision's Omniglot looks for its archive; larger ones would only take space
SPARE = 200_000_000  # bytes of disk that are to stay free


def fetch_entry(entry: Entry, folder: Path, report: Report | None = None) -> None:
    """Put what is missing of a data set into `folder`. One process at a time; a broken download is continued.

    Raises InvalidRequest for a set that cannot be downloaded, MissingData where a file does not come, is not what
    torchvision's checksum says, or finds no room. What lies in the folder already stays.
    """
    if entry.by_hand:
        raise InvalidRequest(f"{entry.title} cannot be downloaded: {entry.by_hand} of {folder}.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _leave_room(entry, folder)
        if entry.name in ("mnist", "mnist-m"):
            fetch_mnist(folder, [Path(one.file).name for one in entry.resources if one.unpack == "gz"], report)
            if entry.name == "mnist-m":
                fetch_photographs(folder, report)
            return
        with alone(folder, entry.name.split("-")[0] if entry.name.startswith("emnist") else entry.name, report):
            for resource in entry.resources:
                if not _unpacked(resource, entry, folder):
                    _fetch_resource(resource, entry, folder, report)
    except (DownloadFailed, OSError) as error:
        raise MissingData(f"{entry.title} could not be downloaded into {folder}: {error}.") from error


def _leave_room(entry: Entry, folder: Path) -> None:
    unpacked = sum(one.size * (3 if one.unpack else 1) for one in entry.resources)
    free = shutil.disk_usage(folder).free
    if free < unpacked + SPARE:
        raise MissingData(
            f"{entry.title} needs about {readable_size(unpacked)} in {folder}, where {readable_size(free)} are free."
        )


def _unpacked(resource: Resource, entry: Entry, folder: Path) -> bool:
    """Whether what this download gives is there already, because another process was faster or part of it came."""
    if resource.unpack in ("", "gz"):
        path = folder / resource.file
        return path.is_file() or path.with_name(f"{path.name}.gz").is_file()
    if resource.unpack == "emnist":
        return all((folder / file).is_file() for file in entry.files)
    return (folder / _mark(resource)).is_file()


def _mark(resource: Resource) -> str:
    """A file that says that an archive has been unpacked to its end."""
    place = Path(resource.into or ".") / f".{Path(resource.file).name}.unpacked"
    return str(place)


def _fetch_resource(resource: Resource, entry: Entry, folder: Path, report: Report | None) -> None:
    packed = folder / f".incomplete-{resource.md5}"  # the same name the next time, so that it can be continued
    failure: DownloadFailed | None = None
    for url in resource.urls:
        try:
            what = f"{entry.title} ({Path(resource.file).name})"
            fetch(url, packed, resource.size + resource.size // 5 + 1_000_000, what, report, resume=True)
            _check(packed, resource, url)
            break
        except DownloadFailed as error:
            failure = failure or error
    else:
        raise failure or DownloadFailed("there is no address to get it from")
    destination = folder / resource.file
    destination.parent.mkdir(parents=True, exist_ok=True)
    if not resource.unpack:
        packed.replace(destination)
        return
    if report:
        report(f"Unpacking {entry.title}", 0.0)
    _unpack(packed, resource.unpack, destination, folder / resource.into)
    if resource.unpack in ("zip", "tar"):
        (folder / _mark(resource)).touch()
    if resource.unpack != "gz" and resource.size < KEPT_ARCHIVE:
        packed.replace(destination)
    packed.unlink(missing_ok=True)


def _check(packed: Path, resource: Resource, url: str) -> None:
    digest = hashlib.md5(usedforsecurity=False)
    with packed.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    if digest.hexdigest() != resource.md5:
        packed.unlink()
        raise DownloadFailed(f"{url} is not the file that torchvision knows")


def _unpack(packed: Path, kind: Unpacking, destination: Path, into: Path) -> None:
    """Whole or not at all: everything is unpacked beside, then moved."""
    into.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(destination.parent if kind == "gz" else into)
    try:
        if kind == "gz":
            with gzip.open(packed) as source, temporary.open("wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
            temporary.replace(destination)
            return
        temporary.mkdir()
        if kind == "tar":
            _untar(packed, temporary)
        else:
            _unzip(packed, temporary, emnist=kind == "emnist")
        for path in temporary.iterdir():
            _merge(path, into / path.name)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, gzip.BadGzipFile, NotImplementedError) as error:
        raise DownloadFailed(f"{destination.name} cannot be unpacked: {error}") from error
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            temporary.unlink(missing_ok=True)


def _untar(packed: Path, into: Path) -> None:
    size = 0
    with tarfile.open(packed, "r|*") as members:
        for number, member in enumerate(members):
            size += member.size
            if number >= MOST_MEMBERS or size > LARGEST_UNPACKED:
                raise DownloadFailed("the archive is larger than any data set of the catalogue")
            members.extract(member, into, filter="data")


def _unzip(packed: Path, into: Path, *, emnist: bool) -> None:
    with zipfile.ZipFile(packed) as archive:
        members = archive.infolist()
        if len(members) > MOST_MEMBERS or sum(member.file_size for member in members) > LARGEST_UNPACKED:
            raise DownloadFailed("the archive is larger than any data set of the catalogue")
        for member in members:
            if not emnist:
                archive.extract(member, into)  # removes what leads out of the folder, and writes no links
            elif match := EMNIST_MEMBER.fullmatch(member.filename):
                with archive.open(member) as inner, gzip.open(inner) as source, (into / match[1]).open("wb") as target:
                    shutil.copyfileobj(source, target, 1 << 20)


def _merge(source: Path, target: Path) -> None:
    """Move a file or a folder, entry by entry where the folder is there already."""
    if source.is_dir() and target.is_dir():
        for path in source.iterdir():
            _merge(path, target / path.name)
    else:
        source.replace(target)
