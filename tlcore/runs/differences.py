"""In which fields specs differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tlcore.specs import RunSpec

NOTHING = "—"


def spec_differences(specs: Sequence[RunSpec]) -> dict[str, list[str]]:
    """For each field, by its path, in which the specs are not all alike: its value in each of them, as text.

    A field that a spec does not have is a dash there. Another run that a spec starts from is one field: its identity.
    """
    flat = [flatten(spec) for spec in specs]
    paths = dict.fromkeys(path for fields in flat for path in fields)
    table = {path: [_text(fields[path]) if path in fields else NOTHING for fields in flat] for path in paths}
    return {path: values for path, values in table.items() if len(set(values)) > 1}


def flatten(spec: RunSpec) -> dict[str, Any]:
    """Every field of a spec by its path, such as `optimisation.learning_rate`."""
    document = spec.model_dump(mode="json")
    dependencies = spec.dependencies()
    if dependencies:
        document["start"]["spec"] = dependencies[0].content_hash
    found: dict[str, Any] = {}
    _flatten(document, "", found)
    return found


def _flatten(content: Any, path: str, found: dict[str, Any]) -> None:
    if isinstance(content, Mapping):
        for key, value in content.items():
            _flatten(value, f"{path}.{key}" if path else str(key), found)
    else:
        found[path] = content


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_text(one) for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
