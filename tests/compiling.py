"""Compiles what the workers compile, once, before the processes of a test run begin.

In a new clone that takes half a minute of CPU; each process that finds nothing on disk would do it again.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

__all__ = ["compile_once"]

_WARM_UPS = ("callgauge_streams.rollup.warm_up", "callgauge_streams.detect.warm_up")


def compile_once() -> None:
    """Leave the compiled code of all workers on disk, where it is missing. A failure is for the tests to tell."""
    root = Path(__file__).parents[1]
    for process in [subprocess.Popen([sys.executable, "-m", name], cwd=root) for name in _WARM_UPS]:
        process.wait()
