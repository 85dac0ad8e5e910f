"""What can be asked of recorded zero-shot runs: their descriptions, and what speaks for each attribute in each picture.

Recorded runs come without weights. These few numbers are enough to answer and to place a description that was not there
before; they lie beside the recorded runs, in a file of the same name.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from tlcore.runs import Store

PART = "predictor."
EVIDENCE = "evidence_of_probe"
ASKED = ("vectors", "centre", "prior_odds", "description_map.weight", EVIDENCE)
Tensors = dict[str, npt.NDArray[np.floating]]


def answers_file(recorded: Path) -> Path:
    """Where the answers of the recorded runs in `recorded` lie."""
    return recorded.with_suffix(".safetensors")


def of_weights(file: Path) -> Tensors | None:
    """What a run's weights say, by name; None where they cannot be read or are of no run that can be asked."""
    try:
        tensors = load_file(file)
    except (SafetensorError, OSError):
        return None
    found = {name.removeprefix(PART): tensor for name, tensor in tensors.items() if name.startswith(PART)}
    return found if EVIDENCE in found else None


def write_answers(store: Store, identities: Iterable[str], recorded: Path) -> Path | None:
    """Keep what those of the runs say that can be asked, in half precision; None where there is none."""
    kept: Tensors = {}
    for identity in identities:
        found = of_weights(store.run_folder(identity) / "weights.safetensors") or {}
        kept |= {f"{identity}.{name}": found[name].astype(np.float16) for name in ASKED if name in found}
    file = answers_file(recorded)
    if not kept:
        file.unlink(missing_ok=True)
        return None
    save_file(kept, file)
    return file


def read_answers(recorded: Path, identity: str) -> Tensors | None:
    """What a recorded run says, in single precision; None where nothing was kept of it."""
    try:
        with safe_open(answers_file(recorded), framework="np") as file:
            names = [name for name in file.keys() if name.startswith(f"{identity}.")]  # noqa: SIM118
            found = {name.removeprefix(f"{identity}."): file.get_tensor(name).astype(np.float32) for name in names}
    except (SafetensorError, OSError):
        return None
    return found or None
