"""Runs the `callgauge` command."""

from __future__ import annotations

import subprocess
import sys

from callgauge.settings import Settings
from callgauge_deploy.environment import child_environment
from tests.forkserver import run

__all__ = ["callgauge"]


def callgauge(settings: Settings, *arguments: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    """`callgauge ARGUMENTS` under these settings, as a process, to its end."""
    command = [sys.executable, "-m", "callgauge_deploy.cli", *arguments]
    return run(command, env=child_environment(settings) | env)
