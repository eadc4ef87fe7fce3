"""From decoded calls to the columns of the table `calls`, for those calls that `call_scan` leaves to the codec.

Numbers are made integers as `callgauge.units` does, here for whole columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from callgauge.schema import Call
from callgauge_sinks.map_columns import map_column

__all__ = ["TYPES", "call_columns", "derived_columns"]

Float64s = npt.NDArray[np.float64]

_TIME = pa.timestamp("ms", tz="UTC")
_FIELDS = tuple(Call.model_fields)
_FLOATS = ("latency_ms", "time_to_first_token_ms", "cost_usd")
_INTEGERS = tuple(name for name in _FIELDS if name.endswith(("_tokens", "_requests", "_chars", "_count")))
#: Field of `Call` -> the type of its column, all but `tags`.
TYPES: dict[str, pa.DataType] = {
    **dict.fromkeys(_FIELDS, pa.string()),
    **dict.fromkeys(_INTEGERS, pa.int64()),
    **dict.fromkeys(_FLOATS, pa.float64()),
    **dict.fromkeys(("stream", "cache_hit"), pa.bool_()),
    **dict.fromkeys(("http_status", "schema_version"), pa.uint16()),
    "ts": pa.float64(),
}
#: Text columns that have no null: what is not given is empty there.
_EMPTY = ("error_type", "cache_level")
_fields_of = attrgetter(*_FIELDS)


def call_columns(calls: Sequence[Any]) -> dict[str, pa.Array]:
    """The columns of `calls` that come from the calls themselves.

    Args:
        calls: at least one, structs of `callgauge.codec.decode_call`.
    """
    values = dict(zip(_FIELDS, zip(*map(_fields_of, calls), strict=True), strict=True))
    columns = {name: _column(name, values[name]) for name in _FIELDS if name != "tags"}
    columns["tags"] = map_column(values["tags"])
    return columns | derived_columns(*(_given(columns[name]) for name in ("ts", "latency_ms", "cost_usd")))


def derived_columns(ts: Float64s, latency_ms: Float64s, cost_usd: Float64s) -> dict[str, pa.Array]:
    """The columns that are made of several fields, or of one in other units. NaN: not given."""
    starts_ms = ts * 1e3
    ends = pa.array((starts_ms + np.nan_to_num(latency_ms)).astype(np.int64))
    return {
        "ts": pa.array(starts_ms.astype(np.int64)).cast(_TIME),
        "event_time_ms": ends,
        "event_time": ends.cast(_TIME),
        "latency_us": _rounded(latency_ms * 1e3),
        "cost_nano": _rounded(cost_usd * 1e9),
    }


def _column(name: str, values: Sequence[Any]) -> pa.Array:
    kind, first = TYPES[name], values[0]
    if name in _EMPTY:
        values, first = [value or "" for value in values], first or ""
    # Of the many fields that a service never gives, all values are the same.
    if values.count(first) == len(values):
        return pa.repeat(pa.scalar(first, kind), len(values))
    return pa.array(values, kind)


def _given(column: pa.Array) -> Float64s:
    """As floats, NaN where there is none."""
    found: Float64s = column.to_numpy(zero_copy_only=False).astype(np.float64)
    return found


def _rounded(numbers: Float64s) -> pa.Array:
    """To nearest, ties to even; null for NaN."""
    missing = np.isnan(numbers)
    return pa.array(np.rint(np.where(missing, 0.0, numbers)).astype(np.int64), mask=missing)
