"""The program that pytest-xdist starts for each of its processes, in place of Python: it has one forked by
`tests.collected`, which gets its standard streams, and ends with it.

    python -E -S tests/xdist_door.py ADDRESS -u -c CODE

It starts in no time: nothing is imported but Python's own modules.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.forked_process import ForkedProcess


def main(address: str, code: str) -> int:
    """Returns what to exit with."""
    request = {"code": code, "cwd": os.getcwd(), "env": dict(os.environ)}
    process = ForkedProcess(address, request, [0, 1, 2])
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:  # Ctrl-C reaches this process alone
            process.send_signal(signal.SIGINT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[-1]))
