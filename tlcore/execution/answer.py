"""`python -m tlcore.execution.answer`: answers one question read from standard input, and ends.

It writes lines of JSON: `{"progress": [text, share]}`, and at last `{"answer": …}` or `{"refused": sentence, "error":
kind}`. The limit on its memory holds before anything is opened.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tlcore.errors import LabError
from tlcore.execution.ration import limit_memory
from tlcore.specs import explain
from tlcore.specs.model_questions import ModelQuestion
from tlcore.specs.questions import DataQuestion, Question

LONGEST_QUESTION = 100_000
REPORT_STEP = 0.01


def main() -> int:
    """Answer; 0 if there is an answer or a refusal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory", type=int, default=0, help="bytes of memory it may take; 0: no limit")
    parser.add_argument("--owner", action="store_true", help="asked by whoever owns this machine")
    parser.add_argument("--upload", type=Path, help="the file that came with the question")
    arguments = parser.parse_args()
    limit_memory(arguments.memory)
    # Whatever a library prints must not stand between the lines that are read at the other end.
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def tell(**message: Any) -> None:
        output.write(json.dumps(message) + "\n")
        output.flush()

    try:
        question: Question = TypeAdapter(Question).validate_json(sys.stdin.buffer.read(LONGEST_QUESTION))
        if isinstance(question, DataQuestion):
            from tlcore.training.looking import answer_data

            tell(answer=answer_data(question, Reporter(tell)))
            return 0
        if isinstance(question, ModelQuestion):
            from tlcore.training.asking import answer_model

            tell(answer=answer_model(question, arguments.upload, Reporter(tell)))
            return 0
        from tlcore.data.own.answers import Asker, answer_own

        asker = Asker(arguments.owner, arguments.upload, Reporter(tell))
        tell(answer=answer_own(question, asker))
    except ValidationError as error:
        tell(refused=explain(error), error="InvalidRequest")
    except LabError as error:
        tell(refused=str(error), error=type(error).__name__)
    except MemoryError:
        tell(refused="This needs more memory than a question may take.", error="LabError")
    return 0


class Reporter:
    """Tells of progress, but not of every picture."""

    def __init__(self, tell: Any) -> None:
        self._tell = tell
        self._last = ("", -1.0)

    def __call__(self, text: str, share: float) -> None:
        """Take note of a text and the share done."""
        if text != self._last[0] or share >= self._last[1] + REPORT_STEP:
            self._last = (text, share)
            self._tell(progress=[text, share])


if __name__ == "__main__":
    sys.exit(main())
