"""Reads messages of the calls topic into rows of `calls`: scanned where that is possible, else decoded one by one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import compress

import numpy as np
import pyarrow as pa

from callgauge.codec import decode_calls
from callgauge_sinks.building import build_rows
from callgauge_sinks.call_scan import scan_calls
from callgauge_sinks.records import Batch, Message, Tables, batch_of, decode_messages
from callgauge_sinks.rows import call_rows, place_columns
from callgauge_sinks.scanned_columns import scanned_columns

__all__ = ["read_calls"]


def read_calls(messages: Sequence[Message], origin: str = "") -> tuple[Batch, Tables]:
    """The batch that the messages make, and its rows.

    Args:
        origin: the topic's "cluster id/topic id", empty when it is not known.
    """
    scanned = scan_calls([message.value() for message in messages])
    batch, parts = batch_of(messages), []
    if scanned.read.any():
        columns = scanned_columns(scanned) | place_columns(list(compress(messages, scanned.read)), origin)
        parts.append(pa.table(columns))
    if not scanned.read.all():
        places = np.flatnonzero(~scanned.read).tolist()
        others = decode_messages([messages[place] for place in places], decode_calls)
        parts += build_rows(others, partial(call_rows, origin=origin)).values()
        batch.dead = others.dead
        for place, unreadable in zip(places, others.unreadable, strict=True):
            batch.unreadable[place] = unreadable
    return batch, {"calls": _joined(parts)} if parts else {}


def _joined(parts: list[pa.Table]) -> pa.Table:
    """One table with the columns of the first, whose texts may be written as codes."""
    if len(parts) == 1:
        return parts[0]
    schema = parts[0].schema
    others = [pa.table([_as(table[field.name], field.type) for field in schema], schema=schema) for table in parts[1:]]
    return pa.concat_tables([parts[0].cast(schema), *others]).unify_dictionaries()


def _as(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if pa.types.is_dictionary(kind) and not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    return column.cast(kind)
