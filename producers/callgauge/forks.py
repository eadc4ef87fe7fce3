"""Keeps a fork from happening while a thread of ours holds what the child would need.

A forked child has one thread, and every lock as it was: a module that another thread was importing stays half imported
for ever, and a lock that another thread held, also one inside librdkafka, is never let go. So whoever imports for a
`Gauge`, or makes or ends a connection, does it inside `no_fork`; a fork waits until that is over.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["no_fork"]

# A fork is held up at most this long. Making a connection takes milliseconds, an import from a cold disk a second.
_LONGEST_S = 10.0


class _Guard:
    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._held_by_fork = False

    def before(self) -> None:
        """In the forking thread: wait for those inside `no_fork`."""
        self._held_by_fork = self.lock.acquire(timeout=_LONGEST_S)

    def after_in_parent(self) -> None:
        """Let the others go on."""
        if self._held_by_fork:
            self.lock.release()

    def after_in_child(self) -> None:
        """A lock of the child's own: nobody in it holds the parent's."""
        self.lock = threading.RLock()


_guard = _Guard()


@contextmanager
def no_fork() -> Iterator[None]:
    """While inside, a fork by another thread waits."""
    with _guard.lock:
        yield


os.register_at_fork(before=_guard.before, after_in_parent=_guard.after_in_parent, after_in_child=_guard.after_in_child)
