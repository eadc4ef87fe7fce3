"""The main job as a user runs it, on a short trace: it says what is real, shows the summary, and is complete."""

from __future__ import annotations

import re
import subprocess
import sys

from callgauge_deploy.demo import Completeness

CALLS = 3_000


def test_the_demo_is_complete_and_says_so() -> None:
    command = [sys.executable, "-m", "callgauge_deploy.cli", "demo", "--calls", str(CALLS), "--speed", "120"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for part in ("real", "simulated", "assumed", "gpt-4-0314", "azure-2023-conv", "slow_model", "FIRING"):
        assert part in done.stdout
    line = re.search(r"completeness: produced ([\d,]+) = stored ([\d,]+) \+ dead-lettered (\d+)", done.stdout)
    assert line is not None, done.stdout
    assert line.groups() == (f"{CALLS:,}", f"{CALLS:,}", "0")
    scored = re.search(r"([\d,]+) of ([\d,]+) answers scored", done.stdout)
    assert scored is not None, done.stdout
    assert scored[1] == scored[2] != "0"


def test_a_call_that_is_missing_anywhere_is_not_complete() -> None:
    assert Completeness(produced=10, stored=9, dead=1, counted=9).complete
    assert not Completeness(produced=10, stored=9, dead=0, counted=9).complete
    assert not Completeness(produced=10, stored=10, dead=0, counted=9).complete
    assert not Completeness(produced=10, stored=10, dead=0, counted=10, answers=5, scored=4).complete
    assert "≠" in str(Completeness(produced=10, stored=9, dead=0, counted=9))
