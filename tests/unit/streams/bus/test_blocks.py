"""Blocks partition the log, by a rule that looks at the log alone."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgauge_streams.bus.blocks import BlockCutter, Record, Resumption, resume_after_retention

B = 10
LOGS = st.lists(st.tuples(st.integers(1, 15), st.integers(-70_000, 70_000)), max_size=60).map(
    lambda steps: [(sum(s[0] for s in steps[: i + 1]), 10_000_000 + i * 5_000 + s[1]) for i, s in enumerate(steps)]
)


def blocks_by_definition(log: list[tuple[int, int]]) -> list[int]:
    """The block of each record, by the rule's words."""
    blocks: list[int] = []
    first = (0, 0)
    for offset, timestamp_ms in log:
        if not blocks or offset // B != first[0] // B or timestamp_ms // 60_000 > first[1] // 60_000:
            first = (offset, timestamp_ms)
        blocks.append(first[0])
    return blocks


def cut(log: list[tuple[int, int]], sizes: list[int]) -> list[int]:
    cutter, blocks, at = BlockCutter(B), [], 0
    for size in [*sizes, len(log)]:
        part = log[at : at + size]
        at += len(part)
        covered = 0
        for run in cutter.cut(np.array([o for o, _ in part]), np.array([t for _, t in part])):
            assert run.start == covered < run.end
            covered = run.end
            blocks += [run.block] * (run.end - run.start)
        assert covered == len(part)
    return blocks


@given(LOGS, st.lists(st.integers(1, 9), max_size=30))
def test_however_the_log_is_fetched_it_is_cut_the_same(log: list[tuple[int, int]], sizes: list[int]) -> None:
    assert cut(log, sizes) == blocks_by_definition(log)


@given(LOGS, st.data())
def test_reading_again_from_any_block_start_finds_the_same_blocks(
    log: list[tuple[int, int]], data: st.DataObject
) -> None:
    blocks = blocks_by_definition(log)
    if blocks:
        start = data.draw(st.sampled_from(sorted(set(blocks))))
        rest = [record for record in log if record[0] >= start]
        assert cut(rest, [3]) == blocks[len(log) - len(rest) :]


@dataclass
class Left:
    """What retention has left of a log of (offset, timestamp)."""

    log: list[tuple[int, int]]
    start: int
    end: int
    stamped: bool = True

    def first_from(self, offset: int) -> Record | None:
        at = bisect_left(self.log, (max(offset, self.start),))
        return Record(*self.log[at], self.stamped) if at < len(self.log) else None

    def first_at(self, timestamp_ms: int) -> int | None:
        return next((o for o, t in self.log if o >= self.start and t >= timestamp_ms), None)


def left(picture: str, start: int, *, stamped: bool = True) -> Left:
    """A log drawn as one digit per offset, the record's minute; a blank is a hole."""
    log = [(offset, int(minute) * 60_000) for offset, minute in enumerate(picture) if minute != " "]
    return Left(log, start, len(picture), stamped)


#: B = 10; the committed block begins at 12, in minute 2.
RESUMPTIONS = [
    # 0123456789012345678901234567890123 log start, counted to, note's minute, stamped -> start, lost from
    ("111111111122222222223333333333", 17, -1, -1, True, Resumption(20, 12)),  # the rest of block 12 is skipped
    ("111111111122222222333333333333", 15, -1, -1, True, Resumption(18, 12)),  # ... up to the next minute
    ("111111111122222222222222222233", 23, -1, -1, True, Resumption(28, 12)),  # the rest of block 20 too
    ("111111111122222222222222222222", 23, -1, -1, True, Resumption(30, 12)),  # its end is not there yet
    ("11111111112222222222222", 21, -1, -1, True, Resumption(23, 12)),  # nobody has counted beyond the log's end
    ("1111111111222222222222", 22, -1, -1, True, Resumption(22, 12)),  # all is eaten
    ("111111111122222222222222222222", 20, -1, -1, True, Resumption(20, 12)),  # a block begins just there
    # idle at 15, all counted: nothing is lost
    ("111111111122222333333333", 14, 15, 2, True, Resumption(15)),
    ("1111111111222223333333333", 15, 15, 2, True, Resumption(15)),
    ("111111111122222  3333333333", 15, 15, 2, True, Resumption(17)),  # a transaction's end is a hole
    ("111111111122222", 15, 15, 2, True, Resumption(15)),  # an event an hour: retention ate all, all was counted
    ("111111111122222     333", 14, 20, 2, True, Resumption(20)),
    # a record of the same minute came after that: it may be counted, in the same block
    ("111111111122222233333333", 14, 15, 2, True, Resumption(16, 15)),
    ("1111111111222222222222", 14, 15, 2, True, Resumption(20, 15)),
    # retention has passed what was counted: only the rest is lost
    ("111111111122222233333333444444", 17, 15, 2, True, Resumption(20, 15)),
    ("111111111122222233344444", 17, 15, 2, True, Resumption(19, 15)),
    # producers' clocks: the note alone tells which block a record is of
    ("111111111122221232333333", 17, 15, 2, False, Resumption(18, 15)),
    ("111111111122221232333333", 17, -1, -1, False, Resumption(20, 12)),
    ("1111111111222212323333333", 23, -1, -1, False, Resumption(23, 12)),
    ("111111111122222132333333", 14, 15, 2, False, Resumption(16, 15)),
]  # fmt: skip


