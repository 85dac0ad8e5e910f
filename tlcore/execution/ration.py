"""How much of the machine one process may take. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tlcore.specs.hosting import duration_text


@dataclass(frozen=True)
class Ration:
    """seconds: of training. memory: bytes besides what the process holds when it begins. 0: no limit."""

    seconds: float = 0.0
    memory: int = 0

    def time_is_up(self) -> str:
        """Why a run ended."""
        return f"This run has trained for {duration_text(self.seconds)}, which is all that this server gives one run."

    def memory_is_full(self) -> str:
        """Why a run ended."""
        return (
            f"This run needs more than the {self.memory // 2**20:,} MB of memory that this server gives one run; try a "
            "smaller batch size or network."
        )

    def enforce_memory(self) -> None:
        """From now on this process cannot take more memory than the ration."""
        if self.memory:
            limit_memory(self.memory + memory_held())


def limit_memory(size: int) -> None:
    """Let this process take `size` bytes at most, where the system can be told so; 0: no limit."""
    try:
        import resource
    except ImportError:  # Windows
        return
    if size:
        # Data, not address space: a large file that is only mapped needs none.
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        allowed = size if hard == resource.RLIM_INFINITY else min(size, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (allowed, hard))


def memory_held() -> int:
    """Bytes of data that this process holds now, as the limit counts them; 0 where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    held = next((line.split() for line in lines if line.startswith("VmData:")), None)
    return int(held[1]) * 1024 if held else 0
