"""The ground every spec stands on: frozen, closed to unknown keys, with a canonical JSON and a content hash."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Spec(BaseModel):
    """An immutable description of something that can be asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    def canonical_json(self) -> str:
        """The same text for the same request: sorted keys, no spaces, every default written out."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @property
    def content_hash(self) -> str:
        """16 hexadecimal digits of the SHA-256 of the canonical JSON."""
        return hashlib.sha256(self.canonical_json().encode()).hexdigest()[:16]


def parameter(
    default: Any,
    help: str,
    *,
    source: str | None = None,
    label: str | None = None,
    advanced: bool = False,
    logarithmic: bool = False,
    **bounds: Any,
) -> Any:
    """A field with everything a form, an option of the terminal and the docs need to know of it.

    help: one line. source: the paper the value or the parameter comes from. advanced: shown on request only.
    logarithmic: a slider moves in factors. bounds: pydantic's `ge`, `le`, `gt`, `lt`, `min_length`, …
    """
    extra = {"source": source, "label": label, "advanced": advanced, "logarithmic": logarithmic}
    return Field(default, description=help, json_schema_extra={k: v for k, v in extra.items() if v}, **bounds)
