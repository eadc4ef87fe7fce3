"""What is on the windows topic is all there when every partition has the summaries of all blocks."""

from __future__ import annotations

from types import SimpleNamespace

from tests.chaos.sent import SentWindows


def summary(records: int, last_offset: int, *, block: int = 0) -> SimpleNamespace:
    """A block's summary, as far as it is looked at."""
    return SimpleNamespace(
        kind="summary", source="c/t/0", block=block, epoch="e", records=records, last_offset=last_offset
    )


def test_the_partition_that_has_the_fewest_counts() -> None:
    """Rows of another one are not behind its summaries."""
    sent = SentWindows(2)
    sent.add(0, 4, summary(10, 9))
    assert sent.records_summed() == 0
    sent.add(1, 0, summary(6, 5))
    assert sent.records_summed() == 6
    sent.add(1, 1, summary(10, 9))
    assert sent.records_summed() == 10
    assert sent.next_offsets == {0: 5, 1: 2}


def test_the_newest_summary_of_a_block_counts_once() -> None:
    """A worker that reads the block again tells less at first."""
    sent = SentWindows(1)
    for offset, record in enumerate([summary(10, 9), summary(10, 9), summary(3, 2), summary(5, 14, block=10)]):
        sent.add(0, offset, record)
    assert sent.records_summed() == 15


def test_rows_are_kept() -> None:
    """And control records are not."""
    sent = SentWindows(1)
    row = SimpleNamespace(kind="row")
    sent.add(0, 0, SimpleNamespace(kind="progress"))
    sent.add(0, 1, row)
    assert sent.rows == [row]
