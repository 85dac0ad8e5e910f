"""The ground every spec stands on: frozen, closed to unknown keys, with a canonical JSON and a content hash."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Spec(BaseModel):
    """An immutable description of something that can be asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _no_number_is_true(cls, content: Any) -> Any:
        """Refuse true and false where a number belongs; pydantic would take them for 1 and 0."""
        if isinstance(content, dict):
            for name, field in cls.model_fields.items():
                if field.annotation in (int, float) and isinstance(content.get(name), bool):
                    raise ValueError(f"{name} must be a number, not {str(content[name]).lower()}")
        return content

    def canonical_json(self) -> str:
        """The same text for the same request: sorted keys, no spaces, every default written out."""
        content = _without_minus_zero(self.model_dump(mode="json"))
        return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @property
    def content_hash(self) -> str:
        """16 hexadecimal digits of the SHA-256 of the canonical JSON."""
        return hashlib.sha256(self.canonical_json().encode()).hexdigest()[:16]


def _without_minus_zero(content: Any) -> Any:
    """−0.0 equals 0.0 but is written differently: equal specs must have equal hashes."""
    if isinstance(content, dict):
        return {key: _without_minus_zero(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_without_minus_zero(value) for value in content]
    return content + 0.0 if isinstance(content, float) else content


def parameter(
    default: Any,
    help: str,
    *,
    source: str | None = None,
    label: str | None = None,
    advanced: bool = False,
    logarithmic: bool = False,
    by_arm: bool = False,
    **bounds: Any,
) -> Any:
    """A field with everything a form, an option of the terminal and the docs need to know of it.

    help: one line. source: the paper the value or the parameter comes from. advanced: shown on request only.
    logarithmic: a slider moves in factors. by_arm: it is what tells the arms of an experiment apart, so nobody changes
    it for all of them at once. bounds: pydantic's `ge`, `le`, `gt`, `lt`, `min_length`, …
    """
    extra = {"source": source, "label": label, "advanced": advanced, "logarithmic": logarithmic, "by_arm": by_arm}
    return Field(default, description=help, json_schema_extra={k: v for k, v in extra.items() if v}, **bounds)
