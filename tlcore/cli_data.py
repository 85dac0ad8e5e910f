"""`python -m tlcore data list | show | fetch | add | check`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, TextIO

from tlcore.catalogue import ENTRIES as CATALOGUE
from tlcore.catalogue import Listing, data_folder, describe, find_entry, listing, readable_size, state
from tlcore.catalogue.own_weights import SUFFIXES, find_own_weights, list_own_weights
from tlcore.errors import InvalidRequest, LabError, MissingData

DEFAULT_SIZE = 64
MOST_LINES = 20


class Told:
    """Progress in one line that is written over, or, where nobody looks, one line a step."""

    def __init__(self, out: TextIO) -> None:
        self._out, self._last, self._live = out, "", out.isatty()

    def __call__(self, text: str, share: float) -> None:
        """Tell what is done now and how much of it (0 to 1)."""
        if self._live:
            self._out.write(f"\r\x1b[K{text} {share:4.0%}" if share else f"\r\x1b[K{text} …")
        elif text != self._last:
            self._out.write(f"{text} …\n")
        self._last = text
        self._out.flush()

    def end(self) -> None:
        """Leave the line."""
        if self._live and self._last:
            self._out.write("\r\x1b[K")
            self._out.flush()


def add_data(commands: Any) -> None:
    """Put `data` and what it can do among the terminal's commands."""
    data = commands.add_parser("data", help="data sets: what there is, fetch, add your own, check")
    actions = data.add_subparsers(required=True, metavar="ACTION")
    json_option = argparse.ArgumentParser(add_help=False)
    json_option.add_argument("--json", action="store_true", help="one JSON document on standard output")

    def action(name: str, command: Any, help: str, *names: str) -> Any:
        parser = actions.add_parser(name, parents=[json_option], help=help)
        for positional in names:
            parser.add_argument(positional.lower(), metavar=positional)
        parser.set_defaults(command=command)
        return parser

    action("list", _list, "every data set and whether it is on this machine")
    action("show", _show, "all that is known of one", "NAME")
    action("fetch", _fetch, "download a data set of the catalogue into the data folder", "NAME")
    add = action("add", _add, "take over a folder, zip, table, features or weights of your own", "PATH")
    add.add_argument("--name", required=True, metavar="N", help="what it is to be called")
    add.add_argument("--size", type=int, default=DEFAULT_SIZE, metavar="S", help="side of pictures in pixels (64)")
    add.add_argument("--replace", action="store_true", help="put it in the place of what has that name")
    action("check", _check, "look whether a data set is complete and readable", "NAME")


def _print(document: Any) -> None:
    print(json.dumps(document, ensure_ascii=False, indent=2))


def _own() -> list[dict[str, Any]]:
    from tlcore.execution.questions import ask
    from tlcore.specs.own_data import ListOwn

    return list(ask(ListOwn(), owner=True)) if (data_folder() / "own").is_dir() else []


def _list(arguments: argparse.Namespace) -> int:
    rows, own, weights = listing(), _own(), list_own_weights()
    if arguments.json:
        short = [
            {key: value for key, value in describe(row).items() if key not in ("class_names", "files", "sources")}
            for row in rows
        ]
        _print({"folder": str(data_folder()), "catalogue": short, "own": own, "weights": weights})
        return 0
    width = max(len(row.entry.name) for row in rows)
    for row in rows:
        size = f" ({readable_size(row.missing)})" if row.missing else ""
        print(f"{row.entry.name:{width}}  {row.state + size:24} {row.entry.title}: {_count(row)}")
    for one in own:
        print(f"{one['name']:{width}}  {'own':24} {one.get('problem') or one.get('title', '')}")
    for name in weights:
        print(f"{name:{width}}  {'own weights':24}")
    print(f"Data folder: {data_folder()}", file=sys.stderr)
    return 0


def _count(row: Listing) -> str:
    return f"{row.entry.class_count} classes, {row.entry.train:,} + {row.entry.test:,}"


