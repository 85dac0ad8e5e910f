"""`python -m tlcore export`: runs as files."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

FORMATS = "html, gif, mp4, png, svg, json, csv, npz, parquet, tensorboard or safetensors"


def add_export(commands: Any, store: argparse.ArgumentParser) -> None:
    """Add the command and its options. store: the options of every command that touches runs."""
    export = commands.add_parser(
        "export", parents=[store], help="write a run to a file",
        description="Write a run to a file: the film as a page that opens from disk (html), as gif or mp4; a "
        "picture of one step (png, svg); metrics (json, csv); frames (npz, parquet); features for TensorBoard's "
        "projector; weights.",
    )  # fmt: skip
    export.add_argument("run", metavar="RUN", help="its identity, or the first digits of it")
    export.add_argument("--format", required=True, metavar="F", help=FORMATS)
    export.add_argument("--output", type=Path, required=True, metavar="PATH")
    export.add_argument(
        "--with", action="append", default=[], metavar="RUN", dest="others", help="a run beside it; repeatable"
    )
    export.add_argument("--projection", metavar="NAME", help="umap, pca, umap-3d, … (default: the first there is)")
    export.add_argument(
        "--colour", "--color", default="domain", metavar="BY", help="domain, class, correctness or prediction"
    )
    export.add_argument("--step", type=int, metavar="N", help="the moment of a picture (default: the last)")
    export.add_argument("--theme", metavar="T", help="light or dark (default: light; html: the reader's own)")
    export.add_argument("--width", type=int, metavar="PIXELS", help="of a picture or film")
    export.add_argument("--recorded", action="store_true", help="take the runs from those that ship with the lab")
    export.add_argument("--force", action="store_true", help="replace a file that is there")
    export.set_defaults(command=_export)


def _export(arguments: argparse.Namespace) -> int:
    from tlcore.exports import View, export
    from tlcore.gallery import find_run

    view = View(arguments.projection, arguments.colour, arguments.step, arguments.theme, arguments.width)
    sources = [
        find_run(run, arguments.store, only_recorded=arguments.recorded) for run in (arguments.run, *arguments.others)
    ]
    remarks = export(sources, arguments.format, arguments.output, view, force=arguments.force)
    for remark in remarks:
        print(remark, file=sys.stderr)
    print(f"wrote {arguments.output}", file=sys.stderr)
    return 0
