"""Parameters as data: what forms, the terminal and the docs show, and how a value someone typed gets into a spec."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

import annotated_types
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from tlcore.errors import InvalidRequest
from tlcore.specs.base import Spec
from tlcore.specs.own_data import NAME, NAME_WORDS, OwnFeatures, OwnPictures
from tlcore.specs.run import RunSpec, RunStart

TAGGED = frozenset(
    {"method", "data", "source", "target", "base", "network", "start"}
)  # pydantic puts the chosen model's name behind
SHOWN_CHARACTERS = 60
REPLACEABLE = ("data", "data.source", "data.target")
"""Parts that may be given whole, as JSON: sets of different kinds have different parameters."""
FIXED_KEYS = frozenset({"name", "kind"})  # discriminators: they choose the model, they are not values to tune


@dataclass(frozen=True)
class Parameter:
    """One value that can be changed, with everything needed to show and check it."""

    path: str
    kind: Literal["int", "float", "choice", "switch", "text"]
    value: Any
    default: Any
    help: str
    label: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    source: str | None = None
    advanced: bool = False
    logarithmic: bool = False

    @property
    def leaf(self) -> str:
        """The last part of the path, enough to name the parameter where it is unique."""
        return self.path.rsplit(".", 1)[-1]


def parameters(spec: Spec, prefix: str = "") -> Iterator[Parameter]:
    """Every tunable value of a spec, in the order of its fields; `start` is left out."""
    for name, field in type(spec).model_fields.items():
        value = getattr(spec, name)
        path = f"{prefix}{name}"
        if isinstance(value, Spec):
            if name != "start":
                yield from parameters(value, f"{path}.")
        elif name not in FIXED_KEYS and value is not None and not _by_arm(field):
            yield _parameter(path, name, field, value)


def _by_arm(field: FieldInfo) -> bool:
    return isinstance(field.json_schema_extra, dict) and bool(field.json_schema_extra.get("by_arm"))


def _parameter(path: str, name: str, field: FieldInfo, value: Any) -> Parameter:
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    minimum, maximum = _bounds(field)
    choices = tuple(str(choice) for choice in _literal_values(field.annotation))
    kinds: dict[Any, Literal["int", "float", "switch"]] = {int: "int", float: "float", bool: "switch"}
    return Parameter(
        path=path,
        kind="choice" if choices else kinds.get(field.annotation, "text"),
        value=value,
        default=field.get_default(call_default_factory=True),
        help=field.description or "",
        label=str(extra.get("label") or name.replace("_", " ").capitalize()),
        minimum=minimum,
        maximum=maximum,
        choices=choices,
        source=typing.cast("str | None", extra.get("source")),
        advanced=bool(extra.get("advanced")),
        logarithmic=bool(extra.get("logarithmic")),
    )


def _bounds(field: FieldInfo) -> tuple[float | None, float | None]:
    minimum = maximum = None
    for constraint in field.metadata:
        if isinstance(constraint, annotated_types.Ge):
            minimum = typing.cast(float, constraint.ge)
        elif isinstance(constraint, annotated_types.Gt):
            minimum = typing.cast(float, constraint.gt)
        elif isinstance(constraint, annotated_types.Le):
            maximum = typing.cast(float, constraint.le)
        elif isinstance(constraint, annotated_types.Lt):
            maximum = typing.cast(float, constraint.lt)
    return minimum, maximum


def _literal_values(annotation: Any) -> tuple[Any, ...]:
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    if isinstance(annotation, types.UnionType):
        return tuple(value for member in get_args(annotation) for value in _literal_values(member))
    return ()


def override(arms: Mapping[str, RunSpec], changes: Mapping[str, Any]) -> dict[str, RunSpec]:
    """Each arm with the changes that apply to it.

    A key is a full path (`method.lambda_max`) or its last part where that is unique (`lambda_max`). A parameter that
    only some arms have changes those arms alone. `data`, `data.source` and `data.target` take a whole document or its
    JSON; changes within it come after it. An arm that starts from another arm goes on to start from that one as it has
    become.

    Raises:
        InvalidRequest: no arm has such a parameter, the name is ambiguous, or the value is out of range.
    """
    result = dict(arms)
    for key, value in changes.items():
        applied = False
        for arm, spec in result.items():
            path = _resolve(spec, key)
            if path is not None:
                result[arm] = _with_value(spec, path, value)
                applied = True
        if not applied:
            known = sorted({parameter.path for spec in arms.values() for parameter in parameters(spec)})
            methods = ", ".join(sorted({spec.method.name for spec in arms.values()}))
            raise InvalidRequest(f"No parameter '{key}' in {methods}; parameters that exist here: {', '.join(known)}.")
    return _linked_anew(arms, result)


def with_seed(arms: Mapping[str, RunSpec], seed: int) -> dict[str, RunSpec]:
    """The same arms with another seed. Raises InvalidRequest for a number that is none."""
    for spec in arms.values():
        _with_value(spec, "seed", seed)
        break  # it is possible for all or for none: they need not all be checked, which takes long for many
    return _linked_anew(arms, {arm: spec.model_copy(update={"seed": seed}) for arm, spec in arms.items()})


def own_data_of(spec: RunSpec) -> dict[str, OwnPictures | OwnFeatures]:
    """The own data a run reads, by their place in `data`, that are named without the content they have to have."""
    places = {place: getattr(spec.data, place, None) for place in ("source", "target")}
    return {
        place: data
        for place, data in places.items()
        if isinstance(data, OwnPictures | OwnFeatures) and data.dataset and not data.content
    }


def with_contents(arms: Mapping[str, RunSpec], contents: Mapping[str, str]) -> dict[str, RunSpec]:
    """The same arms with the contents (by name) of those own data that are known, as their runs will be named."""
    named = {}
    for arm, spec in arms.items():
        found = {place: data for place, data in own_data_of(spec).items() if data.dataset in contents}
        update = {place: data.model_copy(update={"content": contents[data.dataset]}) for place, data in found.items()}
        named[arm] = spec.model_copy(update={"data": spec.data.model_copy(update=update)}) if update else spec
    return _linked_anew(arms, named)


def _linked_anew(before: Mapping[str, RunSpec], after: Mapping[str, RunSpec]) -> dict[str, RunSpec]:
    """The arms after a change, those that start from another arm from that arm as it is now."""
    linked: dict[str, RunSpec] = {}

    def link(arm: str) -> RunSpec:
        if arm not in linked:
            spec = after[arm]
            start = before[arm].start
            wanted = start.spec if isinstance(start, RunStart) else None
            parent = next((name for name, one in before.items() if one == wanted), None)
            if parent is not None and isinstance(spec.start, RunStart):
                now = link(parent)
                spec = spec.model_copy(update={"start": spec.start.model_copy(update={"spec": now})})
            linked[arm] = spec
        return linked[arm]

    return {arm: link(arm) for arm in after}


def _resolve(spec: RunSpec, key: str) -> str | None:
    if key in REPLACEABLE:
        part = key.partition(".")[2]
        return key if not part or getattr(spec.data, part, None) is not None else None
    found = [parameter.path for parameter in parameters(spec) if key in (parameter.path, parameter.leaf)]
    if len(found) > 1:
        if key in found:
            return key
        raise InvalidRequest(f"Parameter '{key}' is ambiguous; write one of {', '.join(found)}.")
    return found[0] if found else None


def _with_value(spec: RunSpec, path: str, value: Any) -> RunSpec:
    document = spec.model_dump(mode="json")
    *parents, leaf = path.split(".")
    place = document
    for parent in parents:
        place = place.setdefault(parent, {})  # what does nothing is not written
    if isinstance(value, str):  # a text stays one: a data set may be called 2024
        place[leaf] = value if isinstance(place.get(leaf), str) else parse_value(value)
    else:
        place[leaf] = _plain(value)
    return validate(document)


def _plain(value: Any) -> Any:
    """A NumPy number as Python's own."""
    return value.item() if hasattr(value, "item") and not getattr(value, "shape", None) else value


