"""Builds the tables of a batch. What fits no column is found, and becomes a dead letter. Pure: no clock, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa

from callgauge_sinks.records import Batch, DecodeMany, Message, Record, Tables, dead_letter_of, decode_messages

__all__ = ["Read", "Rows", "build_rows", "reading"]

#: Errors of building a row from a value that can be decoded but fits no column (an integer beyond 64 bits, half a
#: surrogate).
_UNFIT = (pa.ArrowException, OverflowError, ValueError, TypeError, UnicodeError)

#: Builds the rows of records: table -> its rows.
Rows = Callable[[Sequence[Record]], Tables]
#: Reads messages: the batch that they make, and its rows.
Read = Callable[[Sequence[Message]], tuple[Batch, Tables]]


def reading(decode: DecodeMany, rows: Rows) -> Read:
    """Reads messages by decoding each, and building rows of what was decoded."""

    def read(messages: Sequence[Message]) -> tuple[Batch, Tables]:
        batch = decode_messages(messages, decode)
        return batch, build_rows(batch, rows)

    return read


def build_rows(batch: Batch, rows: Rows) -> dict[str, pa.Table]:
    """Build the batch's tables. A record whose values fit no column becomes a dead letter of the batch."""
    if not batch.records:
        return {}
    try:
        return rows(batch.records)
    except _UNFIT:
        batch.records, unfit = _sift(batch.records, rows)
    for record, reason in unfit:
        batch.dead.append(dead_letter_of(record.message, reason))
        batch.unreadable[record.place] = True
    return rows(batch.records) if batch.records else {}


def _sift(records: list[Record], rows: Rows) -> tuple[list[Record], list[tuple[Record, str]]]:
    """Find the records that fit no column by halving the batch: a few of them in a large batch cost little.

    Returns:
        The records that fit, and those that do not, each with the reason.
    """
    try:
        rows(records)
        return records, []
    except _UNFIT as error:
        if len(records) == 1:
            return [], [(records[0], f"fits no column: {error}")]
    middle = len(records) // 2
    (good, bad), (more_good, more_bad) = _sift(records[:middle], rows), _sift(records[middle:], rows)
    return good + more_good, bad + more_bad
