"""The folder of spill files, which several processes share.

Each process has files of its own, `<owner>-<number>.spill`, and holds a lock on `<owner>.lock` for as long as it
lives; the kernel lets go of it however the process ends. Whoever can take the lock of an owner knows that it is gone,
and sends its files. A file is removed when all of its messages are confirmed; who is killed before that leaves it to
the next one, which sends it again with the same ids.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from callgauge.ids import new_span_id
from callgauge.spill.records import lines_of
from callgauge.transport import Outbound

__all__ = ["SEGMENT_BYTES", "SpillFolder"]

#: A file is closed when it has so many bytes: some 2,000 calls.
SEGMENT_BYTES = 1 << 20
_SPILL, _LOCK = ".spill", ".lock"
# Numbers begin in the middle, so that what comes back from the transport can go before what is there.
_FIRST = 500_000_000


class SpillFolder:
    """The files of this process, and of those whose owner is gone. For one thread, but for `reset_in_child`.

    All methods but that may raise OSError.

    Args:
        most_bytes: of all files in the folder together, whoever wrote them.
    """

    def __init__(self, path: Path, most_bytes: int) -> None:
        self._path = path
        self._most_bytes = most_bytes
        self._fresh()

    def _fresh(self) -> None:
        self.files: deque[Path] = deque()
        """What waits to be sent, oldest first."""
        self._locks: dict[str, int] = {}
        self._owner = ""
        self._last = _FIRST
        self._first = _FIRST
        self._writing: int | None = None
        self._written = 0

    def reset_in_child(self) -> None:
        """After a fork, in the child: the files stay the parent's, and so does its lock."""
        for fd in (*self._locks.values(), *filter(None, [self._writing])):
            with suppress(OSError):
                os.close(fd)
        self._fresh()

    def check(self) -> None:
        """Make the folder if it is missing, and write a byte into it."""
        self._make()
        probe = self._path / f"{new_span_id()}.probe"
        fd = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(fd, b"x")
        finally:
            os.close(fd)
            probe.unlink()

    def append(self, messages: Sequence[Outbound]) -> bool:
        """Write messages behind all others; False if there is no room."""
        data = lines_of(messages)
        if self._writing is None or self._written + len(data) > SEGMENT_BYTES:
            if not self._has_room(len(data)):
                return False
            self._last += 1
            self._begin_file(self._last)
        self._write(data)
        return True

    def put_first(self, messages: Sequence[Outbound]) -> bool:
        """Write messages before all others of this process; False if there is no room."""
        data = lines_of(messages)
        if not self._has_room(len(data)):
            return False
        self.seal()
        self._first -= 1
        path = self._open(self._first)
        try:
            self._write(data)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        finally:
            self.seal()
        self.files.appendleft(path)
        return True

    def seal(self) -> None:
        """Close the file that is being written: what comes next goes to another."""
        if self._writing is not None:
            os.close(self._writing)
        self._writing = None

    def remove(self, path: Path) -> None:
        """All of a file is confirmed, or it cannot be read."""
        self.files.remove(path)
        path.unlink(missing_ok=True)
        owner = _owner_of(path)
        if owner != self._owner and not any(_owner_of(other) == owner for other in self.files):
            self._release(owner)

    def adopt(self) -> list[Path]:
        """Take over the files of owners that are gone; returns them."""
        if not self._path.is_dir():
            return []
        by_owner: dict[str, list[Path]] = {}
        for path in sorted(self._path.iterdir()):
            if path.suffix in (_SPILL, _LOCK):
                by_owner.setdefault(_owner_of(path), []).extend([path] if path.suffix == _SPILL else [])
        adopted: list[Path] = []
        for owner in by_owner.keys() - self._locks.keys():
            if self._take_lock(owner):
                found = sorted(self._path.glob(f"{owner}-*{_SPILL}"))  # the owner's last ones may be newer
                adopted += found
                if not found:
                    self._release(owner)
        self.files.extendleft(sorted(adopted, reverse=True))
        return adopted

    def close(self) -> None:
        """Let go of all files: the next process that looks into the folder takes them."""
        self.seal()
        for owner in list(self._locks):
            self._release(owner, any(_owner_of(path) == owner for path in self.files))
        self._fresh()

    def _make(self) -> None:
        try:
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except FileExistsError as error:  # "File exists" would say nothing of what is wrong
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(self._path)) from error

    def _has_room(self, more: int) -> bool:
        self._make()
        sizes = 0
        for entry in os.scandir(self._path):
            if entry.name.endswith(_SPILL):
                with suppress(FileNotFoundError):  # another process has just sent it
                    sizes += entry.stat().st_size
        return sizes + max(more, SEGMENT_BYTES) <= self._most_bytes

    def _begin_file(self, number: int) -> None:
        self.seal()
        self.files.append(self._open(number))

    def _open(self, number: int) -> Path:
        if not self._owner:
            self._owner = self._own()
        path = self._path / f"{self._owner}-{number:09d}{_SPILL}"
        self._writing = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._written = 0
        return path

    def _own(self) -> str:
        while True:
            owner = f"{int(time.time() * 1e3):013x}_{new_span_id()}"  # sorts by age
            if self._take_lock(owner):
                return owner

    def _write(self, data: bytes) -> None:
        file, at = self._writing, 0
        if file is None:
            raise OSError("no file is open")
        try:
            while at < len(data):
                at += os.write(file, data[at:])
        except OSError:  # a full disk: nothing of these messages may stay, they are still in memory
            with suppress(OSError):
                os.ftruncate(file, self._written)
            raise
        self._written += len(data)

    def _take_lock(self, owner: str) -> bool:
        path = self._path / f"{owner}{_LOCK}"
        fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Who let go of it may have removed it meanwhile: then this is a lock on nothing.
            if os.fstat(fd).st_ino == path.stat().st_ino:
                self._locks[owner] = fd
                return True
        except OSError:  # held, or removed
            pass
        os.close(fd)
        return False

    def _release(self, owner: str, has_files: bool = False) -> None:
        fd = self._locks.pop(owner, None)
        if fd is not None:
            if not has_files:
                (self._path / f"{owner}{_LOCK}").unlink(missing_ok=True)
            os.close(fd)


def _owner_of(path: Path) -> str:
    return path.stem.partition("-")[0]