def parse_value(text: str) -> Any:
    """A number or true/false where the text is one, otherwise the text itself."""
    try:
        return json.loads(text, parse_constant=lambda constant: constant)
    except (ValueError, RecursionError):
        return text


def validate(document: Any) -> RunSpec:
    """A `RunSpec` from its JSON document.

    Raises:
        InvalidRequest: one sentence that names the first field at fault and what it must be.
    """
    try:
        return RunSpec.model_validate(document)
    except ValidationError as error:
        raise InvalidRequest(explain(error)) from None


def explain(error: ValidationError) -> str:
    """The first fault of a validation in one sentence."""
    first = error.errors(include_url=False)[0]
    parts = [str(part) for part in first["loc"]]
    place = ".".join(part for before, part in zip(["", *parts], parts, strict=False) if before not in TAGGED)
    given = first.get("input")
    message = first["msg"].removeprefix("Value error, ")
    said = f"{message[0].lower()}{message[1:]}"
    if first["type"] == "extra_forbidden":
        said = "there is no such parameter"
    elif first.get("ctx", {}).get("pattern") == NAME:
        said = NAME_WORDS
    if isinstance(given, (str, int, float)):
        shown = repr(given)
        shown = shown if len(shown) <= SHOWN_CHARACTERS else f"{shown[:SHOWN_CHARACTERS]}…"
        return f"{place or 'the run'} = {shown} is not possible: {said}."
    return f"{place}: {said}." if place else f"The run is not possible: {said}."
