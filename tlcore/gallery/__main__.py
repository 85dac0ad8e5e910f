"""`python -m tlcore.gallery [PRESET …]`: train the default arms of presets and keep what they recorded.

Metrics of every seed are kept, frames and neighbours of the first; features, checkpoints and weights are not, so that
all files together stay small. What was recorded of a preset before is replaced once its new runs have all finished.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tlcore.errors import LabError
from tlcore.execution.local import LocalExecutor
from tlcore.gallery import gallery_file
from tlcore.gallery.record import record
from tlcore.presets import Preset, all_presets, find_preset
from tlcore.runs import Store

DEFAULT_SEEDS = 3
EMBEDDED = frozenset({"moons", "digits", "photo-digits", "glyphs", "creatures", "two-digits"})


def is_embedded(preset: Preset) -> bool:
    """Whether a preset runs with what comes with the lab, without a download or anybody's own data."""
    specs = preset.arms.values()
    return all(
        data.name in EMBEDDED and spec.network.name not in ("torchvision", "own-weights")
        for spec in specs
        for data in spec.datasets()
    )


def main(arguments: list[str] | None = None) -> int:
    """Record presets; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tlcore.gallery", description=__doc__)
    parser.add_argument("presets", nargs="*", metavar="PRESET", help="page/name; by default all that need no download")
    parser.add_argument("--seeds", type=int, default=DEFAULT_SEEDS, help="seeds of each arm (default %(default)s)")
    parser.add_argument("--store", type=Path, help="keep the runs in this store (default: a temporary one)")
    options = parser.parse_args(arguments)
    names = options.presets or [name for name, preset in all_presets().items() if is_embedded(preset)]
    with tempfile.TemporaryDirectory(prefix="gallery-") as temporary:
        executor = LocalExecutor(Store(options.store or temporary))
        try:
            for name in names:
                preset = find_preset(name)
                file = record(executor, preset, range(options.seeds), gallery_file(name))
                print(f"{name}: {file.stat().st_size / 2**20:.1f} MB in {file.name}", file=sys.stderr)
        except LabError as error:
            print(error, file=sys.stderr)
            return 2
        finally:
            executor.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
