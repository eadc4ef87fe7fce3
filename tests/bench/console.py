"""How fast the console answers over 10,000 series: each path, its slowest statement, and the page in a real Chromium.

python -m tests.bench.console [--series 10000] [--rounds 20]     -> build/bench/console.json

Each round asks about another hour, so that no answer is one that is remembered.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser

from callgauge.schema import Call, Score
from callgauge_history.migrate import migrate
from callgauge_history.store import Parameters, QueryResult, Store, open_store
from tests.console.chromium import Faults, browser, open_page, show
from tests.console.fill import fill
from tests.console.served import GROUPINGS, Served, serve
from tests.console.traffic import Traffic, made_traffic

OUT = Path("build/bench/console.json")
PATHS = (
    "/v1/summary", "/v1/metrics", "/v1/breakdown?by=service", "/v1/breakdown?by=model", "/v1/breakdown?by=feature",
    "/v1/breakdown?by=user_id", "/v1/summary?service=service-7", "/v1/metrics?service=service-7", "/v1/errors",
    "/v1/usage?by=service", "/v1/summary?user=user-7", "/v1/metrics?user=user-7", "/v1/usage?user=user-7",
    "/v1/errors?user=user-7", "/v1/breakdown?by=model&user=user-7", "/v1/users/user-7/budget", "/v1/budgets",
    "/v1/calls", "/v1/calls?user=user-7", "/v1/traces/t7", "/v1/quality", "/v1/drift", "/v1/anomalies",
    "/v1/experiments?label=model&a=model-1&b=model-2&score=helpfulness", "/v1/marks", "/v1/alerts",
    "/v1/alerts?state=history", "/v1/alerts?state=during", "/v1/completeness", "/v1/pipeline", "/v1/rules",
    "/v1/rules/values", "/metrics",
)  # fmt: skip
BUDGETS = "budgets: [{name: users, by: user_id, limit: 50, period: day}, {name: all, limit: 500, period: day}]"
_HOUR_S = 3_600.0


class Timed:
    """A store that keeps of each statement its milliseconds by clock and by CPU, and its text."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.took: list[tuple[float, float, str]] = []

    def query(self, sql: str, parameters: Parameters | None = None) -> QueryResult:
        """Ask."""
        began, used = time.perf_counter(), _cpu_s()
        try:
            return self._store.query(sql, parameters)
        finally:
            self.took.append(((time.perf_counter() - began) * 1e3, (_cpu_s() - used) * 1e3, sql))


