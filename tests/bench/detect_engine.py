"""Detect's engine by itself, without a broker: `python -m tests.bench.detect_engine [--series 10000]`.

Rows of one grouping set (model@10s), in batches of 500 as rollup encodes them, the default rules, one source that
commits once a window. Each row comes twice, the second time with more events. Of each window then comes a progress
record that ends it, so that every series is judged by six rules. One series of a hundred (`--failing-every`) fails half
of the time. After `history` windows what is kept stays as much.

    rows_per_s      decoded and merged, by CPU time of one core, from then on
    progress_ms     a progress record that ends a window, median; progress_max_ms of the slowest
    idle_ms         a progress record when nothing is due, median, with `known` series that had calls before
    few_ms          one that ends a window in which 100 of those had calls, median; both for each number of `--known`
    learned_ms      one that ends a window, where three detectors learn of every series: two z-scores, one of a
                    percentile, and an EWMA, each fed once a window; median
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from callgauge.schema import EpochStart, Progress, SourceProgress
from callgauge.settings import load_settings
from callgauge_rules.rules import BoundRule, Rule, bind, load_rules
from callgauge_streams.detect.engine import Engine
from callgauge_streams.detect.history_span import history_ms
from callgauge_streams.detect.warm_up import warm_up
from callgauge_windows.grouping import parse_groupings, series_id
from callgauge_windows.row_batch import COUNTS, MEASURE_PARTS, Buckets, RowBatch, Texts
from callgauge_windows.row_batch_wire import decode_rows, encode_rows
from tests.bench.process import peak_mb
from tests.bench.report import report

GROUPING, WINDOW_MS = "model@10s", 10_000
SOURCE, BATCH = "cluster/topic/0", 500
FIRST = 1_700_000_000_000 // WINDOW_MS
MEASURES = ("latency", "ttft", "cost", "output_tokens")
#: Buckets of 0.1 to 6 s, and beyond every limit of the default rules.
GOOD, SLOW = (530, 720), (880, 900)


def rules_of_models() -> list[BoundRule]:
    """The default rules that judge the measured grouping set."""
    return [
        rule
        for rule in bind(load_rules(None), parse_groupings(load_settings().groupings))
        if rule.grouping.name == GROUPING
    ]


class Stream:
    """Makes the rows of `series` series.

    Args:
        failing_every: of so many one fails, in 20 windows of 40.
    """

    def __init__(self, series: int, failing_every: int) -> None:
        (grouping,) = parse_groupings(GROUPING)
        self._rng = np.random.default_rng(1)
        self._failing_every = failing_every
        self.ids = np.array([series_id(grouping, (f"m{at}",)) for at in range(series)], dtype=np.uint64)

    def messages(self, window: int, events: int = 7) -> Iterator[bytes]:
        """The batches of a window's rows, each of so many events."""
        for begin in range(0, len(self.ids), BATCH):
            yield encode_rows(self._batch(np.arange(begin, min(begin + BATCH, len(self.ids))), window, events))

    def _batch(self, which: Any, window: int, events: int) -> RowBatch:
        n, random = len(which), self._rng
        bad = (which % self._failing_every == 0) & (window % 40 >= 20)
        lines: dict[str, Any] = {"window_start_ms": np.full(n, (FIRST + window) * WINDOW_MS), "n": np.full(n, events)}
        lines |= {name: (random.random(n) < 0.005).astype(int) for name in COUNTS[1:]}
        lines |= {"label.model": np.arange(n), "error.timeout": np.where(bad, events, random.random(n) < 0.02)}
        buckets = {}
        for name in MEASURES:
            lines |= {f"{name}.{part}": random.integers(1_000, 9_000_000, n) for part in MEASURE_PARTS}
            lines |= {f"{name}.scale": np.full(n, 5), f"{name}.zero_count": np.zeros(n, dtype=np.int64)}
            lines |= {f"{name}.count": np.full(n, events), f"{name}.max_event": np.arange(1, n + 1)}
            drawn = np.where(bad[:, None], random.integers(*SLOW, (n, events)), random.integers(*GOOD, (n, events)))
            at, keys = np.arange(n + 1) * events, np.sort(drawn, axis=1).reshape(-1)
            buckets[name] = Buckets(at, keys, np.ones(events * n, dtype=np.int64))
        return RowBatch(
            GROUPING, WINDOW_MS, SOURCE, window << 16, "e", self.ids[which], tuple(lines),
            np.array(list(lines.values()), dtype=np.int64), {"model": [f"m{at}" for at in which.tolist()]},
            Texts.of(f"{window:08x}-{at:027x}" for at in which.tolist()), buckets,
        )  # fmt: skip


