"""Duplicates against a dictionary that remembers everything, in any cut, across growth and forgetting."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge_streams.rollup.source.duplicates import NEW, OTHER_CONTENT, SAME_CONTENT, SeenIds


@dataclass(frozen=True)
class Event:
    """What is remembered of an event."""

    event_id: str
    content: int = 0


Record = tuple[int, int, Event]


def records_of(rng: random.Random, count: int, ids: int) -> list[Record]:
    """Offsets with holes, append times that stand still, run and jump; ids that come again."""
    records: list[Record] = []
    offset, now_ms = rng.randrange(1_000), 1_700_000_000_000
    for _ in range(count):
        offset += rng.choice((1, 1, 1, 7))
        now_ms += rng.choice((0, 0, 1, 10, 400))
        records.append((offset, now_ms, Event(f"id-{rng.randrange(ids)}", rng.choice((0, 0, 1)))))
    return records


def expected(records: list[Record], within_offsets: int, within_ms: int) -> list[int]:
    """The definition, word for word."""
    latest: dict[str, tuple[int, int, int]] = {}
    found = []
    for offset, timestamp_ms, event in records:
        before = latest.get(event.event_id)
        near = before is not None and offset - before[0] <= within_offsets and timestamp_ms - before[1] <= within_ms
        same = before is not None and before[2] == event.content
        found.append((SAME_CONTENT if same else OTHER_CONTENT) if near else NEW)
        latest[event.event_id] = offset, timestamp_ms, event.content
    return found


def marked(records: list[Record], seen: SeenIds, sizes: list[int]) -> list[int]:
    """What `seen` says when the records come in batches of these sizes, again and again."""
    found: list[int] = []
    at = turn = 0
    while at < len(records):
        batch = records[at : at + sizes[turn % len(sizes)]]
        offsets, timestamps = np.array([r[0] for r in batch]), np.array([r[1] for r in batch])
        ids, contents = (
            np.array(each) for each in zip(*[(hash(r[2].event_id), r[2].content) for r in batch], strict=True)
        )
        found += seen.mark(offsets, timestamps, ids, contents).tolist()
        at, turn = at + len(batch), turn + 1
    return found


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    ids=st.sampled_from((3, 50, 2_000)),
    horizon=st.sampled_from(((10, 1_000), (200, 100_000), (100_000, 500), (1, 10**9))),
    sizes=st.lists(st.integers(1, 90), min_size=1, max_size=5),
)
def test_as_the_definition_says_in_any_cut(seed: int, ids: int, horizon: tuple[int, int], sizes: list[int]) -> None:
    records = records_of(random.Random(seed), 600, ids)
    assert marked(records, SeenIds(*horizon), sizes) == expected(records, *horizon)


def test_the_table_forgets_what_lies_behind_the_horizon_and_nothing_else() -> None:
    """200,000 ids through a horizon of 5,000 offsets: memory stays small, every duplicate is found."""
    rng = random.Random(3)
    records: list[Record] = []
    for offset in range(200_000):
        event = Event(f"id-{offset - rng.randrange(1, 9_000)}") if rng.random() < 0.1 else Event(f"id-{offset}")
        records.append((offset, 1_700_000_000_000 + offset, event))
    seen = SeenIds(5_000, 60_000)
    found = marked(records, seen, [2_000])
    assert found == expected(records, 5_000, 60_000)
    assert np.count_nonzero(found) > 5_000
    assert len(seen._slots) <= 1 << 15


def test_a_reader_that_starts_at_the_horizon_finds_the_same() -> None:
    """A worker that takes over in the middle, with the horizon before it read again, marks as the one before did."""
    records = records_of(random.Random(4), 4_000, 700)
    horizon = (300, 20_000)
    whole = expected(records, *horizon)
    for start in (1, 500, 3_999):
        first = records[start][0]
        before = [r for r in records[:start] if r[0] >= first - horizon[0]]
        seen = SeenIds(*horizon)
        marked(before, seen, [64])
        assert marked(records[start:], seen, [100]) == whole[start:]


def test_switched_off() -> None:
    assert not any(marked([(1, 1, Event("a")), (2, 1, Event("a"))], SeenIds(0, 60_000), [2]))


@pytest.mark.parametrize(("gap", "pause_ms", "duplicate"), [(5, 0, 1), (6, 0, 0), (1, 9, 1), (1, 10, 0)])
def test_both_bounds_are_inclusive(gap: int, pause_ms: int, duplicate: int) -> None:
    records = [(100, 1_000, Event("a")), (100 + gap, 1_000 + pause_ms, Event("a"))]
    assert marked(records, SeenIds(5, 9), [1]) == [NEW, duplicate]
