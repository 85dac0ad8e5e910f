"""Transfer learning you can watch: specs, runs, training and plots. Importing it loads no torch: workers do."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tlcore.api import Result, player_of, run

__version__ = "0.1.0"
__all__ = ["Result", "__version__", "player_of", "run"]


def __getattr__(name: str) -> Any:
    # What is asked for is imported when it is: `import tlcore` itself costs milliseconds.
    if name in ("Result", "player_of", "run"):
        from tlcore import api

        return getattr(api, name)
    raise AttributeError(f"module 'tlcore' has no attribute '{name}'")
