"""Where the data folder is."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

VARIABLE = "TLCORE_DATA"


def data_folder() -> Path:
    """The folder that `TLCORE_DATA` names, else the user's cache folder for the lab. It need not exist."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else Path(platformdirs.user_cache_dir("transfer-learning-lab", appauthor=False))
