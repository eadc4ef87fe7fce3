"""Detect's engine by itself, without a broker: `python -m tests.bench.detect_engine [--series 10000]`.

Rows of one grouping set (model@10s), in batches of 500 as rollup encodes them, the default rules and one that looks
back 24 h, one source that commits once a window. Each row comes twice, the second time with more events. Of each window
then comes a progress record that ends it, so that every series is judged by all rules. One series of a hundred
(`--failing-every`) fails half of the time. Before that come 24 hours, each as one row a series with the counts of an
hour of such windows; and so many windows that what is kept one by one stays as much.

    rows_per_s      decoded and merged, by CPU time of one core, from then on
    progress_ms     a progress record that ends a window, median; progress_max_ms of the slowest
    idle_ms         a progress record when nothing is due, median, with `known` series that had calls before
    few_ms          one that ends a window in which 100 of those had calls, median; few_max_ms of the slowest after the
                    first minute: once a minute detectors learn of all series with calls in their lookback, so those
                    are due too. All three for each number of `--known`
    peak_rss_mb     of the process
    snapshot_mb     all pieces of a snapshot; snapshot_ms: what it takes to save what a window has changed
    start_s         putting the engine back from the pieces, by wall clock, without reading them from the broker
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
from callgauge_streams.detect.engine_snapshot import Saver, put_back, read_manifest
from callgauge_streams.detect.rings import rings_of
from callgauge_streams.detect.warm_up import warm_up
from callgauge_windows.grouping import parse_groupings, series_id
from callgauge_windows.row_batch import COUNTS, MEASURE_PARTS, Buckets, RowBatch, Texts
from callgauge_windows.row_batch_wire import decode_rows
from callgauge_windows.row_batch_writing import encode_rows
from tests.bench.process import peak_mb
from tests.bench.report import report

GROUPING, WINDOW_MS = "model@10s", 10_000
SOURCE, BATCH = "cluster/topic/0", 500
FIRST = 1_700_000_000_000 // WINDOW_MS
MEASURES = ("latency", "ttft", "cost", "output_tokens")
#: What a call has of each in the mean, in the units of rows; it wavers by a tenth, so only what fails is unusual.
_USUAL = {"latency": 2_000_000, "ttft": 300_000, "cost": 4_000_000, "output_tokens": 300}
#: Windows of one, and a few more until all detectors were fed.
_A_MINUTE = 10
#: Buckets of 0.1 to 6 s, and beyond every limit of the default rules.
GOOD, SLOW = (530, 720), (880, 900)


def rules_of_models() -> list[BoundRule]:
    """The default rules that judge the measured grouping set."""
    return [
        rule
        for rule in bind(load_rules(None), parse_groupings(load_settings().groupings))
        if rule.grouping.name == GROUPING
    ]


def rules_of_a_day(percentile: bool) -> list[BoundRule]:
    """Rules that look back 24 h: of a share, and if so asked of a percentile, for which histograms are kept."""
    given: dict[str, Any] = {"by": ["model"], "lookback": "24h"}
    aggregates: dict[str, Any] = {"error_rate": "50%"} | ({"latency_p95_ms": 30_000} if percentile else {})
    rules = [Rule.model_validate(given | {"name": n, "aggregate": n, "value": v}) for n, v in aggregates.items()]
    return bind(rules, parse_groupings(GROUPING))


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

    def hour(self, window: int) -> Iterator[bytes]:
        """Rows that begin with a window, with as many events as an hour of windows has."""
        for begin in range(0, len(self.ids), BATCH):
            which = np.arange(begin, min(begin + BATCH, len(self.ids)))
            yield encode_rows(self._batch(which, window, 13 * (GOOD[1] - GOOD[0]), whole=True))

    def _batch(self, which: Any, window: int, events: int, *, whole: bool = False) -> RowBatch:
        n, random = len(which), self._rng
        bad = (which % self._failing_every == 0) & (window % 40 >= 20)
        lines: dict[str, Any] = {"window_start_ms": np.full(n, (FIRST + window) * WINDOW_MS), "n": np.full(n, events)}
        lines |= {name: (random.random(n) < 0.005).astype(int) for name in COUNTS[1:]}
        lines |= {"label.model": np.arange(n), "error.timeout": np.where(bad, events, random.random(n) < 0.02)}
        buckets = {}
        for name in MEASURES:
            usual = {part: random.normal(_USUAL[name], 0.1 * _USUAL[name] / events**0.5, n) for part in MEASURE_PARTS}
            lines |= {f"{name}.{part}": each.astype(np.int64) for part, each in usual.items()}
            lines[f"{name}.sum"] = (usual["sum"] * events).astype(np.int64)
            lines |= {f"{name}.scale": np.full(n, 5), f"{name}.zero_count": np.zeros(n, dtype=np.int64)}
            lines |= {f"{name}.count": np.full(n, events), f"{name}.max_event": np.arange(1, n + 1)}
            if whole:
                keys = np.tile(np.arange(*GOOD), n)
                buckets[name] = Buckets(np.arange(n + 1) * (GOOD[1] - GOOD[0]), keys, np.full(len(keys), 13))
                continue
            drawn = np.where(bad[:, None], random.integers(*SLOW, (n, events)), random.integers(*GOOD, (n, events)))
            at, keys = np.arange(n + 1) * events, np.sort(drawn, axis=1).reshape(-1)
            buckets[name] = Buckets(at, keys, np.ones(events * n, dtype=np.int64))
        return RowBatch(
            GROUPING, WINDOW_MS, SOURCE, window << 16, "e", self.ids[which], tuple(lines),
            np.array(list(lines.values()), dtype=np.int64), {"model": [f"m{at}" for at in which.tolist()]},
            Texts.of(f"{window:08x}-0000-7000-8000-{at:012x}" for at in which.tolist()), buckets,
        )  # fmt: skip


def progress(window: int) -> Any:
    """The record that ends a window, after which its block is committed."""
    told = SourceProgress(
        source=SOURCE, block=window << 16, next_offset=1, watermark_ms=(FIRST + window + 1) * WINDOW_MS, idle=False,
        committed=(window << 16) + 1,
    )  # fmt: skip
    return Progress(worker="w", at_ms=0, sources=[told])


def engine_of(rules: list[BoundRule]) -> Engine:
    return Engine(rules, source_timeout_ms=60_000, live_from=0, log="c/w/0", series_cap=10**9)


class Measured:
    """An engine, and what its records took."""

    def __init__(self, rules: list[BoundRule]) -> None:
        self._engine = engine_of(rules)
        self.saver = Saver(self._engine, "c/w/0", "shape", 0)
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


def measure_merging(series: int, failing_every: int, windows: int, percentile: bool) -> dict[str, Any]:
    """Rows and progress of so many windows, after a day."""
    rules = [*rules_of_models(), *rules_of_a_day(percentile)]
    stream, engine = Stream(series, failing_every), Measured(rules)
    rows_s, progress_s = [], []
    for hour in range(24):
        for each in stream.hour(hour * 360):
            engine.take(each, hour * 360)
        engine.take(progress(hour * 360 + 359), hour * 360 + 359)
    first = 24 * 360
    counted_from = rings_of(rules, WINDOW_MS)[0].after_ms // WINDOW_MS + 7
    for window in range(first, first + counted_from + windows):
        rows_s.append(sum(engine.take(each, window) for events in (3, 7) for each in stream.messages(window, events)))
        progress_s.append(engine.take(progress(window), window))
    rows_s, progress_s = rows_s[counted_from:], progress_s[counted_from:]
    found = {
        "rows_per_s": 2 * series * len(rows_s) / sum(rows_s),
        "progress_ms": statistics.median(progress_s) * 1e3,
        "progress_max_ms": max(progress_s) * 1e3,
        "alerts": engine.alerts,
    }
    return found | measure_snapshot(engine, stream, first + counted_from + windows, rules)


def measure_snapshot(engine: Measured, stream: Stream, window: int, rules: list[BoundRule]) -> dict[str, Any]:
    """Save all of it, then what one window has changed; put it back."""
    peak = peak_mb(os.getpid())  # a worker sends the pieces one by one; here they are kept
    pieces = dict(engine.saver.pieces())
    engine.saver.finish(1)
    for message in stream.messages(window):
        engine.take(message, window)
    engine.take(progress(window), window)
    began = time.process_time()
    changed = dict(engine.saver.pieces())
    manifest = read_manifest(engine.saver.finish(2)[0])
    snapshot_ms = (time.process_time() - began) * 1e3
    changed_mb = sum(map(len, changed.values())) / 1e6
    pieces |= changed
    if manifest is None:
        raise RuntimeError("the manifest that was just made cannot be read")
    began = time.perf_counter()
    put_back(engine_of(rules), manifest, pieces)
    return {
        "peak_rss_mb": peak,
        "start_s": time.perf_counter() - began,
        "snapshot_mb": sum(len(pieces[key]) for key in manifest.keys) / 1e6,
        "changed_mb": changed_mb,
        "snapshot_ms": snapshot_ms,
    }


def measure_quiet(known: int) -> dict[str, Any]:
    """Progress records when little or nothing is due."""
    stream, engine = Stream(known, known), Measured(rules_of_models())
    for message in stream.messages(0):
        engine.take(message, 0)
    engine.take(progress(0), 0)
    idle_s = [engine.take(progress(0), 0) for _ in range(50)]
    stream.ids, few_s = stream.ids[:100], []
    for window in range(1, 25):  # all calls before are still in the lookback
        for message in stream.messages(window):
            engine.take(message, window)
        few_s.append(engine.take(progress(window), window))
    return {
        "known": known,
        "idle_ms": statistics.median(idle_s) * 1e3,
        "few_ms": statistics.median(few_s) * 1e3,
        "few_max_ms": max(few_s[_A_MINUTE:]) * 1e3,
    }


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
    parser.add_argument("--percentile", action="store_true", help="a percentile over 24 h too")
    known = (1_000, 10_000, 40_000, 100_000)
    parser.add_argument("--known", type=int, nargs="+", default=known, help="series that are known when nothing is due")
    options = parser.parse_args()
    warm_up()
    found = measure_merging(options.series, options.failing_every, options.windows, options.percentile)
    row = {
        "series": options.series,
        "failing_every": options.failing_every,
        "lookback_h": 24.0,
        **found,
        "learned_ms": measure_learned(options.series, 2 * options.windows),
    }
    summary = {name: float(row[name]) for name in ("rows_per_s", "peak_rss_mb", "start_s", "series", "lookback_h")}
    report(
        "detect_engine",
        [row],
        summary=summary,
        title=f"Detect's engine, {options.series:,} series, lookbacks up to 24 h",
        notes="CPU time of one core",
    )
    report(
        "detect_known",
        [measure_quiet(known) for known in options.known],
        title="Detect's engine, of many known series 100 change",
        notes="CPU time of one core",
    )


if __name__ == "__main__":
    main()
