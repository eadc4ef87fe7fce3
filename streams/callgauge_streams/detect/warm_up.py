"""Compile everything that detect compiles before its worker joins its group: once it has, seconds matter.

`python -m callgauge_streams.detect.warm_up` leaves the compiled code on disk; the image is built with it.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

from callgauge.codec import encode
from callgauge.schema import (
    EpochStart,
    Histogram,
    Measure,
    Progress,
    ScoreRow,
    SignedHistogram,
    SourceProgress,
    WindowRow,
)
from callgauge_rules.rules import BoundRule, Rule, bind
from callgauge_streams.detect.engine import Engine
from callgauge_streams.detect.engine_snapshot import Saver, put_back, read_manifest
from callgauge_windows.compiler_pages import leave_compiler
from callgauge_windows.grouping import parse_groupings
from callgauge_windows.messages import decode_windows
from callgauge_windows.row_batch import RowBatch
from callgauge_windows.row_batch_wire import decode_rows
from callgauge_windows.row_batch_writing import encode_rows

__all__ = ["warm_up"]

#: Series: so many that tables grow, and so few that judging them by all rules takes no seconds.
_ENOUGH, _FEW = 600, 8
_HOLDS: tuple[Literal["calls", "scores"], ...] = ("calls", "scores")
#: The detectors that compile something.
_LEARNED = {
    "zscore": {"size": "2", "min_history": "1"},
    "robust_zscore": {"size": "2", "min_history": "1"},
    "novelty": {"memory": "2", "warm_up": "1", "skip": "0"},
}


@cache
def warm_up() -> None:
    """Call every compiled function, with arguments of the types that it will get: rows that grow, are folded, become
    void and are forgotten, and judgements of them all. Once in a process, and in those that are forked of it."""
    fields = {"by": ["model"], "lookback": "30s", "value": 0.5}
    rules = [
        Rule.model_validate({"name": f"rule{at}", "aggregate": name, **fields})
        for at, name in enumerate(("latency_p95_ms", "rate_limit_used", "error_rate", "score.warm.p05"))
    ]
    learned = {"by": ["model"], "lookback": "10s", "aggregate": "latency_p95_ms"}
    for detector, parameters in _LEARNED.items():
        given = {"name": detector, "detector": detector, "parameters": parameters}
        rules.append(Rule.model_validate({**learned, **given}))
    share = {"name": "anytime_rate", "detector": "anytime_rate", "aggregate": "error_rate"}
    rules.append(Rule.model_validate({**learned, **share}))
    # What is kept as minutes, and a rule that holds where nothing came.
    rules += [
        Rule.model_validate(fields | {"name": "long", "aggregate": "latency_p95_ms", "lookback": "20m"}),
        Rule.model_validate(fields | {"name": "absent", "aggregate": "calls", "op": "lt"}),
    ]
    never = Rule.model_validate(fields | {"name": "never", "aggregate": "latency_p95_ms", "value": 1e18})
    for several, series in (([never], _ENOUGH), (rules, _FEW)):
        _live(bind(several, parse_groupings("model@10s")), series)
    leave_compiler()


def _live(bound: list[BoundRule], series: int) -> None:
    engine = Engine(bound, source_timeout_ms=1_000, live_from=0)
    engine.take(0, 0, EpochStart(source="calls", from_offset=0, epoch="e", term=1))
    for window in range(4):
        # Arrays of one row may be of a type of their own.
        for n, rows in ((1, series), (2, series), (3, 1)):
            engine.take(1, 0, decode_rows(encode_rows(_batch(window, n, rows))))
        engine.take(1, 0, decode_windows(encode(_score(window))))
        engine.take(2, 0, _progress((window + 1) * 10_000, committed=window - 1))
    engine.take(3, 0, EpochStart(source="calls", from_offset=0, epoch="f", term=2))
    engine.take(4, 0, _progress(500_000, committed=3))
    _save(engine, bound)
    engine.take(5, 0, _progress(50_000_000, committed=3))


def _save(engine: Engine, bound: list[BoundRule]) -> None:
    """Save it, and put it back."""
    saver = Saver(engine, "", "", 0)
    pieces = dict(saver.pieces())
    manifest = read_manifest(saver.finish(1)[0])
    if manifest is not None:
        put_back(Engine(bound, source_timeout_ms=1_000, live_from=1), manifest, pieces)


def _score(window: int) -> ScoreRow:
    histogram = SignedHistogram(scale=5, buckets={"-1": 1})
    return ScoreRow(
        grouping="model@10s", window_ms=10_000, source="scores", block=window, epoch="e", name="warm", origin="other",
        n=1, series_id=0, window_start_ms=window * 10_000, labels={"model": "0"}, sum=1, sum_sq=1, min=1, max=1,
        min_event_id="e", histogram=histogram,
    )  # fmt: skip


def _batch(window: int, n: int, rows: int, epoch: str = "e") -> RowBatch:
    histogram = Histogram(scale=5, buckets={"900": n})
    latency = Measure(count=n, sum=n, sum_sq=n, min=1, max=9, max_event_id="e", histogram=histogram)
    return RowBatch.of_rows(
        [
            WindowRow(
                grouping="model@10s", window_ms=10_000, source="calls", block=window, epoch=epoch, n=n, series_id=at,
                window_start_ms=window * 10_000, labels={"model": str(at)}, errors={"other": n},
                rate_limit_used_max_ppm=window, measures={"latency": latency},
            )
            for at in range(rows)
        ]
    )  # fmt: skip


def _progress(watermark_ms: int, *, committed: int) -> Progress:
    told = [
        SourceProgress(
            source=holds,
            block=0,
            next_offset=1,
            watermark_ms=watermark_ms,
            idle=False,
            committed=committed,
            holds=holds,
        )
        for holds in _HOLDS
    ]
    return Progress(worker="w", at_ms=0, sources=told)


if __name__ == "__main__":
    warm_up()
