"""A clock for tests."""

from __future__ import annotations


class Clock:
    """A clock that stands until it is set. In the place of the module `time`."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now
