"""The peers' own environments, made on demand in build/peers/<name> and used again while their pins are the same."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.peers.jars import JarsMissing, jars_of, runs_in_jvm

__all__ = ["FOLDER", "PINS", "Environment", "EnvironmentFailed", "environment_of", "python_with"]

FOLDER = Path(__file__).parents[3] / "build" / "peers"

#: What is installed for a peer. Readers that are not named here run in our own environment.
PINS: dict[str, tuple[str, ...]] = {
    "clickhouse": ("chdb==4.4.0", "confluent-kafka==2.16.1"),
    "flink_sql": ("apache-flink==2.2.1",),  # the newest for which there is a Kafka connector
    "pathway": ("pathway==0.33.0",),
    "bytewax": ("bytewax==0.21.1", "confluent-kafka==2.16.1", "fastavro==1.13.1", "msgspec==0.22.0"),
    "quixstreams": ("quixstreams==3.28.1",),
    "faust_textbook": ("faust-streaming==0.15.3", "aiokafka==0.14.0", "cramjam==2.14.0", "orjson==3.13.0"),
}


class EnvironmentFailed(Exception):
    """An environment could not be made; the message has the end of what pip, Maven or the compiler said."""


@dataclass(frozen=True)
class Environment:
    """What a reader runs with."""

    python: Path
    """Its interpreter."""
    jars: Path | None = None
    """Folder of the jars and classes that it needs, if it runs in a JVM."""


def environment_of(name: str, folder: Path = FOLDER) -> Environment:
    """The interpreter of a reader, with what it needs. Safe to call from several processes at once.

    Raises:
        EnvironmentFailed: its packages could not be installed, for instance because none fit this Python, or Java or
            Maven is missing.
    """
    if name not in PINS and not runs_in_jvm(name):
        return Environment(Path(sys.executable))
    with _locked(folder / f".{name}.lock"):
        try:
            jars = jars_of(name, folder / "jars") if runs_in_jvm(name) else None
        except JarsMissing as error:
            raise EnvironmentFailed(str(error)) from None
        return Environment(_python_of(name, folder), jars)


def _python_of(name: str, folder: Path) -> Path:
    return python_with(PINS[name], folder / name) if name in PINS else Path(sys.executable)


def python_with(pins: Sequence[str], home: Path) -> Path:
    """The interpreter of the environment `home`, with these packages; it is made anew when they change.

    Raises:
        EnvironmentFailed: they could not be installed.
    """
    python, stamp = home / "bin" / "python", home / "pins.txt"
    wanted = "\n".join(pins)
    if not (python.exists() and stamp.exists() and stamp.read_text() == wanted):
        shutil.rmtree(home, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(home)])
        _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", *pins])
        stamp.write_text(wanted)
    return python


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(argv: Sequence[str]) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise EnvironmentFailed("\n".join((done.stdout + done.stderr).strip().splitlines()[-5:]))
