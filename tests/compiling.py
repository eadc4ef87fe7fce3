"""Compiles what a test run needs before it begins, the parts beside each other: a minute of CPU in a new clone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

__all__ = ["compile_once"]

_WARM_UPS = ("callgauge_streams.rollup.warm_up", "callgauge_streams.detect.warm_up", "callgauge_sinks.warm_up")


def compile_once() -> None:
    """Leave on disk, if nothing is there: what Numba compiles for the workers, and tests as pytest rewrites them.

    What is missing after a change the fork server compiles. A failure is for the tests to tell.
    """
    root = Path(__file__).parents[1]
    compiled = any(next(root.joinpath(part).rglob("*.nbi"), None) for part in ("streams", "sinks"))
    commands = [] if compiled else [[sys.executable, "-m", name] for name in _WARM_UPS]
    if not any((root / "tests" / "unit" / "__pycache__").glob("*-pytest-*.pyc")):
        commands.append([sys.executable, "-m", "pytest", "--collect-only", "-q"])
    for process in [subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL) for command in commands]:
        process.wait()
