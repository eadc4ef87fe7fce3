"""Splits a batch of rows into messages: each for one partition of the windows topic, none too large for a broker."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from callgauge_windows.row_batch import RowBatch

__all__ = ["ROWS_IN_A_MESSAGE", "parts_of"]

#: Rows of the widest kind, with four full histograms, take some 8 KB in JSON and 600 bytes here; so many of the usual
#: ones take 100 KB.
ROWS_IN_A_MESSAGE = 500


def parts_of(batch: RowBatch, partitions: int) -> Iterator[tuple[int, RowBatch]]:
    """Partition and rows of each message."""
    # All rows of a series land in one partition, for ever: `partition_of` says which, here for a whole column.
    partition = (batch.series_id % np.uint64(partitions)).astype(np.int64)
    order = np.argsort(partition, kind="stable")
    ends = np.cumsum(np.bincount(partition, minlength=partitions)).tolist()
    begin = 0
    for number, end in enumerate(ends):
        for at in range(begin, end, ROWS_IN_A_MESSAGE):
            yield number, batch.take(order[at : min(at + ROWS_IN_A_MESSAGE, end)])
        begin = end
