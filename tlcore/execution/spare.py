"""`python -m tlcore.execution.spare`: a process with torch already imported that waits for one run.

For systems on which a process with torch cannot safely be forked (Windows, macOS).
"""

from __future__ import annotations

import os
import sys

from tlcore.execution.child import Order, carry_out, import_everything
from tlcore.execution.logs import set_up_process


def main() -> int:
    """Wait for one order, carry it out, and return the exit status."""
    set_up_process()
    import_everything()
    import torch

    print(f'{{"ready": {os.getpid()}, "gpus": {torch.cuda.device_count()}}}', flush=True)
    line = sys.stdin.buffer.readline()
    return carry_out(Order.from_line(line)) if line.strip() else 0


if __name__ == "__main__":
    sys.exit(main())
