"""Compiles what the processes of a test run would each compile, once, before they begin: in a new clone that takes a
minute of CPU.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

__all__ = ["compile_once"]

_WARM_UPS = ("callgauge_streams.rollup.warm_up", "callgauge_streams.detect.warm_up", "callgauge_sinks.warm_up")


def compile_once() -> None:
    """Leave on disk, where it is missing: what Numba compiles for the workers, and tests as pytest rewrites them. A
    failure is for the tests to tell."""
    root = Path(__file__).parents[1]
    commands = [[sys.executable, "-m", name] for name in _WARM_UPS]
    if not any((root / "tests" / "unit" / "__pycache__").glob("*-pytest-*.pyc")):
        commands.append([sys.executable, "-m", "pytest", "--collect-only", "-q"])
    for process in [subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL) for command in commands]:
        process.wait()
