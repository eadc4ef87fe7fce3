"""Counters made of windows: exact over rows that grow, come again and come late, and never falling."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import numpy as np
import pytest
from prometheus_client.core import HistogramMetricFamily

from callgauge.errors import StoreError
from callgauge.groupings import parse_groupings
from callgauge.schema import EpochStart, WindowRow
from callgauge.settings import load_settings
from callgauge_history.prometheus.collector import ProductCollector, grouping_for
from callgauge_history.prometheus.families import families
from callgauge_history.prometheus.running import OTHER, Running
from callgauge_history.store import QueryResult, Store
from tests.unit.sinks.history.test_replacing import insert
from tests.unit.sinks.windows import window_row

(GROUPING,) = parse_groupings("service,model@60s")
LABELS = ("service", "model")
START_MS = 1_700_000_040_000  # a whole minute
WINDOW_MS = 60_000


class Clock:
    """Seconds that a test moves."""

    def __init__(self, at_ms: int) -> None:
        self.s = at_ms / 1e3

    def __call__(self) -> float:
        return self.s


def row(service: str, window: int, latencies_ms: list[float], *, block: int = 0, **changes: Any) -> WindowRow:
    """A row of the window that starts so many minutes after the start."""
    known: dict[str, Any] = {
        "grouping": GROUPING.name, "window_ms": WINDOW_MS, "window_start_ms": START_MS + window * WINDOW_MS,
        "labels": {"service": service, "model": "m"}, "series_id": sum(map(ord, service)), "block": block,
    }  # fmt: skip
    return window_row(latencies_ms, **known | changes)


def calls(running: Running) -> dict[str, int]:
    return {values[0]: total.counts["n"] for values, total in running.read().items()}


def test_counters_equal_what_was_stored(store: Store) -> None:
    """Over an hour of rows in any order, of which some grow and come again, read at random moments."""
    rng = random.Random(7)
    clock = Clock(START_MS)
    running = Running(store.query, GROUPING, LABELS, now=clock)
    expected: Counter[str] = Counter()
    last: Counter[str] = Counter()
    for minute in range(60):
        clock.s = (START_MS + minute * WINDOW_MS) / 1e3
        # of this minute, or of one of the nine before it: those may still grow
        windows = {service: minute - rng.randrange(10) for service in ("chat", "search")}
        grown = {service: sorted(rng.sample(range(1, 9), 2)) for service in windows}
        for at in (0, 1, 1, 0):
            rows = (row(each, windows[each], [5.0] * grown[each][at], block=64 * minute) for each in windows)
            insert(store, *rows)
        expected.update({service: largest for service, (_, largest) in grown.items()})
        if rng.random() < 0.4:
            now = Counter(calls(running))
            assert now == expected
            assert all(now[service] >= last[service] for service in last)
            last = now
    assert sum(expected.values()) > 400
    assert calls(running) == expected


def test_void_rows_are_not_counted(store: Store) -> None:
    """Of two epochs, the one in force counts."""
    insert(
        store,
        row("chat", 0, [5.0] * 3, epoch="old"),
        row("chat", 0, [5.0] * 4, epoch="new"),
        EpochStart(source="c/t/0", from_offset=0, epoch="new", term=2),
    )
    assert calls(Running(store.query, GROUPING, LABELS, now=Clock(START_MS))) == {"chat": 4}


def test_a_call_beyond_ten_minutes_is_left_to_clickhouse(store: Store) -> None:
    """Its window was added up for good."""
    clock = Clock(START_MS)
    running = Running(store.query, GROUPING, LABELS, now=clock)
    insert(store, row("chat", 0, [5.0]))
    assert calls(running) == {"chat": 1}
    clock.s += 1_200
    assert calls(running) == {"chat": 1}
    insert(store, row("chat", 0, [5.0] * 2, block=64))
    assert calls(running) == {"chat": 1}


def test_label_sets_beyond_the_cap_are_counted_together(store: Store) -> None:
    """Under __other__, and nothing is lost; those that were first keep their own."""
    running = Running(store.query, GROUPING, LABELS, most_series=3, now=Clock(START_MS))
    insert(store, *(row(f"s{i}", 0, [5.0] * (i + 1)) for i in range(3)))
    running.read()
    insert(store, *(row(f"a{i}", 0, [5.0] * 10) for i in range(5)))
    assert calls(running) == {"s0": 1, "s1": 2, "s2": 3, OTHER: 50}
    assert len(running.folded) == 5


@pytest.mark.parametrize("scale", [3, 5])
def test_buckets_count_values_up_to_their_bound(store: Store, scale: int) -> None:
    """As NumPy counts them, within what the histogram cannot tell."""
    rng = np.random.default_rng(3)
    latencies = np.exp(rng.normal(6.5, 1.5, 500)).tolist()
    insert(store, row("chat", 0, latencies, scale=scale))
    totals = Running(store.query, GROUPING, LABELS, now=Clock(START_MS)).read()
    (family,) = [f for f in families(totals, LABELS) if f.name == "gen_ai_client_operation_duration_seconds"]
    assert isinstance(family, HistogramMetricFamily)
    error = 2.0 ** (2.0**-scale / 2)  # half a bucket
    values = np.array(latencies) / 1e3
    by_bound = {s.labels["le"]: s.value for s in family.samples if s.name.endswith("_bucket")}
    assert (len(by_bound), by_bound["+Inf"]) == (15, 500)
    for le, count in by_bound.items():
        bound = float(le)
        assert (values * error < bound * 0.999_99).sum() <= count <= (values / error <= bound * 1.000_01).sum()
    (total,) = [s.value for s in family.samples if s.name.endswith("_sum")]
    assert total == pytest.approx(values.sum(), rel=1e-6)


def test_while_the_store_is_away_the_counters_stay(store: Store) -> None:
    """A gap in the graph would look like a fall of traffic."""
    away = False

    def ask(sql: str) -> QueryResult:
        if away:
            raise StoreError("refused")
        return store.query(sql)

    insert(store, row("chat", 0, [5.0] * 6, errors={"timeout": 2}))
    clock = Clock(0)
    settings = load_settings(groupings="@10s model@10s service,model@60s service,feature,model@60s")
    collector = ProductCollector(ask, settings, clock, now=Clock(START_MS))
    first = {sample.name: sample.value for family in collector.collect() for sample in family.samples}
    assert (first["callgauge_metrics_up"], first["callgauge_calls_total"]) == (1, 6)
    assert first["callgauge_errors_total"] == 2
    away = True
    clock.s += 60
    second = {sample.name: sample.value for family in collector.collect() for sample in family.samples}
    assert second == first | {"callgauge_metrics_up": 0}


def test_the_grouping_set_with_the_fewest_labels_is_read() -> None:
    """Of those by service and model; without one there are no metrics of calls."""
    assert (
        str(grouping_for(load_settings(groupings="@10s service,feature,model@60s model,service@60s"))).count(",") == 2
    )
    assert grouping_for(load_settings(groupings="@10s service@10s model@10s")) is None
    collector = ProductCollector(lambda _: QueryResult([], []), load_settings(groupings="@10s"))
    assert [family.name for family in collector.collect()] == ["callgauge_metrics_up"]
