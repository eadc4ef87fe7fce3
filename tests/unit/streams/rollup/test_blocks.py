"""Blocks partition the log, by a rule that looks at the log alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from callgauge_streams.rollup.blocks import BlockCutter, start_after_loss

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
        for run in cutter.cut([o for o, _ in part], [t for _, t in part]):
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


def test_after_a_loss_no_block_that_may_be_stored_is_counted_again() -> None:
    assert start_after_loss(committed=12, log_start=17, block_offsets=B) == 20
    assert start_after_loss(committed=12, log_start=23, block_offsets=B) == 23
