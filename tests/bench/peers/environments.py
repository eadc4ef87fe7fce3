"""The peers' own environments, made on demand in build/peers/<name> and used again while their pins are the same."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["FOLDER", "PINS", "EnvironmentFailed", "python_of"]

FOLDER = Path(__file__).parents[3] / "build" / "peers"

#: What is installed for a peer. Readers that are not named here run in our own environment.
PINS: dict[str, tuple[str, ...]] = {
    "clickhouse": ("chdb==4.4.0", "confluent-kafka==2.16.1"),
    "pathway": ("pathway==0.33.0",),
    "bytewax": ("bytewax==0.21.1", "confluent-kafka==2.16.1", "fastavro==1.13.1", "msgspec==0.22.0"),
    "quixstreams": ("quixstreams==3.28.1",),
    "faust_textbook": ("faust-streaming==0.15.3", "aiokafka==0.14.0", "cramjam==2.14.0", "orjson==3.13.0"),
}


class EnvironmentFailed(Exception):
    """An environment could not be made; the message has the end of what pip said."""


def python_of(name: str, folder: Path = FOLDER) -> Path:
    """The interpreter of a reader, with what it needs.

    Raises:
        EnvironmentFailed: its packages could not be installed, for instance because none fit this Python.
    """
    if name not in PINS:
        return Path(sys.executable)
    home = folder / name
    python, stamp = home / "bin" / "python", home / "pins.txt"
    wanted = "\n".join(PINS[name])
    if not (python.exists() and stamp.exists() and stamp.read_text() == wanted):
        shutil.rmtree(home, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(home)])
        _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PINS[name]])
        stamp.write_text(wanted)
    return python


def _run(argv: Sequence[str]) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise EnvironmentFailed("\n".join((done.stdout + done.stderr).strip().splitlines()[-5:]))
