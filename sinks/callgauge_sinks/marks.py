"""Marks of changes, which share the topic of rules with rule sets: those are passed over."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import pyarrow as pa

from callgauge.codec import decode_rules_record
from callgauge_sinks.map_columns import map_column
from callgauge_sinks.records import Record

__all__ = ["decode_rules", "mark_rows"]

_TEXTS = ("mark_id", "text", "service", "author", "url")


def decode_rules(value: bytes | None) -> Any:
    """The struct of a record of the rules topic; None for one that only lets a broker forget another.

    Raises:
        DecodeError: it cannot be read.
    """
    return decode_rules_record(value) if value else None


def mark_rows(records: Sequence[Record]) -> dict[str, pa.Table]:
    """Rows of `marks`."""
    marks = [record.value for record in records if record.value is not None and record.value.kind == "mark"]
    if not marks:
        return {}
    columns = {name: pa.array(list(map(attrgetter(name), marks)), pa.string()) for name in _TEXTS}
    times = [round(mark.effective_from * 1e3) for mark in marks]
    columns["effective_from"] = pa.array(times, pa.timestamp("ms", tz="UTC"))
    columns["labels"] = map_column([mark.labels for mark in marks])
    columns["schema_version"] = pa.array([mark.schema_version for mark in marks], pa.uint16())
    return {"marks": pa.table(columns)}
