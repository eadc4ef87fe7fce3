"""Decodes messages of the windows topic: batches of rows, and control records."""

from __future__ import annotations

from typing import Any

from callgauge.codec import decode_window_record
from callgauge.errors import DecodeError
from callgauge_windows.row_batch import RowBatch
from callgauge_windows.row_batch_wire import decode_rows, is_rows

__all__ = ["decode_windows"]


def decode_windows(value: bytes | None) -> Any:
    """A `RowBatch`, or the struct of a `ScoreRow`, `BlockSummary`, `EpochStart` or `Progress`; each has its `kind`.

    A single row in JSON, as rollup wrote them before, becomes a batch of one.

    Raises:
        DecodeError: the message cannot be read; it names the field and the reason.
    """
    if is_rows(value):
        return decode_rows(value)
    record = decode_window_record(value)
    if record.kind != "row":
        return record
    try:
        return RowBatch.of_rows([record])
    except (OverflowError, ValueError) as error:
        raise DecodeError("", f"a row whose numbers fit no column: {error}") from None
