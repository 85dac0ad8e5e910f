"""The experiment a page shows, to and from its address: preset, changed parameters, seeds, forks."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import streamlit as st

from tlcore.errors import InvalidRequest
from tlcore.execution.questions import ask
from tlcore.presets import Preset, Published, find_preset, presets_of
from tlcore.runs import Run
from tlcore.specs import CatalogueSet, DatasetSpec, OwnFeatures, OwnPictures, RunSpec, Shifted, override, with_seed
from tlcore.specs.own_data import ListOwn
from tlcore.specs.parameters import REPLACEABLE, own_data_of, with_contents
from ui import tours
from ui.crowd import redraw_seconds
from ui.library import RunView, executor, find_several
from ui.visitor import scope

MOST_SEEDS = 20
WAITING_SECONDS = 0.3
FILM_PATIENCE_SECONDS = 120  # after a run has ended, for its frames to be laid out
SECONDS_KNOWN = 10  # what the own data hold
COMPARED_SEEDS = 10  # finished runs of these seeds enter the comparison, whoever trained them


@dataclass(frozen=True)
class Experiment:
    """Arms × seeds of a preset with some parameters changed.

    changes: full parameter path to value, as text, only where it differs from the preset. seeds: how many are trained.
    seed: the one whose pictures are shown. forks: runs that took the place of an arm while it trained.
    """

    preset: Preset
    changes: Mapping[str, str]
    seeds: int = 1
    seed: int = 0
    forks: tuple[str, ...] = ()

    @cached_property
    def arms(self) -> dict[str, RunSpec]:
        """Each arm at seed 0.

        Raises:
            InvalidRequest: a change is not possible.
        """
        return _arms(_Same(self.preset), tuple(self.changes.items()), self._contents)

    @cached_property
    def _contents(self) -> tuple[tuple[str, str], ...]:
        """What the own data of this experiment hold now, where they are on this machine: by it their runs are named."""
        asked = _arms(_Same(self.preset), tuple(self.changes.items()), ())
        names = {data.dataset for spec in asked.values() for data in own_data_of(spec).values()}
        return (
            tuple((name, content) for name, content in sorted(own_contents().items()) if name in names) if names else ()
        )

    @property
    def other_data(self) -> bool:
        """Whether it is run on other data than the preset's."""
        return any(part in self.changes for part in REPLACEABLE)

    @property
    def title(self) -> str:
        """The preset's title; on other data the two domains."""
        if not self.other_data:
            return self.preset.title
        read = max((spec.datasets() for spec in self.arms.values()), key=len)
        return " → ".join(domain_title(data) for data in read)

    def titles(self) -> dict[str, str]:
        """How each arm is called on the page."""
        return {arm: spec.method.title for arm, spec in self.arms.items()}

    def runs(self, seed: int) -> dict[str, str]:
        """Run identities of one seed, by arm."""
        identities = dict(_identities(_Same(self.preset), tuple(self.changes.items()), self._contents, seed))
        for run in self._forked:
            if run.arm in identities and run.spec.seed == seed:
                identities[run.arm] = run.id
        return identities

    @cached_property
    def _forked(self) -> list[Run]:
        """The forks, in the order in which they were made. Arm and seed of a run never change."""
        found = executor().store.several(self.forks)
        return [found[fork] for fork in self.forks if fork in found]

    def views(self, seed: int) -> dict[str, RunView | None]:
        """The runs of one seed, by arm; None where nobody has trained it."""
        return self.views_of([seed])[seed]

    def views_of(self, seeds: Iterable[int]) -> dict[int, dict[str, RunView | None]]:
        """The runs of several seeds, each as `views` has them, read at once."""
        identities = {seed: self.runs(seed) for seed in seeds}
        found = find_several(self.preset, [run for arms in identities.values() for run in arms.values()])
        return {
            seed: {arm: _called(found.get(run), arm) for arm, run in arms.items()} for seed, arms in identities.items()
        }

    @property
    def published(self) -> tuple[Published, ...]:
        """What others have published of the preset's data; nothing where somebody has put other data in their place."""
        return () if self.changes.keys() & set(REPLACEABLE) else self.preset.published

    def live_runs(self) -> list[Run]:
        """This experiment's runs that wait or train."""
        identities = [identity for seed in range(self.seeds) for identity in self.runs(seed).values()]
        return [run for run in executor().store.several(identities).values() if run.live]

    def live(self) -> list[str]:
        """Identities of this experiment's runs that wait or train."""
        return [run.id for run in self.live_runs()]

    @property
    def moves(self) -> bool:
        """Whether what is shown changes by itself: while runs wait or train, and until their films are laid out."""
        return self.refresh_seconds() is not None

    def refresh_seconds(self) -> float | None:
        """How often to look at the runs that are shown: often until they begin, not at all once nothing changes, and
        the more seldom the more people look.

        What is shown changes while runs train, and a little longer, until their films are laid out.
        """
        own = [view.run for view in self.views(self.seed).values() if view is not None and not view.is_recorded]
        if any(run.live and not run.paused and run.step == 0 for run in own) and not any(run.step for run in own):
            return WAITING_SECONDS
        lately = time.time() - FILM_PATIENCE_SECONDS
        if self.live() or any(not run.projected and (run.ended or 0) > lately for run in own):
            return redraw_seconds()
        return None

    def trained_seeds(self) -> int:
        """How many seeds, from 0 on, this lab itself has trained all arms of."""
        for seed in range(MOST_SEEDS):
            identities = set(self.runs(seed).values())
            runs = executor().store.several([*identities])
            if len(runs) < len(identities) or not all(run.state == "finished" for run in runs.values()):
                return seed
        return MOST_SEEDS

    def train(self, seeds: int) -> None:
        """Queue every run of the first `seeds` seeds that is not there yet.

        Raises:
            InvalidRequest: in a hosted lab, that it is more than a visitor may ask for; nothing is queued then.
            StoreError: the store cannot be written, or no space is left.
        """
        wanted = [(arm, spec) for arm, _, spec in self.preset.specs(range(seeds), self.changes)]
        executor().require_admission([spec for _, spec in wanted])
        for arm, spec in wanted:
            executor().submit(spec, preset=self.preset.identity, arm=arm)
        forget_contents()  # a folder among the data may just have been taken over

    def query(self) -> dict[str, str | list[str]]:
        """The address that reproduces this experiment."""
        query: dict[str, str | list[str]] = {"preset": self.preset.name}
        if self.seeds > 1:
            query["seeds"] = str(self.seeds)
        if self.seed:
            query["seed"] = str(self.seed)
        if self.changes:
            query["set"] = [f"{path}={value}" for path, value in self.changes.items()]
        if self.forks:
            query["fork"] = list(self.forks)
        return query

    def write_address(self, **view: str | None) -> None:
        """Put the experiment, and where the viewer is in it, into the address of the page."""
        wanted = self.query() | {name: value for name, value in view.items() if value is not None}
        parameters = st.query_params
        if tours.ADDRESS in parameters:
            wanted[tours.ADDRESS] = parameters[tours.ADDRESS]
        present = {name: parameters.get_all(name) for name in parameters}
        if present != {name: value if isinstance(value, list) else [value] for name, value in wanted.items()}:
            parameters.from_dict(wanted)


