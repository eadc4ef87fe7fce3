"""Services whose clocks are wrong: their windows are early or late, and alerts with them.

A heartbeat has the time of the process that sent it and that of the bus, which took it a little later. So the process
is at least `ts - appended_at` ahead, and the largest such difference, of the heartbeat that took the shortest way, is
the best estimate. Heartbeats are kept for a week.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from callgauge_history.questions.period import Period
from callgauge_history.questions.reading import read
from callgauge_history.store import Ask

__all__ = ["Skew", "clock_skew"]


@dataclass(frozen=True)
class Skew:
    """The clock of one service, by its processes.

    Attributes:
        processes: that sent heartbeats in the period.
        ahead_ms: of the process whose clock is furthest off; negative: it is behind.
        median_ms: of all of them.
        worst_host, worst_instance: whose clock it is.
        verdict: off, if the clock is more than the tolerance ahead or behind.
    """

    service: str
    processes: int
    heartbeats: int
    ahead_ms: float
    median_ms: float
    worst_host: str
    worst_instance: str
    verdict: Literal["right", "ahead", "behind"]


def clock_skew(ask: Ask, period: Period, *, tolerance_ms: int = 2_000, limit: int = 1_000) -> list[Skew]:
    """The clocks of all services that sent heartbeats, the furthest off first.

    Args:
        tolerance_ms: up to here a clock is right; windows wait for so long (`CALLGAUGE_OUT_OF_ORDERNESS_MS`).

    Raises:
        StoreError: the store cannot be asked.
    """
    sql = """
        SELECT toString(service) AS service, toInt64(count()) AS processes, toInt64(sum(beats)) AS heartbeats,
            argMax(ahead, abs(ahead)) AS ahead_ms, quantileExact(0.5)(ahead) AS median_ms,
            argMax(host, abs(ahead)) AS worst_host, argMax(instance, abs(ahead)) AS worst_instance,
            multiIf(ahead_ms > {tolerance_ms:Float64}, 'ahead', ahead_ms < -{tolerance_ms:Float64}, 'behind', 'right')
                AS verdict
        FROM (
            SELECT service, instance, toString(any(host)) AS host, count() AS beats,
                toFloat64(max(toUnixTimestamp64Milli(ts) - toUnixTimestamp64Milli(appended_at))) AS ahead
            FROM heartbeats FINAL
            WHERE appended_at >= fromUnixTimestamp64Milli({start_ms:Int64})
                AND appended_at < fromUnixTimestamp64Milli({end_ms:Int64})
            GROUP BY service, instance
        )
        GROUP BY service ORDER BY abs(ahead_ms) DESC, service LIMIT {limit:UInt32}"""
    parameters = {"start_ms": period.start_ms, "end_ms": period.end_ms}
    return read(ask, Skew, sql, parameters | {"tolerance_ms": float(tolerance_ms), "limit": limit})
