"""Why a run ends, or waits again, though nobody who wants it asked for that. Imports no torch."""

from __future__ import annotations

ASKED_TO_END = "The training process was asked to end."
RESTARTED = "The worker was restarted; this run goes on from its last checkpoint when its turn comes."
NO_PLACE = "Every place is taken: this run goes on as soon as one is free."
