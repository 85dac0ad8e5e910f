"""The feature-space player: what its browser side is told, and that side itself, in a page or in a file. No torch."""

from pathlib import Path

ASSETS = Path(__file__).resolve().parent / "assets"
"""The player's JavaScript and style. `player.js` is the entry; `player_component.js` alone knows of Streamlit."""
