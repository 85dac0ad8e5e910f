"""The machine a run trains on: device, number format, threads, and how the record of a run describes them."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import random
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tlcore import __version__
from tlcore.errors import InvalidRequest


def choose_device(wish: str) -> torch.device:
    """The device for `auto`, `cpu`, `cuda` or `mps`; auto prefers a GPU.

    Raises:
        InvalidRequest: this machine has no such device, or there is no such kind.
    """
    available: dict[str, Callable[[], bool]] = {
        "cuda": torch.cuda.is_available,
        "mps": torch.backends.mps.is_available,
        "cpu": lambda: True,
    }
    if wish == "auto":
        return torch.device(next(kind for kind, there in available.items() if there()))
    if wish not in available:
        raise InvalidRequest(f"There is no device '{wish}'; choose auto, cpu, cuda or mps.")
    if not available[wish]():
        raise InvalidRequest(f"This machine has no {wish} device; choose cpu or auto.")
    return torch.device(wish)


def choose_precision(wish: str, device: torch.device) -> torch.dtype:
    """The number format for `float32`, `bfloat16` or `auto`: bfloat16 where the processor computes with it."""
    if wish == "bfloat16":
        return torch.bfloat16
    if wish == "auto":
        if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
            return torch.bfloat16
        if device.type == "cpu" and _processor_fields()["bfloat16"]:
            return torch.bfloat16
    return torch.float32


@lru_cache(maxsize=1)
def _processor_fields() -> dict[str, Any]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return {"model": platform.processor() or platform.machine(), "bfloat16": False}
    fields: dict[str, str] = {}
    for name, colon, value in (line.partition(":") for line in lines):
        if colon:
            fields.setdefault(name.strip(), value.strip())
    flags = fields.get("flags", fields.get("Features", "")).split()
    return {
        "model": fields.get("model name", platform.machine()),
        "bfloat16": bool({"avx512_bf16", "amx_bf16", "bf16"}.intersection(flags)),
    }


def prepare_process(threads: int, seed: int) -> None:
    """Fix what decides the order of sums and the draws of random numbers: the same CPU then gives the same metrics."""
    torch.set_num_threads(threads)
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def provenance(device: torch.device, precision: torch.dtype) -> dict[str, Any]:
    """What a reader of the result must know of where it was computed."""
    names = {"cpu": _processor_fields()["model"]}
    if device.type == "cuda":
        names["cuda"] = torch.cuda.get_device_name(device)
    return {
        "lab": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": importlib.metadata.version("torchvision"),
        "platform": platform.platform(),
        "cpu": _processor_fields()["model"],
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": device.type,
        "device_name": names.get(device.type, device.type),
        "precision": str(precision).removeprefix("torch."),
    }


def peak_memory_bytes() -> int | None:
    """The most memory this process has held, or None where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if platform.system() == "Darwin" else 1024  # macOS counts bytes, Linux kibibytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