def _show(arguments: argparse.Namespace) -> int:
    name = arguments.name
    if name not in CATALOGUE:
        own = next((one for one in _own() if one["name"] == name), None)
        if own is not None:
            _print(own) if arguments.json else _lines(own)
            return 0
    entry = find_entry(name)
    document = describe(next(row for row in listing() if row.entry == entry))
    if arguments.json:
        _print(document)
        return 0
    document["download_bytes"] = readable_size(document["download_bytes"]) if document["download_bytes"] else None
    _lines(document)
    return 0


def _lines(document: dict[str, Any]) -> None:
    """What is known of a data set for people: a line for each fact, and below it one for each part that has several."""
    for key, value in document.items():
        title, parts = key.replace("_", " "), value if isinstance(value, list) else []
        if any(isinstance(part, dict) for part in parts):
            print(f"{title}:")
            for part in parts[:MOST_LINES]:
                print(f"  {', '.join(f'{name} {fact}' for name, fact in part.items() if fact not in ('', None))}")
            if len(parts) > MOST_LINES:
                print(f"  and {len(parts) - MOST_LINES:,} more")
        elif parts:
            said = [str(part) or "one without a name" for part in parts[:MOST_LINES]]
            print(f"{title}: {', '.join(said)}{f' and {len(parts) - MOST_LINES:,} more' if parts[MOST_LINES:] else ''}")
        elif value not in (None, "", [], {}):
            print(f"{title}: {value}")


def _fetch(arguments: argparse.Namespace) -> int:
    from tlcore.data.terminal import fetch

    entry = find_entry(arguments.name)
    before, told = state(entry), Told(sys.stderr)
    try:
        now = fetch(entry, told)
    except MissingData as error:
        return _failed(error, told)
    told.end()
    if arguments.json:
        _print({"name": entry.name, "before": before, "state": now, "folder": str(data_folder())})
    else:
        print(f"{entry.title} is {now}{f' in {data_folder()}' if now == 'on disk' else ''}.")
    return 0


def _failed(error: LabError, told: Told) -> int:
    told.end()
    print(f"tlcore: {error}", file=sys.stderr)
    return 1


def _add(arguments: argparse.Namespace) -> int:
    path, told = Path(arguments.path).expanduser().absolute(), Told(sys.stderr)
    if arguments.name in CATALOGUE:
        raise InvalidRequest(f"{arguments.name} is a data set of the catalogue; take another name.")
    if path.suffix.lower() in SUFFIXES and path.is_file():
        document: dict[str, Any] = _add_weights(path, arguments.name)
    else:
        from tlcore.execution.questions import ask
        from tlcore.specs.own_data import ImportOwn
        from tlcore.specs.parameters import explain

        try:
            question = ImportOwn(path=str(path), dataset=arguments.name, side=arguments.size, replace=arguments.replace)
        except ValueError as error:
            raise InvalidRequest(explain(error)) from None  # type: ignore[arg-type]
        try:
            document = ask(question, owner=True, report=told)
        finally:
            told.end()
    if arguments.json:
        _print(document)
    else:
        _lines(document)
    return 0


def _add_weights(path: Path, name: str) -> dict[str, Any]:
    from tlcore.networks.weights_files import check_weights

    check_weights(path)  # at once, before torch is loaded
    from tlcore.networks.pretrained import add_weights

    return {"name": name, "kind": "weights", "file": str(add_weights(path, name))}


def _check(arguments: argparse.Namespace) -> int:
    told = Told(sys.stderr)
    try:
        document = _checked(arguments.name, told)
    except MissingData as error:
        return _failed(error, told)
    told.end()
    if arguments.json:
        _print(document)
    else:
        print(f"{arguments.name} is complete and readable.")
    return 0


def _checked(name: str, told: Told) -> dict[str, Any]:
    if name not in CATALOGUE and any(one["name"] == name for one in _own()):
        from tlcore.execution.questions import ask
        from tlcore.specs.own_data import CheckOwn

        return dict(ask(CheckOwn(dataset=name), owner=True, report=told))
    if name not in CATALOGUE and name in list_own_weights():
        from tlcore.networks.pretrained import load_own_weights

        return {"name": name, "kind": "weights", "architecture": load_own_weights(find_own_weights(name)).architecture}
    from tlcore.data.terminal import check

    return check(find_entry(name), told)
