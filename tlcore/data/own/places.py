"""Which folders of this machine may be read on behalf of a visitor, and where own data are kept."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tlcore.data.folder import data_folder
from tlcore.errors import InvalidRequest

VARIABLE = "TLCORE_FOLDERS"
NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,38}[a-z0-9])?")


def own_folder() -> Path:
    """Where own data sets are kept, one folder each. It need not exist."""
    return data_folder() / "own"


def checked_name(name: str) -> str:
    """A name for a data set that is safe as the name of a folder. Raises InvalidRequest."""
    if not NAME.fullmatch(name):
        raise InvalidRequest(
            f"“{shown(name, 40)}” is not a name for a data set: take 1 to 40 small letters, digits, hyphens and "
            "underscores, with a letter or digit first and last."
        )
    return name


def suggested_name(title: str) -> str:
    """A name that `checked_name` accepts, as near to `title` as possible."""
    name = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40].strip("-")
    return name or "pictures"


def allowed_folders() -> list[Path]:
    """The real paths of the folders that the server's owner has named in `TLCORE_FOLDERS`."""
    named = [text for text in os.environ.get(VARIABLE, "").split(os.pathsep) if text.strip()]
    return [Path(os.path.realpath(text)) for text in named]


def permitted(text: str, *, owner: bool = False) -> Path:
    """The real path of a folder or file of this machine that may be read.

    owner: asked by whoever owns the machine, at its terminal; all that the account may read is then allowed. Others
    are told the same sentence for what is not allowed and for what does not exist, so that nothing can be found out.

    Raises InvalidRequest.
    """
    if not text or "\0" in text:
        raise InvalidRequest("Name a folder or a file to read.")
    path = Path(os.path.realpath(Path(text).expanduser() if owner else text))
    if owner:
        if not path.exists():
            raise InvalidRequest(f"There is no file or folder {shown(text)}.")
        return path
    allowed = allowed_folders()
    if not allowed:
        raise InvalidRequest(
            f"Folders of this server cannot be read: its owner has named none in the environment variable {VARIABLE}."
        )
    if not any(path.is_relative_to(folder) for folder in allowed) or not path.exists():
        raise InvalidRequest(
            f"{shown(text)} is not below a folder that the server's owner has allowed in {VARIABLE}, or does not exist."
        )
    return path


def shown(text: str, longest: int = 120) -> str:
    """A name from outside, fit to stand in a sentence: no control characters, not endless."""
    clean = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    clean = "".join(character if character.isprintable() else "�" for character in clean)
    return clean if len(clean) <= longest else f"{clean[: longest - 1]}…"
