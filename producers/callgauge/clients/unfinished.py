"""Streams that are open when the process ends: their calls are emitted then, while the Gauge still delivers."""

from __future__ import annotations

import atexit
import weakref

# Its own function for the end of the process must run after ours, and so must be registered before.
import callgauge.delivery  # noqa: F401
from callgauge.clients.measured_call import MeasuredCall

__all__ = ["emit_at_exit"]

_unfinished: weakref.WeakSet[MeasuredCall] = weakref.WeakSet()


def emit_at_exit(call: MeasuredCall) -> None:
    """Emit a call as abandoned when the process ends before its stream does."""
    _unfinished.add(call)


@atexit.register
def _abandon_all() -> None:
    for call in list(_unfinished):
        call.abandoned()
