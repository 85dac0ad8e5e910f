"""Picture samples of a data set, from a process of its own: the web side decodes no pictures and loads no torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tlcore import errors
from tlcore.errors import LabError

SECONDS = 180


def picture_samples(name: str, count: int = 20) -> dict[str, Any]:
    """`{"name", "class_names", "counts": {part: [per class]}, "pictures": [{"class", "png"}]}`, PNG in base64.

    Takes seconds: whoever asks often keeps the answer. Raises InvalidRequest and MissingData as the data do, LabError
    where there was no answer in time.
    """
    command = [sys.executable, "-m", "tlcore.data.samples", name, "--count", str(count)]
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=SECONDS, cwd=Path(__file__).resolve().parents[2]
        )
        document: dict[str, Any] = json.loads(answer.stdout)
    except (subprocess.TimeoutExpired, ValueError, OSError) as error:
        raise LabError(f"No pictures of {name[:60]} could be had ({type(error).__name__}).") from None
    if "refused" in document:
        raise getattr(errors, document["error"], LabError)(document["refused"])
    return document
