"""The colours of the house as the browser needs them: plain data for components, CSS variables for the page."""

from __future__ import annotations

from tlcore.plots.style import (
    DARK,
    LIGHT,
    ROLES,
    class_colour,
    house_layout,
    palette_payload,
    role_colour,
    style_figure,
)

__all__ = [
    "DARK", "LIGHT", "ROLES", "class_colour", "css_variables", "house_layout", "palette_payload", "role_colour",
    "style_figure",
]  # fmt: skip


def css_variables() -> str:
    """The roles as CSS variables `--tl-source` and so on, which follow Streamlit's colour scheme by themselves."""
    return "".join(
        f"--tl-{name.replace('_', '-')}:light-dark({value},{getattr(DARK, name)});"
        for name, value in vars(LIGHT).items()
        if name != "classes"
    )
