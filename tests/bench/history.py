"""How fast the history answers at size, and how that grows: `python -m tests.bench.history [--calls 100000000]`.

Calls of 30 days over 10,000 series are made inside an embedded store (`made_history.py`), and of its first days, its
first ten and all of it each question is asked from the tiers and, where there is such an answer, from the calls
themselves. Writes build/bench/history.json and history.png. What was made can be kept, made further after an
interruption by the same command, and asked again, as when the machine is quiet:

    python -m tests.bench.history --calls 100000000 --store /data/made --only-make
    python -m tests.bench.history --store /data/made
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
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from callgauge.errors import StoreError
from callgauge_history.migrate import migrate
from callgauge_history.questions import source
from callgauge_history.questions import usage as usage_question
from callgauge_history.questions.period import Period
from callgauge_history.questions.series import series
from callgauge_history.questions.source import between
from callgauge_history.questions.summary import summary, summary_by
from callgauge_history.questions.top import top
from callgauge_history.questions.trace import trace
from callgauge_history.questions.usage import usage
from callgauge_history.store import Ask, Store, open_store
from tests.bench.disk import beside, bytes_per_call, store_real_calls
from tests.bench.history_plot import draw
from tests.bench.made_history import DAY_MS, START_MS, add_day, prepare, settle
from tests.bench.report import percentile, report

__all__ = ["main"]

Question = Callable[[Ask, Period], Any]
Row = dict[str, Any]

#: What a dashboard asks of its period, over 10,000 series.
FROM_TIERS: dict[str, Question] = {
    "dashboard": lambda ask, p: summary(ask, p),
    "latency by model and day": lambda ask, p: series(ask, p, "latency_p95_ms", DAY_MS, ["model"]),
    "cost of one service by hour": lambda ask, p: series(ask, p, "cost_usd", 3_600_000, where={"service": "service-7"}),
    "100 busiest of 10,000 series": lambda ask, p: summary_by(
        ask, p, ["service", "feature", "provider", "model"], limit=100
    ),
}
_MADE = "made.json"
#: Of all the days that were made.
_SHARES = (0.1, 0.33, 1.0)


@dataclass
class Made:
    """What a folder holds, and what it is to hold."""

    calls: int
    series: int
    days: int
    done: int = 0
    """Days that are made."""
    real_bytes: float = 0.0
    """Bytes per call of real calls."""


def main() -> None:
    """Make, ask, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=2_000_000)
    parser.add_argument("--series", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--repeat", type=int, default=20)
    parser.add_argument("--most-seconds", type=float, default=900.0, help="begin no more days after so long")
    parser.add_argument("--store", type=Path, help="a folder to make the calls in and keep them; made ones are asked")
    parser.add_argument("--only-make", action="store_true", help="ask nothing")
    options = parser.parse_args()
    folder = options.store or Path(tempfile.mkdtemp(prefix="callgauge-history-"))
    try:
        _run(options, folder)
    finally:
        if options.store is None:
            shutil.rmtree(folder, ignore_errors=True)


def _run(options: argparse.Namespace, folder: Path) -> None:
    path = folder / _MADE
    store = open_store(f"chdb://{folder / 'store'}")
    migrate(store)
    if not path.exists():
        path.write_text(json.dumps(asdict(_begun(store, options))))
    made = Made(**json.loads(path.read_text()))
    if options.only_make or not made.done:
        _make(store, made, path, options.most_seconds)
    if not options.only_make:
        settle(store)
        marks = sorted({max(1, round(made.done * share)) for share in _SHARES})
        rows = [row for days in marks for row in _ask_all(store, days, options.repeat)]
        _write(store, rows, made)
    store.close()


def _begun(store: Store, options: argparse.Namespace) -> Made:
    store_real_calls(store)
    real_bytes = bytes_per_call(store)
    store.command("TRUNCATE TABLE calls")
    store.command("TRUNCATE TABLE trace_days")
    prepare(store)
    return Made(options.calls, options.series, options.days, real_bytes=real_bytes)


def _make(store: Store, made: Made, path: Path, most_s: float) -> None:
    """Make the days that are missing, and note each that is done."""
    began = time.monotonic()
    while made.done < made.days and time.monotonic() - began < most_s:
        cpu = time.process_time()
        add_day(store, made.done, made.calls // made.days, made.series)
        made.done += 1
        path.write_text(json.dumps(asdict(made)))
        passed_s, cpu_s = time.monotonic() - began, time.process_time() - cpu
        print(f"day {made.done} of {made.days}: {cpu_s:.0f} s of CPU; {passed_s:.0f} s in all", flush=True)


def _ask_all(store: Store, days: int, repeat: int) -> list[Row]:
    period = Period(START_MS, START_MS + days * DAY_MS)
    [[calls]] = store.query(
        f"SELECT count() FROM calls WHERE {between(period.start_ms, period.end_ms, 'event_time')}"
    ).rows
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
        if name != "trace by id":
            row |= _raw(store, question, period, row["p50_ms"])
        print(row, flush=True)
        found.append(row)
    return found


def _raw(store: Store, question: Question, period: Period, p50_ms: float) -> Row:
    """The same answer from the calls, once; where the store gives up on it (60 s, 2 GB), it took at least so long."""
    began, given_up = time.perf_counter(), False
    with _from_calls():
        try:
            [raw_ms], raw_cpu_ms = _times(store, question, period, 1)
        except StoreError:
            raw_ms, raw_cpu_ms, given_up = (time.perf_counter() - began) * 1e3, None, True
    row = {"raw_ms": raw_ms, "raw_cpu_ms": raw_cpu_ms, "speedup_over_raw": raw_ms / p50_ms}
    return row | ({"raw_given_up": True} if given_up else {})


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
        patch.object(source, "_complete", lambda *_: None),
        patch.object(usage_question, "usage_coverage", lambda *_, **__: []),
    ):
        yield


def _write(store: Store, rows: list[Row], made: Made) -> None:
    last = {row["query"]: row for row in rows if row["days"] == made.done}
    notes = "times of whole questions, cpu of all threads; raw: the same answer from calls FINAL, asked once"
    path = report("history", rows, title=f"The history at {max(r['calls'] for r in rows):,} calls", notes=notes)
    told = json.loads(path.read_text()) | {
        "calls_stored": max(row["calls"] for row in rows),
        "bytes_per_call": made.real_bytes,
        "bytes_per_made_call": bytes_per_call(store),
        "bytes_per_made_call_beside": beside(store),
        "queries": {
            name: {key: row.get(key) for key in ("p50_ms", "p95_ms", "cpu_ms", "speedup_over_raw")}
            for name, row in last.items()
        },
    }
    path.write_text(json.dumps(told, indent=2))
    draw(rows)


if __name__ == "__main__":
    main()
