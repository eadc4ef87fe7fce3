"""The main job as a user runs it, on a short trace: it says what is real, shows the summary, and is complete."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from callgauge.errors import SettingError
from callgauge.settings import load_settings
from callgauge_deploy.demo import GROUPINGS, Completeness, run_demo

CALLS = 3_000


def test_the_demo_is_complete_and_says_so(tmp_path: Path) -> None:
    """And what it keeps can be judged again: the same rules have told of the same models."""
    kept, cli = tmp_path / "kept", [sys.executable, "-m", "callgauge_deploy.cli"]
    command = [*cli, "demo", "--calls", str(CALLS), "--speed", "120", "--keep", str(kept)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for part in ("real", "simulated", "assumed", "gpt-4-0314", "azure-2023-conv", "slow_model", "FIRING"):
        assert part in done.stdout
    line = re.search(r"completeness: produced ([\d,]+) = stored ([\d,]+) \+ dead-lettered (\d+)", done.stdout)
    assert line is not None, done.stdout
    assert line.groups() == (f"{CALLS:,}", f"{CALLS:,}", "0")
    scored = re.search(r"([\d,]+) of ([\d,]+) answers scored", done.stdout)
    assert scored is not None, done.stdout
    assert scored[1] == scored[2] != "0"
    told = re.search(r"CALLGAUGE_STORE=(\S+) callgauge rules test", done.stdout)
    assert told is not None, done.stdout
    rules = Path(inspect.getfile(run_demo)).parent / "samples" / "demo_rules.yaml"
    store = {"CALLGAUGE_STORE": told[1], "CALLGAUGE_GROUPINGS": GROUPINGS}
    again = subprocess.run(
        [*cli, "rules", "test", str(rules), "--from", "3h"],
        capture_output=True, text=True, timeout=60, check=False, env=os.environ | store,
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    assert "slow_model" in again.stdout


def test_a_folder_with_something_in_it_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(SettingError, match="a folder that is new or empty"):
        run_demo(load_settings(), keep=tmp_path)


def test_a_call_that_is_missing_anywhere_is_not_complete() -> None:
    assert Completeness(produced=10, stored=9, dead=1, counted=9).complete
    assert not Completeness(produced=10, stored=9, dead=0, counted=9).complete
    assert not Completeness(produced=10, stored=10, dead=0, counted=9).complete
    assert not Completeness(produced=10, stored=10, dead=0, counted=10, answers=5, scored=4).complete
    assert "≠" in str(Completeness(produced=10, stored=9, dead=0, counted=9))
