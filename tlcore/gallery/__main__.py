"""`python -m tlcore.gallery [PRESET …]`: train the default arms of presets and keep what they recorded.

Metrics of every seed are kept, frames and neighbours of the first; features, checkpoints and weights are not, so that
all files together stay small. What was recorded of a preset before is replaced once its new runs have all finished.
With `--repack` nothing is trained: the files that there are, are written anew in the present layout.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tlcore.errors import LabError
from tlcore.execution.local import LocalExecutor
from tlcore.gallery import FOLDER, gallery_file
from tlcore.gallery.keep import repack
from tlcore.gallery.record import record
from tlcore.presets import Preset, all_presets, find_preset
from tlcore.runs import Store

DEFAULT_SEEDS = 3
EMBEDDED = frozenset({"moons", "digits", "photo-digits", "glyphs", "creatures", "two-digits"})


def lacks(preset: Preset) -> str | None:
    """What a preset needs besides the lab itself, in a few words; None where it trains on any machine."""
    for spec in preset.arms.values():
        if spec.network.name in ("torchvision", "own-weights"):
            return f"needs the weights of a pretrained network ({spec.network.name})"
        for data in spec.datasets():
            dataset = data.base if data.name == "shifted" else data
            if dataset.name not in EMBEDDED:
                return f"needs data that do not come with the lab ({getattr(dataset, 'dataset', '') or dataset.name})"
    return None


def main(arguments: list[str] | None = None) -> int:
    """Record presets, or write their files anew; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tlcore.gallery", description=__doc__)
    parser.add_argument("presets", nargs="*", metavar="PRESET", help="page/name; by default all that need no download")
    parser.add_argument("--seeds", type=int, default=DEFAULT_SEEDS, help="seeds of each arm (default %(default)s)")
    parser.add_argument("--store", type=Path, help="keep the runs in this store (default: a temporary one)")
    parser.add_argument("--repack", action="store_true", help="only write the files that there are anew, smaller")
    options = parser.parse_args(arguments)
    try:
        if options.repack:
            _repack([gallery_file(find_preset(name).identity) for name in options.presets])
        else:
            _record(_offline() if not options.presets else options.presets, options.seeds, options.store)
    except LabError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _offline() -> list[str]:
    """The presets that train without a download; the others are named with what they need."""
    found = []
    for name, preset in all_presets().items():
        reason = lacks(preset)
        if reason is None:
            found.append(name)
        else:
            print(f"{name}: skipped, {reason}", file=sys.stderr)
    return found


def _record(names: Sequence[str], seeds: int, store: Path | None) -> None:
    with tempfile.TemporaryDirectory(prefix="gallery-") as temporary:
        executor = LocalExecutor(Store(store or temporary))
        try:
            for name in names:
                _say(name, record(executor, find_preset(name), range(seeds), gallery_file(name)))
        finally:
            executor.shutdown()


def _repack(files: Sequence[Path]) -> None:
    for file in files or sorted(FOLDER.glob("*.sqlite")):
        _say(file.stem.replace("--", "/"), repack(file))


def _say(name: str, file: Path) -> None:
    print(f"{name}: {file.stat().st_size / 2**20:.2f} MB in {file.name}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
