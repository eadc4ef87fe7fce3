"""What one `Gauge.emit` costs the host, and what the rest of a call costs: `python -m tests.bench.emit [calls]`.

The delivery thread fills in costs and makes heartbeats, while the host goes on: `cost_us` is its time for one call,
`heartbeat_us` for one heartbeat. `openai_wrapper_us` is the CPU time that `instrument` adds to a chat completion
(`tests.bench.instrument` has the other calls).
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from typing import Any

from callgauge import Call, Gauge, load_settings
from callgauge.heartbeats import Heart
from callgauge.prices.call_prices import CallPrices
from callgauge.prices.found import load_prices
from callgauge.testing import MemoryTransport
from callgauge.transport import Outbound
from tests.bench import instrument
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
WITHOUT_COST = {name: value for name, value in FIELDS.items() if name != "cost_usd"}
CACHED = {"input_tokens": 130_213, "cache_read_tokens": 128_955, "cache_write_tokens": 1_253, "output_tokens": 500}
#: What is priced -> its fields.
PRICED: dict[str, dict[str, Any]] = {
    "gpt-4o": WITHOUT_COST | {"response_model": "gpt-4o-2024-08-06"},
    "Claude Sonnet 4.6, cached": WITHOUT_COST | CACHED | {"provider": "anthropic", "model": "claude-sonnet-4-6"},
    "Claude Sonnet 4.5, tiers": WITHOUT_COST | CACHED | {"provider": "anthropic", "model": "claude-sonnet-4-5"},
    "DeepSeek, by the hour": WITHOUT_COST | {"provider": "deepseek", "model": "deepseek-chat"},
}


def measure(name: str, calls: int, pause_s: float, emit: Callable[[Gauge], str]) -> dict[str, Any]:
    """Time `calls` emits, one by one; `pause_s` between them leaves the delivery thread time to sleep."""
    transport = MemoryTransport()
    with Gauge(load_settings(service="bench", queue_size=calls + 1), transport=transport) as gauge:
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


def price(name: str, fields: dict[str, Any], calls: int, rounds: int = 10) -> dict[str, Any]:
    """CPU time for the price of `calls` calls, in rounds: the median round's, and the least disturbed one's."""
    prices = CallPrices(load_prices(None), logging.getLogger("bench"))
    call = {"event_id": "e", "ts": 1_795_867_200.0, "service": "bench", **fields}
    if prices.cost(call) is None:
        raise SystemExit(f"{name}: no price: pip install 'callgauge[prices]'")
    taken = []
    for _ in range(rounds):
        start = time.thread_time_ns()
        for _ in range(calls // rounds):
            prices.cost(call)
        taken.append((time.thread_time_ns() - start) / 1e3 / (calls // rounds))
    return {"emit": f"price, {name}", "calls": calls, "cost_us": percentile(sorted(taken), 0.5), "min_us": min(taken)}


def heartbeat(beats: int) -> dict[str, Any]:
    """CPU time and size of a heartbeat, all fields filled in."""
    heart, sizes = Heart(10.0, "bench", "production"), []
    counts = dict.fromkeys(("emitted", "delivered", "spilled", "replayed"), 123_456_789)

    def send(message: Outbound) -> bool:
        sizes.append(len(message.key) + len(message.value))
        return True

    start = time.thread_time_ns()
    for _ in range(beats):
        heart.beat(send, counts)
    taken_us = (time.thread_time_ns() - start) / 1e3 / beats
    return {"emit": "heartbeat", "calls": beats, "heartbeat_us": taken_us, "bytes": max(sizes)}


def measured_call(gauge: Gauge) -> str:
    """One `gauge.call`, inside which nothing happens."""
    with gauge.call(model="gpt-4o", provider="openai") as call:
        call.set(input_tokens=420, output_tokens=96, cost_usd=0.0021)
    return call.event_id


def main(calls: int = 100_000) -> None:
    """Measure and report."""
    ready = Call(event_id="e", ts=1.0, service="bench", **FIELDS)
    rows: list[dict[str, Any]] = [
        measure("fields, back to back", calls, 0.0, lambda gauge: gauge.emit(**FIELDS)),
        measure("Call, back to back", calls, 0.0, lambda gauge: gauge.emit(ready)),
        measure("fields without cost, back to back", calls, 0.0, lambda gauge: gauge.emit(**WITHOUT_COST)),
        measure("fields, 1 ms apart", calls // 50, 0.001, lambda gauge: gauge.emit(**FIELDS)),
        measure("gauge.call, back to back", calls, 0.0, measured_call),
        measure("a score, back to back", calls // 10, 0.0, lambda gauge: gauge.score("helpfulness", 0.8)),
        *(price(name, fields, calls) for name, fields in PRICED.items()),
        heartbeat(calls // 100),
    ]
    by_name: dict[object, dict[str, Any]] = {row["emit"]: row for row in rows}
    wrapper = instrument.measure(*instrument.CASES[0], calls=max(100, calls // 50))
    fields = by_name["fields, back to back"]
    summary = {
        "fields_p50_us": fields["p50_us"],
        "fields_p99_us": fields["p99_us"],
        "call_p50_us": by_name["Call, back to back"]["p50_us"],
        "cost_us": max(row["cost_us"] for row in by_name.values() if "cost_us" in row),
        "openai_wrapper_us": wrapper["wrapper_cpu_us"],
    }
    report("emit", rows, title="Cost of Gauge.emit in the host's thread", notes="MemoryTransport", summary=summary)
    print("  ".join(f"{name} {value:.2f}" for name, value in summary.items()))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
