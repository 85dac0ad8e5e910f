"""The terminal: `python -m tlcore list | run | show | export | data | worker | hosting | tidy | doctor | metrics`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tlcore.cli_data import add_data
from tlcore.cli_export import add_export
from tlcore.errors import LabError, RunFailed

DEVICES = ("auto", "cpu", "cuda", "mps")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0, 1 for a run that failed, 2 for what cannot be done, 130 for Ctrl-C."""
    chosen = build_parser().parse_args(arguments)
    try:
        status: int = chosen.command(chosen)
        return status
    except RunFailed as error:
        print(f"tlcore: {error}", file=sys.stderr)
        return 1
    except LabError as error:
        print(f"tlcore: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `… | head` has read enough
        sys.stderr.close()
        return 0


def build_parser() -> argparse.ArgumentParser:
    """The options of every command."""
    parser = argparse.ArgumentParser(prog="python -m tlcore", description="Transfer learning you can watch.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    store = argparse.ArgumentParser(add_help=False)
    store.add_argument(
        "--store",
        type=Path,
        metavar="DIR",
        help="folder of the store (default: TLCORE_STORE or the user's data folder)",
    )

    listing = commands.add_parser("list", help="the presets that can be run")
    listing.add_argument("--json", action="store_true", help="one JSON document instead of a table")
    listing.set_defaults(command=_list)

    run = commands.add_parser("run", parents=[store], help="train the arms of a preset")
    run.add_argument("preset", metavar="PAGE/PRESET", help="as `list` shows it")
    run.add_argument("--seeds", type=int, metavar="N", help="how many seeds (default: the preset's own number)")
    run.add_argument("--seed", type=int, metavar="S", help="the first seed (default 0); alone, the only one")
    run.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="changes", help="change a parameter"
    )
    run.add_argument(
        "--arm", action="append", default=[], metavar="NAME", dest="arms", help="only this arm; repeatable"
    )
    run.add_argument("--device", choices=DEVICES, default="auto")
    run.add_argument("--json", action="store_true", help="the result as one JSON document on standard output")
    run.set_defaults(command=_run)

    show = commands.add_parser("show", parents=[store], help="what is known of a run")
    show.add_argument("run", metavar="RUN", help="its identity, or the first digits of it")
    show.add_argument("--json", action="store_true")
    show.set_defaults(command=_show)

    add_export(commands, store)
    add_data(commands)

    worker = commands.add_parser("worker", parents=[store], help="train queued runs, in the foreground")
    worker.add_argument(
        "--idle", type=float, default=None, metavar="SECONDS", help="end after so long without work (default 900)"
    )
    worker.add_argument(
        "--launcher", choices=("auto", "fork", "spare"), default="auto", help="how processes are started"
    )
    worker.set_defaults(command=_worker)

    host = commands.add_parser("hosting", parents=[store], help="the limits of a hosted lab, and its owner's key")
    host.add_argument("--owner-key", action="store_true", help="the key that opens the owner's page: keep it secret")
    host.add_argument(
        "--new-owner-key",
        action="store_true",
        help="make a key, and its mark for TLCORE_OWNER_MARK of a server without a terminal; works on any machine",
    )
    host.add_argument("--json", action="store_true", help="one JSON document instead of text")
    host.set_defaults(command=_hosting)

    tidying = commands.add_parser("tidy", parents=[store], help="remove what a hosted lab keeps no longer")
    tidying.set_defaults(command=_tidy)

    doctor = commands.add_parser("doctor", parents=[store], help="check this machine")
    doctor.set_defaults(command=_doctor)

    metrics = commands.add_parser("metrics", parents=[store], help="how the lab is doing, as Prometheus reads it")
    metrics.add_argument("--port", type=int, metavar="PORT", help="serve /metrics there instead of printing once")
    metrics.add_argument(
        "--address", default="127.0.0.1", help="where to listen (default 127.0.0.1: this machine alone)"
    )
    metrics.add_argument(
        "--web-port",
        type=int,
        default=8501,
        metavar="PORT",
        help="where the web server of this machine is (default 8501)",
    )
    metrics.set_defaults(command=_metrics)
    return parser


def _list(arguments: argparse.Namespace) -> int:
    from tlcore.presets import all_presets

    presets = all_presets()
    if arguments.json:
        rows = {
            name: {"title": preset.title, "lead": preset.lead, "arms": list(preset.arms), "seeds": preset.default_seeds}
            for name, preset in presets.items()
        }
        print(json.dumps(rows, ensure_ascii=False, indent=2))
        return 0
    width = max((len(name) for name in presets), default=0)
    for name, preset in presets.items():
        print(f"{name:{width}}  {preset.title}: {', '.join(preset.arms)}")
    return 0


def _run(arguments: argparse.Namespace) -> int:
    from tlcore.api import train_preset
    from tlcore.execution.progress import Progress

    changes = dict(_change(text) for text in arguments.changes)
    result = train_preset(
        arguments.preset,
        seeds=arguments.seeds if arguments.seeds is not None or arguments.seed is None else 1,
        seed=arguments.seed or 0,
        changes=changes,
        arms=arguments.arms,
        store=arguments.store,
        device=arguments.device,
        progress=Progress(sys.stderr),
    )
    if arguments.json:
        print(json.dumps(result.document(), ensure_ascii=False, indent=2))
    else:
        print(result.table())
    for run in result.runs:
        if run.state != "finished":
            print(f"tlcore: {run.arm}, seed {run.seed}: {run.state}: {run.reason or 'by request'}", file=sys.stderr)
    return 0 if result.complete else 1


def _change(text: str) -> tuple[str, str]:
    from tlcore.errors import InvalidRequest

    key, sign, value = text.partition("=")
    if not sign or not key:
        raise InvalidRequest(f"--set {text}: write KEY=VALUE, as in --set learning_rate=0.01.")
    return key.strip(), value.strip()


def _open_store(arguments: argparse.Namespace) -> Any:
    from tlcore.runs import Store

    return Store(arguments.store)


def _show(arguments: argparse.Namespace) -> int:
    from tlcore.exports import describe
    from tlcore.gallery import find_run

    description = describe(*find_run(arguments.run, arguments.store))
    if arguments.json:
        print(json.dumps(description, ensure_ascii=False, indent=2))
        return 0
    for key, value in description.items():
        if isinstance(value, dict):
            print(f"{key}:")
            for name, content in value.items():
                print(f"  {name}: {json.dumps(content, ensure_ascii=False)}")
        elif value not in (None, []):
            print(f"{key}: {value}")
    return 0


def _worker(arguments: argparse.Namespace) -> int:
    from tlcore.execution.supervisor import IDLE_SECONDS, supervise
    from tlcore.runs import default_store

    idle = IDLE_SECONDS if arguments.idle is None else arguments.idle
    folder = arguments.store or default_store()
    if not supervise(folder, idle_seconds=idle, launcher=arguments.launcher):
        print(f"tlcore: another worker already serves the store at {folder}.", file=sys.stderr)
    return 0


def _hosting(arguments: argparse.Namespace) -> int:
    from tlcore.execution.hosting import OWNER_MARK, hosting
    from tlcore.runs import default_store
    from tlcore.runs.identity import new_owner_key, owner_key, signing_key

    if arguments.new_owner_key:
        key, mark = new_owner_key()
        print(f"The key, for you alone: {key}\nIts mark, for the server: {OWNER_MARK}={mark}")
        return 0
    folder = arguments.store or default_store()
    if arguments.owner_key:
        folder.mkdir(parents=True, exist_ok=True)
        print(owner_key(signing_key(folder)))
        return 0
    settings = hosting(folder)
    if arguments.json:
        print(json.dumps(settings.model_dump(mode="json") if settings is not None else None, indent=2))
    elif settings is None:
        print("This lab is not hosted: TLCORE_HOSTED=1, or a file hosted.toml beside the store, makes it so.")
    else:
        for section in (settings.limits, settings.people):
            for name, field in type(section).model_fields.items():
                print(f"{name} = {json.dumps(getattr(section, name))}  # {field.description}")
    return 0


def _tidy(arguments: argparse.Namespace) -> int:
    from tlcore.execution.hosting import hosting
    from tlcore.execution.priority import yield_to_others
    from tlcore.execution.questions import ask
    from tlcore.runs import Store
    from tlcore.runs.tidying import clear_up
    from tlcore.specs.own_data import RemoveOwn

    yield_to_others()
    store = Store(arguments.store)
    settings = hosting(store.folder)
    if settings is None:
        print("This lab is not hosted: what is in it stays until you delete it.")
        return 0
    print(clear_up(store, settings.limits.days_kept, lambda name: ask(RemoveOwn(dataset=name))).text())
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    from tlcore.execution.doctor import checks
    from tlcore.runs import default_store

    healthy = True
    for check in checks(arguments.store or default_store()):
        healthy &= check.good
        print(f"{'ok ' if check.good else 'BAD'} {check.name}: {check.text}")
    return 0 if healthy else 1


def _metrics(arguments: argparse.Namespace) -> int:
    from tlcore.errors import InvalidRequest
    from tlcore.execution.prometheus import metrics_text, serve

    store = _open_store(arguments)
    if arguments.port is None:
        print(metrics_text(store, arguments.web_port), end="")
        return 0
    try:
        serve(store, arguments.address, arguments.port, arguments.web_port)
    except (OSError, OverflowError) as error:
        raise InvalidRequest(f"Nothing can be served at {arguments.address}, port {arguments.port}: {error}.") from None
    return 0
