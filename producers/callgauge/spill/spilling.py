"""Between a Gauge's queue and its folder: what is written there, and what is sent again from there, file by file.

While anything waits on disk nothing newer is sent, so the order stays. A file is sent as a whole; when all of its
messages are confirmed it is removed, and when one came back all of it is sent again later, with the same ids.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from callgauge.log_once import LogOnce
from callgauge.spill.folder import SpillFolder
from callgauge.spill.records import read_lines
from callgauge.transport import Outbound

__all__ = ["Spilling", "came_back"]

#: Reasons for which a message comes back from the transport though nobody refused it.
_BACK = frozenset({"_MSG_TIMED_OUT", "_TIMED_OUT", "_PURGE_QUEUE", "_PURGE_INFLIGHT", "_TRANSPORT", "_ALL_BROKERS_DOWN",
                   "_DESTROY", "_FATAL", "REQUEST_TIMED_OUT"})  # fmt: skip
# How often to look for files of processes that are gone; how long to leave the disk, or a file that came back, alone.
_ADOPT_S, _PAUSE_S = 30.0, 1.0


def came_back(reason: str) -> bool:
    """Whether a message that failed for this reason may be sent again."""
    return reason in _BACK


class Spilling:
    """Used by the delivery thread. None of its methods raises: what the disk does not take is not taken.

    Attributes:
        spilled: messages that were written to disk.
        replayed: messages from disk that the broker has.
        failed: messages from disk that are lost: their line is damaged, or the broker refused them.
    """

    def __init__(self, folder: SpillFolder, log: LogOnce, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._log = log
        self._clock = clock
        self._fresh()

    def _fresh(self) -> None:
        self.spilled = self.replayed = self.failed = 0
        self._records: dict[Path, int] = {}
        self._file: Path | None = None
        self._unsent: list[Outbound] = []
        self._outstanding = 0
        self._came_back = False
        self._write_after = self._send_after = self._adopt_at = 0.0
        self._was_checked = False

    def reset_in_child(self) -> None:
        """After a fork, in the child: the parent sends what it wrote."""
        self._folder.reset_in_child()
        self._fresh()

    @property
    def waiting(self) -> int:
        """Messages on disk that this process will send."""
        return sum(list(self._records.values()))

    @property
    def is_replaying(self) -> bool:
        """Whether a file is being sent."""
        return self._file is not None

    def keep(self, messages: Sequence[Outbound], *, first: bool = False) -> bool:
        """Write messages to disk, behind what is there or before it; False if that cannot be done now."""
        if not first and self._clock() < self._write_after:
            return False
        try:
            taken = self._folder.put_first(messages) if first else self._folder.append(messages)
        except OSError as error:
            self._disk_failed(error)
            return False
        if not taken:
            self._log.warn("spill full", "the spill folder is full: calls are dropped from now on (CALLGAUGE_SPILL_MB)")
            return False
        path = self._folder.files[0 if first else -1]
        self._records[path] = self._records.get(path, 0) + len(messages)
        self.spilled += len(messages)
        return True

    def adopt_if_due(self) -> None:
        """Look for files of processes that are gone, at the start and now and then."""
        if self._clock() < self._adopt_at:
            return
        self._adopt_at = self._clock() + _ADOPT_S
        try:
            if not self._was_checked:  # at the start, not only in an outage, it is told that it cannot be used
                self._was_checked = True
                self._folder.check()
            adopted = self._folder.adopt()
            for path in adopted:
                self._records[path] = max(1, path.read_bytes().count(b"\n"))
        except OSError as error:
            self._disk_failed(error)

    def begin_file(self) -> bool:
        """Begin to send the oldest file; False if there is none, or it is too early."""
        while self._folder.files and self._clock() >= self._send_after:
            path = self._folder.files[0]
            try:
                self._folder.seal()
                self._unsent, damaged = read_lines(path.read_bytes())
            except OSError as error:  # nothing newer may wait for ever behind what cannot be read
                self._disk_failed(error)
                self._folder.files.popleft()
                self._records.pop(path, None)
                return False
            if damaged:
                self.failed += damaged
                self._log.warn("spill damaged", "%d damaged lines in %s were skipped", damaged, path)
            self._unsent.reverse()
            self._file, self._outstanding, self._came_back = path, 0, False
            self._records[path] = len(self._unsent)
            if self._unsent:
                return True
            self._remove()
        return False

    def send_file(self, send: Callable[[Outbound], bool]) -> bool:
        """Send on; True when the file is through: all confirmed and removed, or put back to be sent again."""
        while self._unsent:
            self._outstanding += 1
            try:
                taken = send(self._unsent[-1])
            except BaseException:
                self._outstanding -= 1
                raise
            if not taken:
                self._outstanding -= 1
                return False
            self._unsent.pop()
        if self._outstanding:
            return False
        if self._came_back:
            self.put_back()
            self._send_after = self._clock() + _PAUSE_S
        else:
            self._remove()
        return True

    def put_back(self) -> None:
        """Let the file be, to be sent again from its start."""
        self._file, self._unsent, self._outstanding = None, [], 0

    def settled(self, reason: str | None) -> None:
        """What became of a message of the file."""
        self._outstanding -= 1
        if reason is None:
            self.replayed += 1
        elif came_back(reason):
            self._came_back = True
        else:
            self.failed += 1
            self._log.warn(f"failed {reason}", "a call was not delivered: %s", reason)

    def close(self) -> None:
        """Leave everything to whoever looks into the folder next."""
        self.put_back()
        self._records.clear()
        with suppress(OSError):
            self._folder.close()

    def _remove(self) -> None:
        path = self._file
        self.put_back()
        if path is not None:
            self._records.pop(path, None)
            try:
                self._folder.remove(path)
            except OSError as error:
                self._disk_failed(error)

    def _disk_failed(self, error: OSError) -> None:
        self._write_after = self._send_after = self._clock() + _PAUSE_S
        kind = type(error).__name__
        self._log.warn(
            f"spill {kind} {error.errno}",
            "the spill folder cannot be used: %s; what does not fit into memory is dropped (CALLGAUGE_SPILL_DIR)",
            error,
        )
