"""How fast the history answers at size, and how that grows: `python -m tests.bench.history [--calls 100000000]`.

Calls of 30 days over 10,000 series are made inside an embedded store (`made_history.py`), and at several sizes each
question is asked from the tiers and, where there is such an answer, from the calls themselves. Writes
build/bench/history.json and history.png.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from callgauge_history.migrate import migrate
from callgauge_history.questions import source
from callgauge_history.questions import usage as usage_question
from callgauge_history.questions.period import Period
from callgauge_history.questions.series import series
from callgauge_history.questions.summary import summary, summary_by
from callgauge_history.questions.top import top
from callgauge_history.questions.trace import trace
from callgauge_history.questions.usage import usage
from callgauge_history.store import Ask, Store, open_store
from tests.bench.disk import bytes_per_call, store_real_calls
from tests.bench.made_history import DAY_MS, START_MS, add_days, prepare
from tests.bench.report import FOLDER, percentile, report

__all__ = ["main"]

Question = Callable[[Ask, Period], Any]

#: What a dashboard asks of its period, over 10,000 series. Those of calls alone have no faster answer to compare with.
FROM_TIERS: dict[str, Question] = {
    "dashboard": lambda ask, p: summary(ask, p),
    "latency by model and day": lambda ask, p: series(ask, p, "latency_p95_ms", DAY_MS, ["model"]),
    "cost of one service by hour": lambda ask, p: series(ask, p, "cost_usd", 3_600_000, where={"service": "service-7"}),
    "100 busiest of 10,000 series": lambda ask, p: summary_by(
        ask, p, ["service", "feature", "provider", "model"], limit=100
    ),
}


def main() -> None:
    """Make, ask, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=2_000_000)
    parser.add_argument("--series", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--most-seconds", type=float, default=900.0, help="make no more calls after so long")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="callgauge-history-"))
    try:
        _run(options, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(options: argparse.Namespace, folder: Path) -> None:
    store = open_store(f"chdb://{folder}")
    migrate(store)
    store_real_calls(store)
    real_bytes = bytes_per_call(store)
    store.command("TRUNCATE TABLE calls")
    prepare(store)
    marks = sorted({max(1, round(options.days * share)) for share in (0.1, 0.33, 1.0)})
    began, made, rows = time.monotonic(), 0, []
    for day in range(options.days):
        add_days(store, day, day + 1, options.calls // options.days, options.series)
        made = day + 1
        is_late = time.monotonic() - began > options.most_seconds
        if made in marks or is_late:
            print(f"{made} days made in {time.monotonic() - began:.0f} s", flush=True)
            rows += _ask_all(store, made, options.repeat, with_raw=True)
        if is_late:
            break
    _write(store, rows, real_bytes)
    store.close()


def _ask_all(store: Store, days: int, repeat: int, *, with_raw: bool) -> list[dict[str, Any]]:
    period = Period(START_MS, START_MS + days * DAY_MS)
    [[calls]] = store.query("SELECT count() FROM calls").rows
    last_day = f"event_time >= fromUnixTimestamp64Milli({period.end_ms - DAY_MS})"
    [[trace_id, user_id]] = store.query(f"SELECT trace_id, user_id FROM calls WHERE {last_day} LIMIT 1").rows
    questions = FROM_TIERS | {
        "a user's month": lambda ask, p: usage(ask, p, ["model"], {"user_id": user_id}),
        "10 dearest users": lambda ask, p: top(ask, p, "user_id"),
        "trace by id": lambda ask, _: trace(ask, trace_id),
    }
    found = []
    for name, question in questions.items():
        times, cpu_ms = _times(store, question, period, repeat)
        row = {
            "query": name, "days": days, "calls": int(calls), "cpu_ms": cpu_ms,
            "p50_ms": statistics.median(times), "p95_ms": percentile(sorted(times), 0.95),
        }  # fmt: skip
        if with_raw and name in (*FROM_TIERS, "a user's month", "10 dearest users"):
            with _from_calls():
                [raw_ms], raw_cpu_ms = _times(store, question, period, 1)
            row |= {"raw_ms": raw_ms, "raw_cpu_ms": raw_cpu_ms, "speedup_over_raw": raw_ms / row["p50_ms"]}
        print(row, flush=True)
        found.append(row)
    return found


def _times(store: Store, question: Question, period: Period, repeat: int) -> tuple[list[float], float]:
    """Milliseconds of each of some runs, and of processor time the median of all; the first, which reads files, is
    left out if there are more."""
    times, cpu = [], []
    for _ in range(repeat + (repeat > 1)):
        began, cpu_began = time.perf_counter(), time.process_time()
        answer = question(store.query, period)
        cpu.append((time.process_time() - cpu_began) * 1e3)
        times.append((time.perf_counter() - began) * 1e3)
        assert answer
    skipped = 1 if repeat > 1 else 0
    return times[skipped:], statistics.median(cpu[skipped:])


@contextmanager
def _from_calls() -> Iterator[None]:
    """As if there were neither windows nor usage."""
    with (
        patch.object(source, "_complete", lambda *_: ""),
        patch.object(usage_question, "usage_coverage", lambda _: []),
    ):
        yield


def _write(store: Store, rows: list[dict[str, Any]], real_bytes: float) -> None:
    days = max(row["days"] for row in rows)
    last = {row["query"]: row for row in rows if row["days"] == days}
    notes = "times of whole questions, cpu of all threads; raw: the same answer from calls FINAL, asked once"
    path = report("history", rows, title=f"The history at {max(r['calls'] for r in rows):,} calls", notes=notes)
    told = json.loads(path.read_text()) | {
        "calls_stored": max(row["calls"] for row in rows),
        "bytes_per_call": real_bytes,
        "bytes_per_made_call": bytes_per_call(store),
        "queries": {
            name: {key: row.get(key) for key in ("p50_ms", "p95_ms", "cpu_ms", "speedup_over_raw")}
            for name, row in last.items()
        },
    }
    path.write_text(json.dumps(told, indent=2))
    _draw(rows)


def _draw(rows: list[dict[str, Any]]) -> None:
    """Time of each question over the calls stored; dashed: from the calls themselves."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 6), layout="constrained")
    axes = figure.add_subplot()
    for name in dict.fromkeys(row["query"] for row in rows):
        points = [row for row in rows if row["query"] == name]
        [line] = axes.plot([p["calls"] for p in points], [p["p95_ms"] for p in points], marker="o", label=name)
        if "raw_ms" in points[0]:
            raw = [p["raw_ms"] for p in points]
            axes.plot([p["calls"] for p in points], raw, ":", color=line.get_color())
    axes.axhline(200, color="grey", linewidth=0.8)
    axes.set(xscale="log", yscale="log", xlabel="calls stored", ylabel="ms (p95); dotted: from the calls")
    axes.legend(fontsize="small")
    FOLDER.mkdir(parents=True, exist_ok=True)
    figure.savefig(FOLDER / "history.png", dpi=120)


if __name__ == "__main__":
    main()
