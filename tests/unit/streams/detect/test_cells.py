"""Windows as columns hold what the plain windows of before hold, whatever rows, takeovers and folds bring."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any, get_args

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge.counted import MEASURES, OUTCOME_COUNTS, TOKEN_SUMS
from callgauge.schema import ErrorType, Histogram, Measure, WindowRow
from callgauge.structs import struct_of
from callgauge_streams.detect.columns import Columns
from callgauge_streams.detect.merge import Windows
from callgauge_streams.detect.series import Series
from callgauge_windows.row_batch import RowBatch
from callgauge_windows.totals import Totals
from tests.examples import examples
from tests.unit.streams.detect import full_walk_windows as plain
from tests.unit.streams.detect.takeovers import WINDOW_MS, start

GROUPING = "model@10s"
LOOKBACKS_MS = (WINDOW_MS, 3 * WINDOW_MS, 12 * WINDOW_MS)
_Row: Any = struct_of(WindowRow)
_Measure: Any = struct_of(Measure)
_Histogram: Any = struct_of(Histogram)


def random_measure(rng: random.Random) -> Any:
    """Counts that need several words, equal largest values, ids of all lengths."""
    buckets = {str(rng.randrange(-1, 12)): rng.choice((1, 2, 70_000, 200_000)) for _ in range(rng.randrange(4))}
    zeros = rng.choice((0, 3, 70_000)) if buckets else 3
    return _Measure(
        count=zeros + sum(buckets.values()), sum=rng.randrange(1 << 50), sum_sq=0, min=0,
        max=rng.choice((0, 7, 8, (1 << 40) + 1)), max_event_id=rng.choice("abcdé") * rng.randrange(10),
        histogram=_Histogram(scale=5, zero_count=zeros, buckets=buckets),
    )  # fmt: skip


def random_row(rng: random.Random, window: int, source: str, block: int, epoch: str) -> Any:
    series = rng.randrange(6)
    names = (*(count.name for count in OUTCOME_COUNTS), *TOKEN_SUMS)
    return _Row(
        grouping=GROUPING, series_id=series if series else (1 << 64) - 1, window_ms=WINDOW_MS, source=source,
        window_start_ms=max(0, window - rng.choice((0, 0, 0, 0, 1, 3, 14))) * WINDOW_MS, block=block, epoch=epoch,
        n=rng.randrange(1, 50), labels={"model": f"m{series}"}, rate_limit_used_max_ppm=rng.choice((0, 5, 9, 700_000)),
        errors={kind: rng.randrange(1, 4) for kind in get_args(ErrorType) if rng.random() < 0.2},
        measures={name: random_measure(rng) for name in MEASURES if rng.random() < 0.6},
        **{name: rng.randrange(5) for name in names},
    )  # fmt: skip


def random_steps(rng: random.Random) -> Iterator[tuple[str, Any]]:
    """Batches of two sources, starts under other epochs, folds, and windows that are forgotten."""
    window, blocks, epochs = 0, {"s0": 0, "s1": 0}, {"s0": "e", "s1": "e"}
    for source in blocks:
        if rng.random() < 0.8:
            yield "start", start(0, "e", 0, source=source)
    for term in range(1, rng.randrange(10, 80)):
        source, chance = rng.choice(("s0", "s1")), rng.random()
        if chance < 0.6:
            block, epoch = max(0, blocks[source] - rng.choice((0, 0, 10))), epochs[source]
            yield "rows", [random_row(rng, window, source, block, epoch) for _ in range(rng.randrange(1, 12))]
        elif chance < 0.75:
            window += rng.choice((1, 1, 1, 2, 20))
        elif chance < 0.85:
            blocks[source] += 10
            yield "fold", (source, rng.choice((blocks[source], blocks[source] - 5)))
        elif chance < 0.92:
            epochs[source] = rng.choice("efg")
            yield "start", start(blocks[source], epochs[source], term, source=source)
        else:
            yield "forget", max(0, window - rng.choice((13, 20, 40))) * WINDOW_MS


def comparable(totals: Totals) -> Any:
    """Without what is 0; errors of all types count by type."""
    return +totals.counts, +totals.errors, totals.rate_limit_used_ppm, totals.measures


def whole(series: Series | plain.Series) -> dict[int, Any]:
    """Each of its windows."""
    return {
        at: comparable(series.totals(at, at + WINDOW_MS))
        for at in series.windows
    }  # fmt: skip


def test_random_rows_are_not_alike() -> None:
    """The law below is not about nothing: rows are replaced, void, folded and forgotten."""
    kinds = Counter(kind for seed in range(30) for kind, _ in random_steps(random.Random(seed)))
    assert min(kinds[kind] for kind in ("rows", "fold", "start", "forget")) > 50


@settings(max_examples=examples(50, long=300), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_columns_hold_what_plain_windows_hold(seed: int) -> None:
    """The same rows change something, the same windows become void or are forgotten, and all sums are the same: of
    each window, and over lookbacks that slide forward and are asked for at earlier ends."""
    rng = random.Random(seed)
    windows, expected = Windows(lookbacks_ms={GROUPING: LOOKBACKS_MS}), plain.Windows(frozenset(MEASURES))
    for kind, what in random_steps(rng):
        match kind:
            case "rows":
                changed = [row for row in what if expected.put(row) is not None]
                found = windows.put(RowBatch.of_rows(what))
                labels = [found.kept.series[slot].labels for slot in found.slots.tolist()] if found else []
                assert labels == [row.labels for row in changed]
                assert (found.starts_ms.tolist() if found else []) == [row.window_start_ms for row in changed]
            case "start":
                lost = [(series.labels, at) for series, at in expected.start(what)]
                assert [(series.labels, at) for series, at in windows.start(what)] == lost
            case "fold":
                expected.fold(*what)
                windows.fold(*what)
            case "forget":
                gone = {series.labels["model"] for series in expected.forget(what, GROUPING)}
                assert {series.labels["model"] for series in windows.forget(what, GROUPING)} == gone
        series = {each.labels["model"]: each for each in windows.of(GROUPING)}
        others = {each.labels["model"]: each for each in expected.of(GROUPING)}
        assert list(series) == list(others)
        if rng.random() < 0.3:
            assert {name: whole(each) for name, each in series.items()} == {n: whole(o) for n, o in others.items()}
        assert_same_sums(rng, list(series.values()), list(others.values()))


def assert_same_sums(rng: random.Random, series: list[Series], others: list[plain.Series]) -> None:
    if not series:
        return
    lookback_ms, cells = rng.choice(LOOKBACKS_MS), series[0].cells
    newest = max(other.last_end_ms() for other in others)
    at_ms = max(WINDOW_MS, newest - rng.choice((-2, -1, 0, 0, 1, 2, 5)) * WINDOW_MS)
    slots = np.array([each.slot for each in series])
    changes = cells.next_change(lookback_ms, at_ms, slots).tolist()
    sums = cells.sums(lookback_ms, at_ms, slots)
    for each, other, change in zip(series, others, changes, strict=True):
        totals = other.totals(at_ms - lookback_ms, at_ms)
        found = dict(zip(cells.columns.names, sums[each.slot].tolist(), strict=True))
        assert found == {name: totals.sum_of(name) for name in cells.columns.names}
        ends = [at + WINDOW_MS for at in other.windows if at >= at_ms - lookback_ms]
        assert change == min([e if e > at_ms else e + lookback_ms for e in ends], default=at_ms + WINDOW_MS)


def test_sums_up_to_a_bucket_are_counted_from_histograms() -> None:
    """Zeros are below every bucket; a measure that a row does not have counts nothing."""
    rng = random.Random(3)
    rows = [random_row(rng, at, "s0", 0, "e") for at in range(50)]
    names = [f"latency.at_most.{bound}" for bound in (-32769, -1, 4, 32767)]
    columns = Columns.of_names(names, {})
    values = dict(zip(columns.names, columns.of(RowBatch.of_rows(rows)).T.tolist(), strict=True))
    for name, bound in zip(names, (-32769, -1, 4, 32767), strict=True):
        assert values[name] == [events_up_to(row.measures.get("latency"), bound) for row in rows]


def events_up_to(measure: Any, bound: int) -> int:
    if measure is None:
        return 0
    histogram = measure.histogram
    return int(histogram.zero_count + sum(n for bucket, n in histogram.buckets.items() if int(bucket) <= bound))
