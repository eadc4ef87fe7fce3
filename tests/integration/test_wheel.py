"""The wheel, installed as users install it: each extra in an environment of its own does what it promises.

Needs the package index. In full with --long only: the environments take minutes (make chaos).
tests/unit/deploy/test_extras.py holds the same promises without installing anything.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.long

#: Extras -> command lines that work, of the environment's own programs.
PROMISES: dict[str, list[list[str]]] = {
    "": [["python", "-c", "from callgauge import Gauge; Gauge().close(0)"]],
    "cli": [["callgauge", "--version"], ["callgauge", "settings"], ["callgauge", "replay", "--help"]],
    "cli,prices": [["callgauge", "prices", "gpt-4o"]],
    "cli,gateway": [
        ["callgauge", "gateway-key", "new", "--service", "chat"],
        ["python", "-c", "import callgauge_gateway.app"],
    ],
    "cli,console": [
        ["callgauge", "console-key", "new", "--name", "ops", "--scope", "read"],
        ["python", "-c", "import callgauge_console.app"],
    ],
    "otel": [["python", "-c", "import callgauge_gateway.exporter"]],
    "cli,load": [["callgauge", "load", "--kinds"]],
    "streams": [["python", "-c", "import callgauge_streams.rollup.app, callgauge_streams.detect.app"]],
    "sinks": [["python", "-c", "import callgauge_sinks.app, callgauge_notify.app, callgauge_history.query"]],
    "local": [["callgauge", "demo", "--calls", "500", "--speed", "600"]],
}
#: Extras -> command lines that end with one line that names what to install.
ASKED_FOR: dict[str, dict[str, str]] = {
    "": {"up": "local", "rollup": "cli,streams", "sinks": "cli,sinks", "settings": "cli"},
    "cli": {"rollup": "streams", "sinks": "sinks", "up": "local", "gateway": "gateway"},
    "cli,prices": {"rollup": "streams"},
    "cli,gateway": {"rollup": "streams"},
    "cli,console": {"rollup": "streams"},
    "otel": {"gateway": "cli,gateway"},
    "cli,load": {"rollup": "streams"},
    "streams": {"rollup": "cli,streams"},
    "sinks": {"sinks": "cli,sinks"},
    "local": {},
}


def run(command: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run in `folder`, without what the tests' own environment would add."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    return subprocess.run(
        command, cwd=folder, env=kept | environment, capture_output=True, text=True, check=False, timeout=600
    )


@pytest.fixture(scope="module")
def wheel(long: bool, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not long:
        pytest.skip("builds and installs wheels: with --long")
    folder = tmp_path_factory.mktemp("wheel")
    made = run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)], folder
    )
    assert made.returncode == 0, made.stderr
    (path,) = folder.glob("callgauge-*.whl")
    return path


@pytest.mark.parametrize("extras", PROMISES)
def test_an_extra_does_what_it_promises(extras: str, wheel: Path, tmp_path: Path) -> None:
    """Its commands run; those of other extras say in one line what to install."""
    programs = tmp_path / "env" / "bin"
    for command in (
        [sys.executable, "-m", "venv", str(tmp_path / "env")],
        [str(programs / "pip"), "install", "--quiet", f"callgauge[{extras}] @ {wheel.as_uri()}"],
    ):
        done = run(command, tmp_path)
        assert done.returncode == 0, done.stderr
    for program, *arguments in PROMISES[extras]:
        done = run([str(programs / program), *arguments], tmp_path)
        assert done.returncode == 0, f"{program} {arguments}: {done.stdout}{done.stderr}"
    for command_name, asked in ASKED_FOR[extras].items():
        done = run(
            [str(programs / "callgauge"), command_name], tmp_path, CALLGAUGE_BUS_PORT="0", CALLGAUGE_API_PORT="0"
        )
        assert done.returncode == 1
        assert f"is not installed: pip install 'callgauge[{asked}]'\n" in done.stderr
        assert done.stderr.count("\n") == 1
