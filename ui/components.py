"""Registration of the lab's browser components: `ui/assets`, and the player's in `tlcore/player/assets`.

Streamlit puts a component's inline JavaScript into every message it sends, and reads files only for components of
installed packages. The lab runs from a plain checkout, so it hands Streamlit the manifest itself: the browser then
fetches each file once from `/_stcore/bidi-components/…`, and a live message carries nothing but data. In the same way
`plotly.min.js` is served straight from the installed plotly package: no copy, no internet. The player itself belongs to
the engine, which also writes it into files that open without the lab; the other components import what they share with
it from the path of its component.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import plotly
import streamlit as st
from streamlit.components.v2.get_bidi_component_manager import get_bidi_component_manager
from streamlit.components.v2.manifest_scanner import ComponentConfig, ComponentManifest

from tlcore.player import ASSETS

PACKAGE = "transfer-learning-lab"
INTERFACE_FOLDER = Path(__file__).resolve().parent
PLOTLY_FOLDER = Path(plotly.__file__).resolve().parent
PLOTLY_COMPONENT = f"{PACKAGE}.plotly"
PLAYER = "player"

_renderers: dict[str, Callable[..., Any]] = {}


def _declare(name: str, package_root: Path, folder: str) -> None:
    """Tell the running Streamlit where the files of a component lie, once per runtime."""
    manager = get_bidi_component_manager()
    if manager.get_component_asset_root(f"{PACKAGE}.{name}") is None:
        manager.register_from_manifest(
            ComponentManifest(name=PACKAGE, version="1", components=[ComponentConfig(name=name, asset_dir=folder)]),
            package_root,
        )


def serve_plotly() -> str:
    """Serve plotly's own JavaScript; the path is relative to the folder all components are served from."""
    _declare("plotly", PLOTLY_FOLDER, "package_data")
    return f"{PLOTLY_COMPONENT}/plotly.min.js?v={plotly.__version__}"


def mount(name: str, *, script: str, style: str, isolate_styles: bool = True, **arguments: Any) -> Any:
    """Show a component whose script and style are files in `ui/assets`, or, for the player, in its own folder."""
    _declare(PLAYER, ASSETS.parent, ASSETS.name)
    if name != PLAYER:
        _declare(name, INTERFACE_FOLDER, "assets")
    if name not in _renderers:
        _renderers[name] = st.components.v2.component(
            f"{PACKAGE}.{name}", js=script, css=style, isolate_styles=isolate_styles
        )
    return _renderers[name](**arguments)
