"""One broker for all processes of a test run.

pytest-xdist runs the tests in several processes. To start a Kafka for each of them costs more CPU than all that the
tests then ask of it. So the process that needs one first starts it, the others use it too, and the first one stops it
when the last of them has left.

    with shared_broker("kafka", folder_of_the_run) as broker:
        broker.bootstrap
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

from callgauge_deploy.process import listening
from tests.brokers import Broker, start_broker

__all__ = ["SharedBroker", "shared_broker"]


@dataclass(frozen=True)
class SharedBroker:
    """A `Broker` that others use at the same time, so that no test may start or end it."""

    name: str
    bootstrap: str
    pid: int

    @property
    def alive(self) -> bool:
        """Whether it accepts connections."""
        return listening(int(self.bootstrap.rpartition(":")[2]))

    def start(self) -> NoReturn:
        """Refused."""
        raise RuntimeError(f"all tests of this run use this {self.name}: a test that kills a broker starts its own")

    kill = stop = start


@contextmanager
def shared_broker(name: str, folder: Path) -> Iterator[Broker]:
    """The broker of this run, started if nobody has yet.

    Args:
        name: "tansu" or "kafka".
        folder: of this run alone, and the same one for all of its processes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    note, door, users = (folder / f"{name}.{kind}" for kind in ("json", "door", "users"))
    with ExitStack() as stack:
        with _locked(door, fcntl.LOCK_EX):
            shared = SharedBroker(**json.loads(note.read_text())) if note.exists() else None
            if shared is not None and shared.alive:
                stack.enter_context(_locked(users, fcntl.LOCK_SH))
            else:  # nobody has started it, or whoever did was killed
                own = stack.enter_context(start_broker(name))
                stack.callback(_see_off, note, door, users)
                shared = SharedBroker(own.name, own.bootstrap, own.pid)
                note.write_text(json.dumps(asdict(shared)))
        yield shared


def _see_off(note: Path, door: Path, users: Path) -> None:
    """Let nobody else in, and wait until all who use the broker have left."""
    with _locked(door, fcntl.LOCK_EX):
        note.unlink()
    with _locked(users, fcntl.LOCK_EX):
        pass


@contextmanager
def _locked(path: Path, how: int) -> Iterator[None]:
    """Hold a lock that other processes see. It ends with this process at the latest."""
    with path.open("a") as file:
        fcntl.flock(file, how)
        yield
