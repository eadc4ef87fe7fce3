"""What one `Gauge.emit` costs the host: `python -m tests.bench.emit [calls]`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from callgauge import Call, Gauge, load_settings
from callgauge.testing import MemoryTransport
from tests.bench.report import percentile, report

FIELDS: dict[str, Any] = {
    "model": "gpt-4o",
    "provider": "openai",
    "feature": "search",
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "latency_ms": 812.0,
    "time_to_first_token_ms": 210.0,
    "input_tokens": 420,
    "output_tokens": 96,
    "cost_usd": 0.0021,
}


def measure(name: str, calls: int, pause_s: float, emit: Callable[[Gauge], str]) -> dict[str, object]:
    """Time `calls` emits, one by one; `pause_s` between them leaves the delivery thread time to sleep."""
    transport = MemoryTransport()
    with Gauge(load_settings(service="bench", queue_size=calls), transport=transport) as gauge:
        emit(gauge)
        costs = sorted(_timed(gauge, emit, pause_s) for _ in range(calls))
        waiting = gauge.flush(60)
        stats = gauge.stats
    if waiting or stats.dropped or stats.invalid:
        raise SystemExit(f"{name}: not all calls went through: {stats}")
    return {
        "emit": name,
        "calls": calls,
        "mean_us": sum(costs) / calls,
        "p50_us": percentile(costs, 0.5),
        "p99_us": percentile(costs, 0.99),
        "p999_us": percentile(costs, 0.999),
        "max_us": costs[-1],
    }


def _timed(gauge: Gauge, emit: Callable[[Gauge], str], pause_s: float) -> float:
    if pause_s:
        time.sleep(pause_s)
    start = time.perf_counter_ns()
    emit(gauge)
    return (time.perf_counter_ns() - start) / 1e3


def main(calls: int = 100_000) -> None:
    """Measure and report."""
    ready = Call(event_id="e", ts=1.0, service="bench", **FIELDS)
    rows = [
        measure("fields, back to back", calls, 0.0, lambda gauge: gauge.emit(**FIELDS)),
        measure("Call, back to back", calls, 0.0, lambda gauge: gauge.emit(ready)),
        measure("fields, 1 ms apart", calls // 50, 0.001, lambda gauge: gauge.emit(**FIELDS)),
    ]
    report("emit", rows, title="Cost of Gauge.emit in the host's thread", notes="MemoryTransport")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
