"""When a span began and how long it took."""

from __future__ import annotations

from typing import Any

from callgauge.field_reading import time_of

__all__ = ["ms_between", "times_of"]

# Nanoseconds since 1970, as OpenTelemetry has it, for times until 2100. Lower numbers are of a coarser unit.
_EARLIEST_NS, _LATEST_NS = 4_102_444_800 * 10**6, 4_102_444_800 * 10**9


def times_of(start_ns: int, end_ns: int) -> tuple[dict[str, Any], str]:
    """`ts` and `latency_ms`, as far as they are told, and what was mended ("": nothing).

    >>> times_of(1_700_000_000_000_000_000, 1_700_000_000_250_000_000)
    ({'ts': 1700000000.0, 'latency_ms': 250.0}, '')
    >>> times_of(1_700_000_000_000, 1_700_000_000_250)
    ({'ts': 1700000000.0, 'latency_ms': 250.0}, 'ts: read as milliseconds')
    """
    if start_ns <= 0:
        return {}, ""
    per_second, mark = _unit_of(start_ns)
    if not per_second:
        return {}, f"ts: {mark}, replaced by the clock"
    ts = start_ns / per_second
    # One that ends before it starts tells nothing of how long it took.
    if end_ns < start_ns:
        return {"ts": ts}, mark and f"ts: {mark}"
    return {"ts": ts, "latency_ms": (end_ns - start_ns) / (per_second / 1e3)}, mark and f"ts: {mark}"


def ms_between(start_ns: int, then_ns: int) -> float | None:
    """How long after the start of a span something was, in ms; None if it is not known, or was before."""
    per_second = _unit_of(start_ns)[0] if start_ns > 0 else 0.0
    return (then_ns - start_ns) / (per_second / 1e3) if per_second and then_ns >= start_ns else None


def _unit_of(start_ns: int) -> tuple[float, str]:
    """How many of its units are a second, and how that is said; 0 for what is no time."""
    if _EARLIEST_NS < start_ns <= _LATEST_NS:
        return 1e9, ""
    ts, mark = time_of(start_ns)
    return (float(round(start_ns / ts)), mark or "read as seconds") if ts else (0.0, mark)
