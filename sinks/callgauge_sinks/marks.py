"""Marks of changes, which share the topic of rules with others' records: those are passed over."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import msgspec
import pyarrow as pa

from callgauge.codec import decoder_of
from callgauge.errors import DecodeError
from callgauge.schema import Mark
from callgauge_sinks.map_columns import map_column
from callgauge_sinks.records import Record

__all__ = ["decode_mark", "mark_rows"]

_TEXTS = ("mark_id", "text", "service", "author", "url")


class _Kind(msgspec.Struct):
    kind: str = ""


_kind_of = msgspec.json.Decoder(_Kind).decode
_read = decoder_of(Mark)


def decode_mark(value: bytes | None) -> Any:
    """The struct of a mark; None for a record of another kind, and for one that takes another back.

    Raises:
        DecodeError: it is no record of the topic.
    """
    if not value:
        return None
    try:
        kind = _kind_of(value).kind
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DecodeError("", f"not JSON: {error}") from None
    return _read(value) if kind == "mark" else None


def mark_rows(records: Sequence[Record]) -> dict[str, pa.Table]:
    """Rows of `marks`."""
    marks = [record.value for record in records if record.value is not None]
    if not marks:
        return {}
    columns = {name: pa.array(list(map(attrgetter(name), marks)), pa.string()) for name in _TEXTS}
    times = [round(mark.effective_from * 1e3) for mark in marks]
    columns["effective_from"] = pa.array(times, pa.timestamp("ms", tz="UTC"))
    columns["labels"] = map_column([mark.labels for mark in marks])
    columns["schema_version"] = pa.array([mark.schema_version for mark in marks], pa.uint16())
    return {"marks": pa.table(columns)}
