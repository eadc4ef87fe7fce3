"""Keeps a fork from happening while a thread of ours holds what the child would need.

A forked child has one thread, and every lock as it was: a module that another thread was importing stays half imported
for ever, and a lock that another thread held, also one inside librdkafka or the C library, is never let go. So whoever
imports for a `Gauge`, or makes or ends a connection, does it inside `no_fork`; a fork waits until that is over.

librdkafka goes on connecting on threads of its own. One that looks up a broker's address holds a lock of the C library
(glibc's, in `__check_pf`), and in a child forked at that moment no address can be looked up any more. So a fork waits,
for a short time, until a connection that was begun is `Settling.done`.

What else has a lock of its own is `reset_in_children`.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

__all__ = ["Settling", "no_fork", "reset_in_children"]

# A fork is held up at most this long. Making a connection takes milliseconds, an import from a cold disk a second.
_LONGEST_S = 10.0
#: A fork waits for a connection until it is this old. Without a broker it is never done, and the host must go on.
SETTLED_S = 2.0


class _Guard:
    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.settling: set[Settling] = set()
        self._held_by_fork = False

    def before(self) -> None:
        """In the forking thread: wait for connections that are being made, then for those inside `no_fork`."""
        until = time.monotonic() + _LONGEST_S
        while True:
            self._held_by_fork = self.lock.acquire(timeout=max(0.0, until - time.monotonic()))
            # One may have begun while we waited for the lock; now none can.
            unsettled = [each for each in list(self.settling) if not each.is_over]
            if not (unsettled and self._held_by_fork):
                return
            self.lock.release()
            unsettled[0].wait()

    def after_in_parent(self) -> None:
        """Let the others go on."""
        if self._held_by_fork:
            self.lock.release()

    def after_in_child(self) -> None:
        """A lock of the child's own: nobody in it holds the parent's, and none of its connections is in it."""
        self.lock = threading.RLock()
        self.settling = set()


_guard = _Guard()


class Settling:
    """A connection that was begun, from now on until `done`, at most `SETTLED_S`. To be made inside `no_fork`."""

    def __init__(self) -> None:
        self._done = threading.Event()
        self._until = time.monotonic() + SETTLED_S
        _guard.settling.add(self)

    @property
    def is_over(self) -> bool:
        """Whether a fork need not wait for it."""
        return self._done.is_set() or time.monotonic() >= self._until

    def wait(self) -> None:
        """Wait until it is over."""
        self._done.wait(max(0.0, self._until - time.monotonic()))

    def done(self) -> None:
        """The connection stands, or is given up."""
        self._done.set()
        _guard.settling.discard(self)


class _Resets(Protocol):
    def reset_in_child(self) -> None: ...


_resets: weakref.WeakSet[_Resets] = weakref.WeakSet()


def reset_in_children(each: _Resets) -> None:
    """From now on `each.reset_in_child()` is called in every forked child: another thread of the parent may have held
    its lock."""
    _resets.add(each)


def _reset_all_in_child() -> None:
    for each in list(_resets):
        each.reset_in_child()


@contextmanager
def no_fork() -> Iterator[None]:
    """While inside, a fork by another thread waits."""
    with _guard.lock:
        yield


os.register_at_fork(before=_guard.before, after_in_parent=_guard.after_in_parent, after_in_child=_guard.after_in_child)
os.register_at_fork(after_in_child=_reset_all_in_child)
