"""Calls and scores that are made up and stored, by the way that the sinks take."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from callgauge.codec import decode_call, decode_score
from callgauge.encoding import encode
from callgauge.schema import Call, Score, StateChange
from callgauge_history.store import Store
from callgauge_sinks.records import Record
from callgauge_sinks.rows import call_rows, score_record_rows
from tests.unit.sinks.fakes import FakeMessage

__all__ = ["MINUTE_S", "T0", "store_calls", "store_scores", "totals_range"]

#: 2026-11-02, a Monday, at midnight in UTC.
T0 = 1_793_577_600.0
MINUTE_S = 60.0
_offsets = itertools.count()


def store_calls(store: Store, calls: Iterable[dict[str, Any]]) -> list[Call]:
    """Store calls; `end` is the time of their end, epoch seconds. Returns them as they were sent."""
    made = [_call(fields) for fields in calls]
    _insert(store, call_rows([_record(encode(call), decode_call) for call in made]))
    return made


def store_scores(store: Store, scores: Iterable[dict[str, Any]]) -> None:
    """Store scores, and changes of circuit breakers (those with `breaker`)."""
    made: list[Score | StateChange] = []
    for number, fields in enumerate(scores):
        own = {"service": "chat", **fields}
        if "breaker" in own:
            made.append(StateChange(**{"event_id": f"change-{next(_offsets)}-{number}", **own}))
        else:
            made.append(Score(**{"score_id": f"score-{next(_offsets)}-{number}", **own}))
    _insert(store, score_record_rows([_record(encode(score), decode_score) for score in made]))


def totals_range(start_s: float, hours: int, per_hour: int, **fields: Any) -> list[dict[str, Any]]:
    """So many calls in each of some hours, spread evenly."""
    step_s = 3600 / per_hour
    return [{"end": start_s + number * step_s, **fields} for number in range(hours * per_hour)]


def _call(fields: dict[str, Any]) -> Call:
    latency_ms = fields.get("latency_ms", 1_000.0)
    own = {"event_id": f"call-{next(_offsets)}", "service": "chat", "model": "m", "latency_ms": latency_ms, **fields}
    end = own.pop("end", None)
    if end is not None:
        own["ts"] = end - latency_ms / 1000
    return Call(**own)


def _record(value: bytes, decode: Any) -> Record:
    return Record(decode(value), FakeMessage(value, offset=next(_offsets)))


def _insert(store: Store, tables: dict[str, pa.Table]) -> None:
    for table, rows in tables.items():
        store.insert(table, rows)
