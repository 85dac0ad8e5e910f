"""`python -m benchmarks.load CASE…`: drive the lab as a lecture hall would, and see what holds.

Everything happens on 127.0.0.1, in a temporary folder, with bounds on time and number. `--write` puts the rows into
docs/benchmarks.md. `soak --report FILE` judges the samples of a soak that ran before.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path

from benchmarks.load.crowds import open_home, press_stop, reconnect
from benchmarks.load.hall import one_slot, press_train
from benchmarks.load.hostile import attack
from benchmarks.load.report import Row, keep, machine
from benchmarks.load.served import Served, serve
from benchmarks.load.soak import soak, verdict
from benchmarks.load.uploads import flood
from benchmarks.load.viewers import watch_live_run

Case = Callable[[Path, argparse.Namespace], Row]
Drive = Callable[[Served, int, str], Coroutine[None, None, Row]]


def _soak(folder: Path, options: argparse.Namespace) -> Row:
    where = machine()
    if options.report:
        return verdict(options.report, where)
    samples = options.samples or folder / "soak.csv"
    with serve(folder) as served:
        asyncio.run(soak(served, options.minutes * 60, options.viewers or 10, samples))
    return verdict(samples, where)


def _crowd(drive: Drive, number: int) -> Case:
    def case(folder: Path, options: argparse.Namespace) -> Row:
        where = machine()
        with serve(folder) as served:
            return asyncio.run(drive(served, options.viewers or number, where))

    return case


def _hostile(folder: Path, options: argparse.Namespace) -> Row:
    where = machine()
    home = folder / "home"
    home.mkdir()
    with serve(folder, {"HOME": str(home), "TMPDIR": str(home)}) as served:
        return asyncio.run(attack(served, folder, where))


def _uploads(folder: Path, options: argparse.Namespace) -> Row:
    where = machine()
    # A page that has gone is kept for a few seconds instead of two minutes, which would all be waited for.
    settings = {"TLCORE_HOSTED": "1", "TLCORE_READY": "0", "STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL": "5"}
    with serve(folder, settings) as served:
        return asyncio.run(flood(served, options.viewers or 8, where))


def _train(folder: Path, options: argparse.Namespace) -> Row:
    where = machine()
    one_slot(folder)
    with serve(folder) as served:
        return asyncio.run(press_train(served, options.viewers or 30, where))


CASES: dict[str, Case] = {
    "viewers": _crowd(watch_live_run, 50),
    "home": _crowd(open_home, 50),
    "train": _train,
    "stop": _crowd(press_stop, 8),
    "reconnects": _crowd(reconnect, 200),
    "hostile": _hostile,
    "uploads": _uploads,
    "soak": _soak,
}


def main() -> None:
    """Run the cases that are named, print their rows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("cases", nargs="+", choices=[*CASES], metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--write", action="store_true", help="put the rows into docs/benchmarks.md")
    parser.add_argument("--folder", type=Path, help="work in this folder (default: a temporary one)")
    parser.add_argument("--viewers", type=int, help="how many visitors (default: what the case says)")
    parser.add_argument("--minutes", type=float, default=120.0, help="how long the soak takes")
    parser.add_argument("--samples", type=Path, help="where the soak writes its samples")
    parser.add_argument("--report", type=Path, metavar="FILE", help="judge these samples; nothing is run")
    options = parser.parse_args()
    rows = []
    for name in options.cases:
        with tempfile.TemporaryDirectory(prefix="lab-load-") as temporary:
            folder = options.folder or Path(temporary)
            folder.mkdir(parents=True, exist_ok=True)
            rows.append(CASES[name](folder, options))
        print(rows[-1].line(), flush=True)
    if options.write:
        keep(rows)


if __name__ == "__main__":
    main()
