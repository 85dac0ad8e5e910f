"""The one setting that makes a lab a hosted one: `TLCORE_HOSTED=1`, or a file `hosted.toml` beside the store.

`TLCORE_HOSTED_CONFIG` names the file where it lies elsewhere; `TLCORE_HOSTED=0` turns hosting off whatever there is.
The file is read again when it changes, by the pages and by the supervisor alike. `TLCORE_OWNER_MARK` is the mark of a
key of the owner, for servers without a terminal. Imports no torch.
"""

from __future__ import annotations

import os
import re
import tomllib
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from tlcore.errors import InvalidRequest
from tlcore.specs import explain
from tlcore.specs.hosting import Hosting

SWITCH = "TLCORE_HOSTED"
CONFIG = "TLCORE_HOSTED_CONFIG"
OWNER_MARK = "TLCORE_OWNER_MARK"
FILE = "hosted.toml"
LAB = Path(__file__).resolve().parents[2]
ON, OFF = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
LARGEST_FILE = 2**20


def hosting_file(folder: Path) -> Path:
    """The file with the limits of the lab whose store lies in `folder`. It need not exist.

    A relative name counts from the folder of the lab: the processes of a lab need not all begin in the same one.
    """
    named = os.environ.get(CONFIG, "").strip()
    return LAB / named if named else folder / FILE


def owner_key_mark() -> str | None:
    """The mark of the owner's key that `TLCORE_OWNER_MARK` holds, or None.

    Raises:
        InvalidRequest: it holds something else.
    """
    mark = os.environ.get(OWNER_MARK, "").strip().lower()
    if mark and not re.fullmatch(r"[0-9a-f]{64}", mark):
        raise InvalidRequest(
            f"{OWNER_MARK} is no mark of a key: `python -m tlcore hosting --new-owner-key` makes a key and its mark."
        )
    return mark or None


def hosting(folder: Path) -> Hosting | None:
    """What is set about hosting the store in `folder`, or None where the lab is one person's own.

    Raises:
        InvalidRequest: the setting or the file cannot be understood; nothing should be shown to anybody then.
    """
    switch = os.environ.get(SWITCH, "").strip().lower()
    if switch and switch not in (*ON, *OFF):
        raise InvalidRequest(f"{SWITCH} is '{switch[:40]}'; write 1 or 0.")
    if switch in OFF:
        return None
    owner_key_mark()
    path = hosting_file(folder)
    try:
        status = path.stat()
    except OSError:
        if os.environ.get(CONFIG, "").strip():
            raise InvalidRequest(f"{CONFIG} names {path}, which is not there or cannot be read.") from None
        return Hosting() if switch else None
    return _read(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=8)
def _read(path: Path, changed: int, size: int) -> Hosting:
    if size > LARGEST_FILE:
        raise InvalidRequest(f"{path} is larger than a file of settings can be.")
    try:
        return Hosting.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise InvalidRequest(f"In {path}: {explain(error)}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{path} is no TOML: {error}.") from None
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {error.strerror}.") from None
