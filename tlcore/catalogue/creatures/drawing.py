"""Many pictures of animals at once, on all cores: `python -m tlcore.catalogue.creatures.drawing` draws a share of them.

Pillow keeps the interpreter while it draws, so that threads would wait for each other; processes do not.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tlcore.catalogue.creature_table import CreatureTable, creature_table
from tlcore.catalogue.creatures.render import draw_creature
from tlcore.processors import usable_cores

FEWEST_EACH = 500
"""Fewer pictures are drawn sooner than another process has begun."""
Report = Callable[[str, float], None]


@dataclass(frozen=True)
class Part:
    """Which pictures: `each` of every animal in `animals` (rows of the table), animal after animal.

    test: whether they are those to report on, which are others than those to learn from. content: of the table.
    """

    animals: tuple[int, ...]
    each: int
    side: int
    test: bool
    content: str

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, 3, side, side)."""
        return len(self.animals) * self.each, 3, self.side, self.side


def draw_share(
    part: Part, table: CreatureTable, into: np.ndarray, first: int, last: int, report: Report | None = None
) -> None:
    """Draw the pictures from number `first` up to `last` into an array (N, 3, side, side) uint8 of the whole part.

    What a picture looks like depends on its number alone, not on who draws it.
    """
    for index in range(first, last):
        animal = part.animals[index // part.each]
        # By name: a row added to the table leaves the pictures of the others as they are.
        seed = [int(part.test), index % part.each, *table.names[animal].encode()]
        into[index] = draw_creature(table.values[animal], part.side, seed).transpose(2, 0, 1)
        if report and index % 200 == 0:
            report("Drawing animals", (index - first) / max(1, last - first))


def draw_part(part: Part, table: CreatureTable, path: Path, report: Report | None = None) -> None:
    """Draw a whole part into a new file `path`, as `numpy.save` writes it: a share on each core. Raises OSError.

    A share that its process did not finish is drawn here. When the report raises, all processes end.
    """
    into = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=part.shape)
    # Another process knows the table that comes with the lab, and no other.
    known = table.content == creature_table().content
    shares = max(1, min(usable_cores(), len(into) // FEWEST_EACH)) if known else 1
    bounds = [len(into) * number // shares for number in range(shares + 1)]
    order = json.dumps(asdict(part)).encode()
    helpers: list[tuple[int, int, subprocess.Popen[bytes]]] = []
    try:
        for first, last in itertools.pairwise(bounds[1:]):
            words = [sys.executable, "-m", __name__, str(path), str(first), str(last)]
            helper = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
            helpers.append((first, last, helper))
            assert helper.stdin is not None
            with suppress(BrokenPipeError):  # it has ended already, and will be seen to have
                helper.stdin.write(order)
                helper.stdin.close()
        draw_share(part, table, into, 0, bounds[1], report)
        for first, last, helper in helpers:
            if helper.wait():
                draw_share(part, table, into, first, last, report)
    finally:
        for _, _, helper in helpers:
            helper.kill()
            helper.wait()
    into.flush()


def main() -> None:
    """Draw the share that the command line names, of the part that standard input describes."""
    path, first, last = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    found = json.load(sys.stdin)
    part = Part(**(found | {"animals": tuple(found["animals"])}))
    table = creature_table()
    into = np.lib.format.open_memmap(path, mode="r+")
    if table.content != part.content or into.shape != part.shape:
        raise SystemExit("The table or the file is another one.")
    draw_share(part, table, into, first, last)
    into.flush()


if __name__ == "__main__":
    main()
