"""Records as whoever reads the topic has them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from callgauge.codec import decode_window_record, encode
from callgauge_windows.row_batch import RowBatch
from callgauge_windows.row_batch_wire import decode_rows, is_rows
from callgauge_windows.row_batch_writing import encode_rows

__all__ = ["as_sent", "read_records"]


def as_sent(records: Iterable[Any]) -> list[Any]:
    """Encoded and decoded again, rows one by one; what was written by hand must be what msgspec writes."""
    sent: list[Any] = []
    for record in records:
        if isinstance(record, RowBatch):
            sent += read_records(encode_rows(record))
            continue
        value = encode(record)
        sent += read_records(value)
        assert encode(sent[-1]) == value
    return sent


def read_records(value: bytes | None) -> list[Any]:
    """What a message of the windows topic holds: one record, or the rows of a batch."""
    return list(decode_rows(value).rows()) if is_rows(value) else [decode_window_record(value)]
