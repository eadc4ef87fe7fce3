"""Computes when a recorded call happens and when it is sent; pure, without a clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from uuid import UUID, uuid5

from callgauge.errors import TraceError
from callgauge.schema import Call

__all__ = ["due_times", "end_s", "retime"]

_SHIFTED = UUID("6f0a7d2c-3f4e-5d0b-9a51-2f6f0d1c7b3e")


def end_s(call: Call) -> float:
    """Event time of a call in epoch seconds."""
    return call.ts + (call.latency_ms or 0.0) / 1e3


def retime(calls: Iterable[Call], end_at: float) -> list[Call]:
    """The calls in the order of their ends, all shifted so that the last ends at `end_at` (epoch seconds).

    The times between calls and the latencies stay as they are. The new ids are derived from the trace's ids and the
    shift: a trace that is played again at another time gives other calls, and the same shift gives the same ids.

    Raises:
        TraceError: the trace is so long, or `end_at` so early, that a call would start before 1970.
    """
    ordered = sorted(calls, key=end_s)
    if not ordered:
        return []
    shift = end_at - end_s(ordered[-1])
    if min(call.ts for call in ordered) + shift < 0:
        raise TraceError(f"ending at {end_at:.0f}, the trace would start before 1970; give a later end")
    return [
        call.model_copy(update={"ts": call.ts + shift, "event_id": _shifted(call.event_id, shift)}) for call in ordered
    ]


def _shifted(event_id: str, shift: float) -> str:
    return str(uuid5(_SHIFTED, f"{event_id} {shift!r}"))


def due_times(calls: Iterable[Call], speed: float) -> Iterator[tuple[float, Call]]:
    """(seconds after the first call at which to send, call), for calls in the order of their ends.

    A call is sent when it ends, as a service would send it. `speed` says how many times as fast as recorded; 0 means
    all at once.
    """
    if speed < 0:
        raise ValueError(f"speed is {speed}, must be 0 (as fast as possible) or more")
    first: float | None = None
    for call in calls:
        end = end_s(call)
        first = end if first is None else first
        yield (max(0.0, end - first) / speed if speed else 0.0), call
