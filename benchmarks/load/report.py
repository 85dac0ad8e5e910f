"""The table of what held, printed and kept in the page of benchmarks: a case measured again replaces its row."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from benchmarks.pages import PAGE, write

BEGIN, END = "<!-- load: written by benchmarks/load -->", "<!-- end of load -->"
HEAD = "| case | to hold | measured | holds | when and where |\n|---|---|---|---|---|"
ORDER = (
    "50 viewers", "50 visitors", "30 visitors", "stop pressed", "200 reconnects", "two hours", "1,000 hostile inputs",
    "uploads",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One case. machine: day, machine and load."""

    case: str
    to_hold: str
    measured: str
    holds: bool
    machine: str

    def line(self) -> str:
        """As a line of the table."""
        return f"| {self.case} | {self.to_hold} | {self.measured} | {'yes' if self.holds else 'no'} | {self.machine} |"


def machine() -> str:
    """The day, the machine, and how busy it is at this moment with whatever else."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    model = next(names, platform.machine())
    return f"{date.today().isoformat()}, {model}, {os.cpu_count()} cores, load average before {os.getloadavg()[0]:.1f}"


def keep(rows: Iterable[Row], page: Path = PAGE) -> None:
    """Put the rows into the table of the page, in the order of ORDER."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    lines = text.split(BEGIN, 1)[1].split(END, 1)[0].strip().splitlines() if BEGIN in text else []
    known = {line.split("|")[1].strip(): line for line in lines if line.startswith("|") and "---" not in line}
    known |= {row.case: row.line() for row in rows}
    known.pop("case", None)

    def place(case: str) -> int:
        return next((number for number, words in enumerate(ORDER) if case.startswith(words)), len(ORDER))

    table = [known[case] for case in sorted(known, key=place)]
    write("\n".join([HEAD, *table]), page, BEGIN, END, "Many people at once")
