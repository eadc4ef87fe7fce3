"""Rows become messages: each in its series' partition, none larger than a broker takes, whatever the labels are."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge.schema import WindowRow
from callgauge_streams.rollup.rows.partitions import MESSAGE_BYTES, messages_of
from callgauge_windows.grouping import partition_of
from callgauge_windows.row_batch import RowBatch
from callgauge_windows.row_batch_wire import decode_rows
from tests.unit.sinks.windows import window_row


def told(batch: RowBatch, partitions: int) -> list[tuple[int, int]]:
    """Partition and series of each row, as readers find them."""
    messages = list(messages_of(batch, partitions))
    assert max(len(value) for _, value in messages) <= MESSAGE_BYTES
    return [(number, row.series_id) for number, value in messages for row in decode_rows(value).rows()]


def rows_of(series: Sequence[int], label: str = "m") -> list[WindowRow]:
    names = ("service", "feature", "model")
    return [
        window_row([1.0], series_id=each, labels={name: f"{label}{each}{name}" for name in names}) for each in series
    ]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, (1 << 64) - 1), min_size=1, max_size=30, unique=True), st.integers(1, 7))
def test_every_row_lands_in_its_partition_once(series: list[int], partitions: int) -> None:
    """The one that `partition_of` says."""
    found = told(RowBatch.of_rows(rows_of(series)), partitions)
    assert sorted(found) == sorted((partition_of(each, partitions), each) for each in series)


def test_labels_as_long_as_they_may_be_make_more_messages_not_larger_ones() -> None:
    """2,000 series with three labels of a kilobyte each, in one partition: none of them stops the worker."""
    batch = RowBatch.of_rows(rows_of(range(2_000), "\U0001f525" * 240))
    assert sorted(each for _, each in told(batch, 1)) == list(range(2_000))
    assert len(list(messages_of(batch, 1))) > 2_000 // 500
