"""Splits a batch of rows into messages: each for one partition of the windows topic, none too large for a broker."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from callgauge_windows.row_batch import RowBatch
from callgauge_windows.row_batch_writing import encode_rows

__all__ = ["MESSAGE_BYTES", "ROWS_IN_A_MESSAGE", "messages_of"]

#: Brokers and producers take a megabyte by default. A row is some 300 bytes, but one with long labels takes kilobytes.
MESSAGE_BYTES = 512 << 10
#: So that most messages need not be made twice.
ROWS_IN_A_MESSAGE = 1_000


def messages_of(batch: RowBatch, partitions: int) -> Iterator[tuple[int, bytes]]:
    """Partition and value of each message."""
    # All rows of a series land in one partition, for ever: `partition_of` says which, here for a whole column.
    partition = (batch.series_id % np.uint64(partitions)).astype(np.int64)
    ordered = batch.take(np.argsort(partition, kind="stable")) if len(batch) > 1 else batch
    ends = np.cumsum(np.bincount(partition, minlength=partitions)).tolist()
    begin = 0
    for number, end in enumerate(ends):
        for at in range(begin, end, ROWS_IN_A_MESSAGE):
            for value in _values(ordered.part(at, min(at + ROWS_IN_A_MESSAGE, end))):
                yield number, value
        begin = end


def _values(rows: RowBatch) -> Iterator[bytes]:
    """The rows as one message, or as several where that would be too large."""
    value = encode_rows(rows)
    if len(value) <= MESSAGE_BYTES or len(rows) == 1:
        yield value
        return
    middle = len(rows) // 2
    yield from _values(rows.part(0, middle))
    yield from _values(rows.part(middle, len(rows)))
