"""How fast the console answers over 10,000 series: p50 and p95 of each path, and the first paint in a real Chromium.

python -m tests.bench.console [--series 10000] [--rounds 20]     -> build/bench/console.json
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from callgauge.schema import Call
from callgauge_history.migrate import migrate
from callgauge_history.store import Store, open_store
from tests.console.chromium import Faults, browser, open_page, show
from tests.console.fill import fill
from tests.console.served import GROUPINGS, serve
from tests.console.traffic import Traffic

OUT = Path("build/bench/console.json")
PATHS = (
    "/v1/summary", "/v1/metrics", "/v1/breakdown?by=service", "/v1/breakdown?by=model", "/v1/breakdown?by=feature",
    "/v1/breakdown?by=user_id", "/v1/summary?service=service-7", "/v1/metrics?service=service-7", "/v1/calls",
    "/v1/calls?user=user-7", "/v1/quality", "/v1/drift", "/v1/alerts", "/v1/alerts?state=history", "/v1/completeness",
    "/v1/pipeline", "/v1/rules",
)  # fmt: skip
_HOUR_S = 3_600.0


def main() -> None:
    """Fill, ask, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=10_000)
    parser.add_argument("--calls", type=int, default=120_000)
    parser.add_argument("--rounds", type=int, default=20)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="callgauge-console-") as folder:
        store = open_store(f"chdb://{folder}")
        migrate(store)
        put(store, asked.series, asked.calls)
        with serve(store) as console:
            found = {"series": asked.series, "calls": asked.calls, "paths": measured(console.url, asked.rounds)}
            found["first_paint_ms"] = painted(console.url)
        store.close()
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(found, indent=2))
    for path, each in found["paths"].items():
        print(f"{path:40} p50 {each['p50_ms']:7.1f} ms   p95 {each['p95_ms']:7.1f} ms")
    print(f"first paint of the overview: {found['first_paint_ms']:.0f} ms")


def put(store: Store, series: int, calls: int) -> None:
    """An hour of calls over so many combinations of labels."""
    fill(store, Traffic(list(_calls(time.time(), series, calls)), [], []), GROUPINGS)


def _calls(now: float, series: int, calls: int) -> Iterator[Call]:
    for number in range(calls):
        which = number * 7_919 % series
        yield Call(
            event_id=f"{number:x}",
            ts=now - _HOUR_S + _HOUR_S * number / calls,
            service=f"service-{which % 100}",
            model=f"model-{which // 100 % 20}",
            feature=f"feature-{which // 2_000}",
            provider=f"provider-{which % 4}",
            user_id=f"user-{number % 997}",
            trace_id=f"t{number:x}",
            latency_ms=400.0 + number * 31 % 900,
            time_to_first_token_ms=80.0 + number % 90,
            input_tokens=100 + number % 900,
            output_tokens=number % 300,
            cost_usd=0.001,
            status="error" if number % 83 == 0 else "success",
        )


def measured(url: str, rounds: int) -> dict[str, dict[str, float]]:
    """Each path so often, one after the other, after one to warm up."""
    found = {}
    with httpx.Client(base_url=url, timeout=60) as client:
        for path in PATHS:
            client.get(path).raise_for_status()
            took = sorted(_took_ms(client, path) for _ in range(rounds))
            found[path] = {"p50_ms": statistics.median(took), "p95_ms": took[int(0.95 * (len(took) - 1))]}
    return found


def _took_ms(client: httpx.Client, path: str) -> float:
    began = time.perf_counter()
    client.get(path).raise_for_status()
    return (time.perf_counter() - began) * 1e3


def painted(url: str) -> float:
    """Milliseconds until the browser has painted the overview for the first time, the median of five."""
    paints = []
    with browser() as started:
        for _ in range(5):
            with open_page(started, url, Faults()) as page:
                show(page, "/")
                paints.append(
                    float(page.evaluate("() => performance.getEntriesByName('first-contentful-paint')[0].startTime"))
                )
    return statistics.median(paints)


if __name__ == "__main__":
    main()
