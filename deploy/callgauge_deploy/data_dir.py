"""The local stack's folder: who holds it, where things lie in it, and how others find a running stack."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from callgauge.errors import CallgaugeError

__all__ = ["DataDir", "StackInfo", "StackRunning", "running_stack"]


class StackRunning(CallgaugeError):
    """Another local stack holds the folder."""


@dataclass(frozen=True)
class StackInfo:
    """What stack.json tells: how to reach a running local stack."""

    bootstrap: str
    api_url: str
    api_token: str
    pids: dict[str, int]
    started: dict[str, float] = field(default_factory=dict)
    """Process -> when it was started, in epoch seconds; `stack` is the one that watches the others."""
    metrics: dict[str, int] = field(default_factory=dict)
    """Role -> the port of its metrics."""
    gateway_url: str = ""
    """"": there is none."""


class DataDir:
    """The paths in the local stack's folder. The folder is made when it is claimed."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.log = self.path / "callgauge.log"
        self.api_file = self.path / "api.json"
        self.stack_file = self.path / "stack.json"
        self.clickhouse = self.path / "clickhouse"
        self._lock = self.path / "stack.lock"

    def ready_file(self, role: str) -> Path:
        """The file that the process of `role` makes when it is ready."""
        return self.path / "run" / f"{role}.ready"

    @contextmanager
    def claim(self) -> Iterator[None]:
        """Hold the folder, so that no second stack runs on it.

        The files that tell of a running stack (stack.json, api.json, ready files) are removed: those of an earlier
        stack at the start, ours at the end. The kernel releases the lock when the process dies, however it dies.

        Raises:
            StackRunning: another process holds it.
        """
        (self.path / "run").mkdir(parents=True, exist_ok=True)
        with self._lock.open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise StackRunning(
                    f"a local stack (process {lock.read().strip() or '?'}) already runs on {self.path}: "
                    "use it, end it with Ctrl-C, or give another folder in CALLGAUGE_DATA_DIR"
                ) from None
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            self._forget()
            try:
                yield
            finally:
                self._forget()

    def write_stack(self, info: StackInfo) -> None:
        """Write stack.json in one step, so that nobody reads half of it. Only its owner can read it."""
        # mkstemp makes files with mode 0600.
        handle, name = tempfile.mkstemp(dir=self.path)
        with os.fdopen(handle, "w") as file:
            json.dump(asdict(info), file, indent=2)
        Path(name).replace(self.stack_file)

    def held(self) -> bool:
        """Whether a living process holds the folder."""
        if not self._lock.exists():
            return False
        with self._lock.open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def holder(self) -> int | None:
        """The process that holds the folder, or held it last; None if it is not known."""
        try:
            return int(self._lock.read_text())
        except (FileNotFoundError, ValueError):
            return None

    def _forget(self) -> None:
        for path in (self.stack_file, self.api_file, *(self.path / "run").glob("*.ready")):
            path.unlink(missing_ok=True)


def running_stack(path: Path) -> StackInfo | None:
    """How to reach the local stack that runs on folder `path`; None when none does."""
    folder = DataDir(path)
    if not folder.held() or not folder.stack_file.exists():
        return None
    return StackInfo(**json.loads(folder.stack_file.read_text()))