def progress(window: int) -> Any:
    """The record that ends a window, after which its block is committed."""
    told = SourceProgress(
        source=SOURCE, block=window << 16, next_offset=1, watermark_ms=(FIRST + window + 1) * WINDOW_MS, idle=False,
        committed=(window << 16) + 1,
    )  # fmt: skip
    return Progress(worker="w", at_ms=0, sources=[told])


class Measured:
    """An engine, and what its records took."""

    def __init__(self, rules: list[BoundRule]) -> None:
        self._engine = Engine(rules, source_timeout_ms=60_000, live_from=0, log="c/w/0", series_cap=10**9)
        self._offset = 0
        self.alerts = 0
        self.take(EpochStart(source=SOURCE, from_offset=0, epoch="e", term=1), 0)

    def take(self, record: Any, window: int) -> float:
        """Let it take a record, or a batch that is decoded first; returns the CPU seconds."""
        self._offset += 1
        began = time.process_time()
        decoded = decode_rows(record) if isinstance(record, bytes) else record
        self.alerts += len(self._engine.take(self._offset, (FIRST + window) * WINDOW_MS, decoded))
        return time.process_time() - began


def measure_merging(series: int, failing_every: int, windows: int, counted_from: int) -> dict[str, Any]:
    """Rows and progress of so many windows."""
    stream, engine = Stream(series, failing_every), Measured(rules_of_models())
    rows_s, progress_s = [], []
    for window in range(windows):
        rows_s.append(sum(engine.take(each, window) for events in (3, 7) for each in stream.messages(window, events)))
        progress_s.append(engine.take(progress(window), window))
    rows_s, progress_s = rows_s[counted_from:], progress_s[counted_from:]
    return {
        "rows_per_s": 2 * series * len(rows_s) / sum(rows_s),
        "progress_ms": statistics.median(progress_s) * 1e3,
        "progress_max_ms": max(progress_s) * 1e3,
        "alerts": engine.alerts,
    }


def measure_quiet(known: int) -> dict[str, Any]:
    """Progress records when little or nothing is due."""
    stream, engine = Stream(known, known), Measured(rules_of_models())
    for message in stream.messages(0):
        engine.take(message, 0)
    engine.take(progress(0), 0)
    idle_s = [engine.take(progress(0), 0) for _ in range(50)]
    stream.ids, few_s = stream.ids[:100], []
    for window in range(1, 20):  # all calls before are still in the lookback
        for message in stream.messages(window):
            engine.take(message, window)
        few_s.append(engine.take(progress(window), window))
    return {"known": known, "idle_ms": statistics.median(idle_s) * 1e3, "few_ms": statistics.median(few_s) * 1e3}


def measure_learned(series: int, windows: int) -> float:
    """Progress records that feed detectors, median of the second half, ms."""
    fed = (("zscore", "latency_mean_ms"), ("zscore", "latency_p95_ms"), ("ewma", "cost_usd"))
    given: dict[str, Any] = {"by": ["model"], "lookback": "10s"}
    rules = [
        Rule.model_validate(given | {"name": f"rule{at}", "detector": detector, "aggregate": aggregate})
        for at, (detector, aggregate) in enumerate(fed)
    ]
    stream, engine = Stream(series, series), Measured(bind(rules, parse_groupings(GROUPING)))
    took_s = []
    for window in range(windows):
        for message in stream.messages(window):
            engine.take(message, window)
        took_s.append(engine.take(progress(window), window))
    return statistics.median(took_s[windows // 2 :]) * 1e3


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--series", type=int, default=10_000)
    parser.add_argument("--failing-every", type=int, default=100, help="1: all series")
    parser.add_argument("--windows", type=int, default=30, help="windows that are counted, after the history")
    known = (1_000, 10_000, 40_000, 100_000)
    parser.add_argument("--known", type=int, nargs="+", default=known, help="series that are known when nothing is due")
    options = parser.parse_args()
    warm_up()
    rules = rules_of_models()
    history = history_ms(rules) // WINDOW_MS + 1
    found = measure_merging(options.series, options.failing_every, history + options.windows, history)
    peak = peak_mb(os.getpid())
    row = {
        "series": options.series,
        "failing_every": options.failing_every,
        "lookback_h": max(rule.rule.lookback for rule in rules) / 3_600_000,
        **found,
        "peak_rss_mb": peak,
        "learned_ms": measure_learned(options.series, 2 * options.windows),
    }
    report(
        "detect_engine",
        [row],
        title=f"Detect's engine, {options.series:,} series, {len(rules)} rules",
        notes=f"CPU time of one core; {history} windows of history",
    )
    report(
        "detect_known",
        [measure_quiet(known) for known in options.known],
        title="Detect's engine, of many known series 100 change",
        notes="CPU time of one core",
    )


if __name__ == "__main__":
    main()