Pairs = tuple[tuple[str, str], ...]


def _called(view: RunView | None, arm: str) -> RunView | None:
    """A run under the name of its arm here: one that several experiments share has the name that the first gave it."""
    if view is None or view.run.arm == arm:
        return view
    return replace(view, run=replace(view.run, arm=arm))


class _Same:
    """A preset as the key of what is remembered about it: it holds dictionaries, so it cannot be a key itself."""

    def __init__(self, preset: Preset) -> None:
        self.preset = preset

    def __hash__(self) -> int:
        return hash(self.preset.identity)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.preset is self.preset


# Many arms take long to change and to hash, and a page that watches them asks several times a second.
@lru_cache(maxsize=100)
def _arms(same: _Same, changes: Pairs, contents: Pairs) -> dict[str, RunSpec]:
    return with_contents(override(same.preset.arms, dict(changes)), dict(contents))


@lru_cache(maxsize=500)
def _identities(same: _Same, changes: Pairs, contents: Pairs, seed: int) -> dict[str, str]:
    return {arm: spec.content_hash for arm, spec in with_seed(_arms(same, changes, contents), seed).items()}


def own_contents() -> dict[str, str]:
    """The content of each own data set that can be read and that whoever looks may use, by its name."""
    return _contents_for(scope())


def forget_contents() -> None:
    """Look anew at the own data sets when they are asked for next: one has just come."""
    _contents_for.clear()


@st.cache_data(ttl=SECONDS_KNOWN, show_spinner=False, max_entries=1000)
def _contents_for(visitor: str) -> dict[str, str]:
    return {entry["name"]: entry["content"] for entry in ask(ListOwn()) if entry.get("content")}


def domain_title(spec: DatasetSpec) -> str:
    """What a data set is called where there is little room."""
    if isinstance(spec, Shifted):
        return f"{domain_title(spec.base)}, {spec.shift} {spec.strength:g}"
    if isinstance(spec, OwnPictures | OwnFeatures):
        return f"{spec.dataset} · {spec.domain}" if spec.domain else spec.dataset
    return spec.dataset if isinstance(spec, CatalogueSet) else spec.name


def from_address(page: str) -> tuple[Experiment, str | None]:
    """The experiment the address asks for, and a sentence about what of it was not possible, if anything."""
    parameters = st.query_params
    default = presets_of(page)[0]
    name = parameters.get("preset", default.name)
    try:
        preset = find_preset(f"{page}/{name}")
    except InvalidRequest:
        return Experiment(default, {}), f"There is no preset '{name[:60]}' on this page; this is {default.title}."
    changes = dict(part.partition("=")[::2] for part in parameters.get_all("set"))
    seeds, seed = _number("seeds", preset.default_seeds, 1, MOST_SEEDS), seed_of_address()
    forks = tuple(run for run in parameters.get_all("fork") if executor().store.get(run) is not None)
    experiment = Experiment(preset, changes, max(seeds, 1), seed, forks)
    try:
        _ = experiment.arms
    except InvalidRequest as error:
        return replace(experiment, changes={}), f"{error} The preset's own parameters are used."
    return experiment, None


def seed_of_address() -> int:
    """The seed whose runs the address asks to be shown."""
    return _number("seed", 0, 0, MOST_SEEDS - 1)


def _number(name: str, default: int, low: int, high: int) -> int:
    try:
        return min(high, max(low, int(st.query_params.get(name, default))))
    except ValueError:
        return default
