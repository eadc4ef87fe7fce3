"""Entries of evidence hold what was put into them, to the last event, in few bytes."""

from __future__ import annotations

import uuid
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge_streams.detect.evidence import Evidence
from callgauge_streams.detect.evidence_numbers import next_count, read_number, write_count, write_number
from callgauge_windows.row_batch import Buckets, RowBatch, Texts

IDS = st.uuids().map(str) | st.text(max_size=64) | st.just(str(uuid.UUID(int=7)).upper())
COUNTS = st.dictionaries(st.integers(-32_000, 32_000), st.integers(1, 1 << 40), max_size=8)
ENTRIES = st.lists(st.tuples(st.integers(0, 1 << 53), IDS, st.integers(0, 1 << 40), COUNTS), min_size=1, max_size=5)


def batch_of(entries: list[tuple[int, str, int, dict[int, int]]]) -> RowBatch:
    n = len(entries)
    flat = [pair for *_, counts in entries for pair in sorted(counts.items())]
    at = np.cumsum([0, *(len(counts) for *_, counts in entries)], dtype=np.int64)
    buckets = Buckets(at, *np.array(flat, dtype=np.int64).reshape(-1, 2).T)
    lines = {
        "window_start_ms": [0] * n, "n": [1] * n, "cost.count": [1] * n, "cost.max": [each[0] for each in entries],
        "cost.max_event": range(1, n + 1), "cost.zero_count": [each[2] for each in entries],
    }  # fmt: skip
    numbers = np.array([list(line) for line in lines.values()], dtype=np.int64)
    texts = Texts.of(each[1] for each in entries)
    ids = np.arange(n, dtype=np.uint64)
    return RowBatch("model@10s", 10_000, "s", 0, "e", ids, tuple(lines), numbers, {}, texts, {"cost": buckets})


@settings(max_examples=60, deadline=None)
@given(entries=ENTRIES)
def test_entries_add_up_to_what_was_put_in(entries: list[tuple[int, str, int, dict[int, int]]]) -> None:
    """Of any ids, of which the smallest of the largest value is told; of any counts, none of which is rounded."""
    evidence, rows = Evidence("cost", histogram=True), np.arange(len(entries))
    evidence.put(rows, batch_of(entries), rows)
    for row, (most, event_id, zeros, counts) in enumerate(entries):
        (held,) = evidence.of([row], 0)
        assert (held.max, held.max_event_id, held.zero_count, held.buckets) == (most, event_id, zeros, counts)
    none = rows[:0]
    whole, events = evidence.total(rows, none), sorted((-most, event_id) for most, event_id, _, _ in entries)
    assert evidence.largest(rows, none, 3) == tuple(dict.fromkeys(event_id for _, event_id in events if event_id))[:3]
    evidence.fold(rows, np.zeros(len(rows), dtype=np.int64))
    (held,) = evidence.of([], 0)
    for each in (whole, evidence.total(none, np.array([0]))):
        assert (each.max, each.max_event_id, each.zero_count, each.buckets) == (
            held.max,
            held.max_event_id,
            held.zero_count,
            held.buckets,
        )
    assert (whole.count, evidence.total(none, none).count) == (len(entries), 0)
    worst = min((-most, event_id.encode()) for most, event_id, _, _ in entries)
    assert (-held.max, held.max_event_id.encode()) == worst
    assert (held.zero_count, held.buckets) == (
        sum(e[2] for e in entries),
        sum((Counter(e[3]) for e in entries), Counter()),
    )


@pytest.mark.parametrize("number", [0, 1, -1, 63, 64, -64, -65, 1 << 40, -(1 << 40), (1 << 62) - 1])
def test_numbers_come_back(number: int) -> None:
    data = np.zeros(12, dtype=np.uint8)
    end = write_number(data, 0, number)
    assert read_number(data, 0) == (end, number)


def test_neighbouring_buckets_of_few_events_take_a_byte_each() -> None:
    data, end = np.zeros(40, dtype=np.uint8), 0
    for count in (1, 14, 3):
        end = write_count(data, end, 1, count)
    assert end == 3
    end = write_count(data, end, 300, 15)
    at, bucket, found = 0, 9, []
    while True:
        at, bucket, count = next_count(data, at, end, bucket)
        if not count:
            break
        found.append((bucket, count))
    assert found == [(10, 1), (11, 14), (12, 3), (312, 15)]
