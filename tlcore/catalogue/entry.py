"""What is known of a data set without reading it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Unpacking = Literal["", "gz", "zip", "tar", "emnist"]


@dataclass(frozen=True)
class Resource:
    """One file to download.

    urls: where it is, tried in this order. md5: its checksum as torchvision publishes it. size: bytes, as announced by
    its server when this was written. file: its path below the data folder. unpack: what is done with it; `into`: the
    folder below the data folder that takes what it holds.
    """

    urls: tuple[str, ...]
    md5: str
    size: int
    file: str
    unpack: Unpacking = ""
    into: str = ""


@dataclass(frozen=True)
class Entry:
    """One data set of the catalogue.

    class_names: empty where only the files tell them. train, test: pictures in the published parts; test is 0 where
    none is published and the lab splits one off. pixels: width × height of a picture, in words. files: paths below the
    data folder, in torchvision's layout, that are all there when the set is on disk; none for an embedded set.
    own_side: side in pixels to which pictures are brought when nobody asks for another.
    """

    name: str
    title: str
    lead: str
    class_count: int
    train: int
    test: int
    pixels: str
    own_side: int
    licence: str
    url: str
    citation: str
    class_names: tuple[str, ...] = ()
    channels: int = 3
    balanced: bool = True
    files: tuple[str, ...] = ()
    resources: tuple[Resource, ...] = ()
    by_hand: str = ""

    @property
    def download_size(self) -> int:
        """Bytes that a download takes."""
        return sum(resource.size for resource in self.resources)

    @property
    def embedded(self) -> bool:
        """Whether it needs no file but those the lab is installed with."""
        return not self.files