@pytest.mark.parametrize(("picture", "start", "counted_to", "minute", "stamped", "expected"), RESUMPTIONS)
def test_where_counting_goes_on(
    picture: str, start: int, counted_to: int, minute: int, stamped: bool, expected: Resumption
) -> None:
    log = left(picture, start, stamped=stamped)
    assert resume_after_retention(12, counted_to, minute, log, B) == expected


@pytest.mark.parametrize(
    ("picture", "start", "counted_to", "minute", "stamped", "expected"),
    [
        ("111111111122222222222233", 17, 15, 2, True, Resumption(22, 15)),
        ("111111111122222222222233", 14, 23, 2, True, Resumption(23)),
        ("111111111122222222222222", 14, 22, 2, True, Resumption(24, 22)),
        ("111111111122221222222223", 17, -1, -1, False, Resumption(23, 12)),
    ],
)
def test_blocks_cut_with_another_b_end_at_minutes_for_certain(
    picture: str, start: int, counted_to: int, minute: int, stamped: bool, expected: Resumption
) -> None:
    log = left(picture, start, stamped=stamped)
    assert resume_after_retention(12, counted_to, minute, log, None) == expected


STAMPED_LOGS = st.lists(st.tuples(st.integers(1, 4), st.sampled_from([0, 0, 5_000, 20_000, 90_000])), max_size=60).map(
    lambda steps: [
        (sum(s[0] for s in steps[: i + 1]), 10_000_000 + sum(s[1] for s in steps[: i + 1])) for i in range(len(steps))
    ]
)


@given(STAMPED_LOGS, st.data())
def test_nothing_is_counted_twice_and_no_loss_is_silent(log: list[tuple[int, int]], data: st.DataObject) -> None:
    """A worker has counted up to somewhere, its commit may lag by blocks, its note by records; then retention."""
    blocks = blocks_by_definition(log)
    if not log:
        return
    committed = data.draw(st.sampled_from(sorted(set(blocks))))
    of_it = [record for record, block in zip(log, blocks, strict=True) if block == committed]
    ends = [offset + 1 for offset, _ in log if offset >= committed]
    reached = data.draw(st.sampled_from([committed, *ends]))
    noted = data.draw(st.sampled_from([-1, *(offset + 1 for offset, _ in of_it if offset < reached)]))
    end = log[-1][0] + 1
    log_start = data.draw(st.integers(committed + 1, max(end, committed + 1)))
    minute = of_it[0][1] // 60_000 if noted >= 0 else -1
    found = resume_after_retention(committed, noted, minute, Left(log, log_start, end), B)

    assert found.start >= log_start
    again = {block for (offset, _), block in zip(log, blocks, strict=True) if offset >= found.start}
    before = {block for (offset, _), block in zip(log, blocks, strict=True) if offset < min(found.start, reached)}
    assert not again & before, "a block that may be stored is counted in part under another name"
    skipped = [offset for offset, _ in log if max(noted, committed) <= offset < found.start]
    if skipped:
        assert found.lost_from in range(committed, skipped[0] + 1)
    else:
        assert found.lost_from < 0 or found.lost_from < log_start
    if noted >= log_start and all(offset < noted for offset, _ in of_it):
        assert found.lost_from < 0, "a false alarm"
