"""Random numbers that depend on what they are for and on nothing else."""

from __future__ import annotations

import hashlib
import json

import torch


def generator_for(*purpose: str | int | float) -> torch.Generator:
    """A CPU generator seeded by a hash of `purpose`.

    The global random state is neither read nor advanced, so pictures are the same whatever was drawn before, and two
    purposes never share a stream, as seeds that differ by one would.
    """
    digest = hashlib.sha256(json.dumps(purpose).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
