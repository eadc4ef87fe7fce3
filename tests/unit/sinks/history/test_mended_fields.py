"""The view that counts which fields of whose events were mended."""

from __future__ import annotations

import json
from typing import Any

from callgauge.codec import decode_call, decode_score
from callgauge_history.store import Store
from callgauge_sinks.records import Record
from callgauge_sinks.rows import call_rows, score_record_rows
from tests.unit.sinks.fakes import FakeMessage

CALL: dict[str, Any] = {"ts": 1_700_000_000.0, "service": "chat"}
SCORE: dict[str, Any] = {"kind": "score", "ts": 1_700_000_000.0, "service": "judge", "name": "n", "value": 1}


def record(value: Any, offset: int) -> Record:
    return Record(value, FakeMessage(b"", "llm.calls", 0, offset))


def test_each_mended_field_is_counted_by_service(store: Store) -> None:
    """Two marks of one call are two lines; scores count too; what was not mended is not there."""
    odd: list[dict[str, Any]] = [
        {"event_id": "a", "cost_usd": -1, "model": "m" * 300},
        {"event_id": "b", "cost_usd": -2},
        {"event_id": "c", "model": "fine"},
    ]
    calls = [record(decode_call(json.dumps(CALL | fields).encode()), at) for at, fields in enumerate(odd)]
    store.insert("calls", call_rows(calls)["calls"])
    scores = [record(decode_score(json.dumps(SCORE | {"score_id": "s", "origin": "jury"}).encode()), 9)]
    store.insert("scores", score_record_rows(scores)["scores"])
    sql = "SELECT topic, service, field, mended, events FROM mended_fields ORDER BY topic, field"
    assert store.query(sql).rows == [
        ["calls", "chat", "cost_usd", "out of range", 2],
        ["calls", "chat", "model", "cut to 256 characters", 1],
        ["scores", "judge", "origin", "not a value that is known", 1],
    ]
