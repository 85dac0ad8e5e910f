"""`python -m tlcore export`, `import` and `log`: runs as files, from files, and to MLflow."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

FORMATS = (
    "html, gif, mp4, png, svg, json, csv, npz, parquet, metrics-parquet, tensorboard, safetensors, classifier or bundle"
)


def add_export(commands: Any, store: argparse.ArgumentParser) -> None:
    """Add the command and its options. store: the options of every command that touches runs."""
    export = commands.add_parser(
        "export", parents=[store], help="write a run to a file",
        description="Write a run to a file: the film as a page that opens from disk (html), as gif or mp4; a "
        "picture of one step (png, svg); metrics (json, csv); frames (npz, parquet); features for TensorBoard's "
        "projector; weights; a classifier with all it needs to run without this lab (classifier, a zip).",
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
    export.add_argument("--without-weights", action="store_true", help="leave the weights out of a bundle")
    export.set_defaults(command=_export)
    bring = commands.add_parser("import", parents=[store], help="put the run of a bundle into the store")
    bring.add_argument("file", type=Path, metavar="FILE", help="written by `export RUN --format bundle`")
    bring.set_defaults(command=_import)
    log = commands.add_parser(
        "log", parents=[store], help="log runs to MLflow, if MLFLOW_TRACKING_URI is set and mlflow is installed"
    )
    log.add_argument("runs", nargs="+", metavar="RUN", help="its identity, or the first digits of it")
    log.set_defaults(command=_log)


def _export(arguments: argparse.Namespace) -> int:
    from tlcore.errors import FileExists
    from tlcore.exports import View, export
    from tlcore.gallery import find_run

    view = View(
        arguments.projection, arguments.colour, arguments.step, arguments.theme, arguments.width,
        weights=not arguments.without_weights,
    )  # fmt: skip
    sources = [
        find_run(run, arguments.store, only_recorded=arguments.recorded) for run in (arguments.run, *arguments.others)
    ]
    try:
        remarks = export(sources, arguments.format, arguments.output, view, force=arguments.force)
    except FileExists:
        raise FileExists(f"{arguments.output} exists already; add --force to replace it.") from None
    for remark in remarks:
        print(remark, file=sys.stderr)
    print(f"wrote {arguments.output}", file=sys.stderr)
    return 0


def _import(arguments: argparse.Namespace) -> int:
    from tlcore.errors import InvalidRequest
    from tlcore.runs import Store
    from tlcore.runs.bundle_archive import LARGEST_FILE, refuse
    from tlcore.runs.bundle_reading import import_bundle

    try:
        if arguments.file.stat().st_size > LARGEST_FILE:
            raise refuse(f"it is larger than {LARGEST_FILE >> 30} GB")
        content = arguments.file.read_bytes()
    except OSError as error:
        raise InvalidRequest(f"{arguments.file} cannot be read: {error.strerror}.") from None
    imported = import_bundle(Store(arguments.store), content)
    print(imported.sentence(), file=sys.stderr)
    print(imported.run)
    return 0


def _log(arguments: argparse.Namespace) -> int:
    from tlcore.exports.tracking import log_to_mlflow
    from tlcore.gallery import find_run

    for identity in log_to_mlflow([find_run(run, arguments.store) for run in arguments.runs]):
        print(identity)
    return 0