def main() -> None:
    """Fill, ask, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=10_000)
    parser.add_argument("--calls", type=int, default=120_000)
    parser.add_argument("--rounds", type=int, default=20)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="callgauge-console-") as folder:
        store = open_store(f"chdb://{folder}/store")
        migrate(store)
        now = time.time()
        put(store, now, asked.series, asked.calls)
        budgets = Path(folder) / "budgets.yaml"
        budgets.write_text(BUDGETS)
        timed: Any = Timed(store)
        with serve(timed, made_traffic(now, 10).alerts, budgets_file=budgets) as console:
            found = {"series": asked.series, "calls": asked.calls, "paths": measured(console.url, timed, asked.rounds)}
            with browser() as started:
                found |= {
                    "overview": painted(started, console.url, "/"),
                    "user": painted(started, console.url, "/user/user-7"),
                }
                found["live_ms"] = lived(started, console, store)
        store.close()
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(found, indent=2))
    print(shown(found))


def shown(found: dict[str, Any]) -> str:
    """A line for each path, in ms, and what is beyond its goal."""
    lines = [
        f"{path:66} p50 {each['p50_ms']:6.1f}  p95 {each['p95_ms']:6.1f}  cpu {each['cpu_ms']:6.1f}  "
        f"{each['statements']:4.1f} statements, "
        f"slowest {each['statement_p95_ms']:.1f} (cpu {each['statement_cpu_ms']:.1f})"
        for path, each in found["paths"].items()
    ]
    for page in ("overview", "user"):
        lines.append(
            f"{page}: first paint {found[page]['first_paint_ms']:.0f} ms, all is shown {found[page]['shown_ms']:.0f} ms"
        )
    lines.append(f"a call that is stored is on the page after {found['live_ms']:.0f} ms")
    slow = [path for path, each in found["paths"].items() if each["statement_p95_ms"] > 200]
    return "\n".join([*lines, f"a statement takes more than 200 ms (p95): {', '.join(slow) or 'none'}"])


def put(store: Store, now: float, series: int, calls: int) -> None:
    """An hour and the rounds of calls over so many combinations of labels, and the same a day before, fewer."""
    made = list(_calls(now, series, calls))
    scores = [
        Score(score_id=f"s{call.event_id}", ts=call.ts + 2, name="helpfulness", origin="judge", value=0.5,
              event_id=call.event_id, service=call.service, labels={"model": call.model})
        for call in made[::20]
    ]  # fmt: skip
    fill(store, Traffic(made, scores, []), GROUPINGS)


def _calls(now: float, series: int, calls: int) -> Iterator[Call]:
    for number in range(calls):
        which = number * 7_919 % series
        yield Call(
            event_id=f"{number:x}",
            ts=now - 1.5 * _HOUR_S + 1.5 * _HOUR_S * number / calls,
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


def measured(url: str, timed: Timed, rounds: int) -> dict[str, dict[str, Any]]:
    """Each path so often, one after the other, after one to warm up."""
    found = {}
    with httpx.Client(base_url=url, timeout=60, headers={"Authorization": "Bearer t0ken"}) as client:
        for path in PATHS:
            _took_ms(client, path, rounds)
            timed.took.clear()
            used, took, slowest = _cpu_s(), [], []
            for number in range(rounds):
                before = len(timed.took)
                took.append(_took_ms(client, path, number))
                slowest.append(max((clock for clock, _, _ in timed.took[before:]), default=0.0))
            dearest = max(timed.took, key=lambda each: each[1], default=(0.0, 0.0, ""))
            found[path] = {
                "p50_ms": statistics.median(took),
                "p95_ms": _p95(took),
                "cpu_ms": (_cpu_s() - used) * 1e3 / rounds,
                "statements": len(timed.took) / rounds,
                "statement_p95_ms": _p95(slowest),
                "statement_cpu_ms": dearest[1],
                "statement": " ".join(dearest[2].split())[:600],
            }
    return found


def _took_ms(client: httpx.Client, path: str, number: int) -> float:
    end = time.time() - 60 * number
    hour = f"from={end - _HOUR_S:.3f}&to={end:.3f}"
    address = (
        path
        if path.startswith(("/metrics", "/v1/rules", "/v1/traces"))
        else f"{path}{'&' if '?' in path else '?'}{hour}"
    )
    began = time.perf_counter()
    client.get(address).raise_for_status()
    return (time.perf_counter() - began) * 1e3


def _p95(values: list[float]) -> float:
    return sorted(values)[round(0.95 * (len(values) - 1))]


def _cpu_s() -> float:
    """Of this process, which serves and asks."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def painted(started: Browser, url: str, address: str) -> dict[str, float]:
    """Milliseconds until the browser has painted the page for the first time, and until all of it is shown: medians."""
    paints, shows = [], []
    for _ in range(5):
        with open_page(started, url, Faults()) as page:
            began = time.perf_counter()
            show(page, address)
            shows.append((time.perf_counter() - began) * 1e3)
            paint = page.evaluate("() => performance.getEntriesByName('first-contentful-paint')[0].startTime")
            paints.append(float(paint))
    return {"first_paint_ms": statistics.median(paints), "shown_ms": statistics.median(shows)}


def lived(started: Browser, console: Served, store: Store) -> float:
    """Milliseconds from when a call is stored until it is on the page of calls, the median of five."""
    took = []
    with open_page(started, console.url, Faults()) as page:
        show(page, "/calls")
        for number in range(5):
            name = f"new-{number}"
            call = Call(event_id=name, ts=time.time() - 1, service=name, model="m", latency_ms=900.0)
            fill(store, Traffic([call], [], []), GROUPINGS)
            began = time.perf_counter()
            page.locator("td", has_text=name).first.wait_for()
            took.append((time.perf_counter() - began) * 1e3)
    return statistics.median(took)


if __name__ == "__main__":
    main()
