"""What is stored of a user goes, and nothing else; what the bus holds is told."""

from __future__ import annotations

import base64
import time

import pyarrow as pa
import pytest

from callgauge.errors import StoreError
from callgauge.topics import Topics
from callgauge_history.erasing import erase, found_of, remaining
from callgauge_history.store import Parameters, QueryResult, Store
from tests.unit.sinks.made_calls import T0, store_calls, store_scores

USER = "o'neil"
TIME = pa.timestamp("ms", tz="UTC")


@pytest.fixture
def stored(store: Store) -> Store:
    store_calls(store, [
        {"end": T0, "event_id": "a1", "trace_id": "t1", "user_id": USER},
        {"end": T0, "event_id": "a2", "user_id": USER},
        {"end": T0, "event_id": "step", "trace_id": "t1", "operation": "retrieval"},
        {"end": T0, "event_id": "b1", "trace_id": "t2", "user_id": "bob"},
        {"end": T0, "event_id": "b2", "trace_id": "t1", "user_id": "bob"},
        {"end": T0, "event_id": "c1"},
    ])  # fmt: skip
    about = [{"event_id": each} for each in ("a1", "a2", "b1")] + [{"trace_id": "t1"}, {}]
    store_scores(store, [{"ts": T0, "name": "s", "value": 1.0} | each for each in about])
    ids, now = ["a1", "b1"], pa.array([round(time.time() * 1000)] * 2, TIME)
    store.insert("content", pa.table({"event_id": ids, "prompt": ids, "appended_at": now}))
    store.insert("usage_1h", pa.table({"user_id": [USER, "bob"], "calls": [2, 2]}))
    raw = [base64.b64encode(text.encode()).decode() for text in (f'{{"user_id": "{USER}"', '{"user_id": "bob"')]
    store.insert("dead_letters", pa.table({"topic": ["x", "x"], "offset": [1, 2], "raw": raw, "ts": now}))
    alerts = ((1, "o\\'neil"), (2, "bob"))
    rows = (f"('a{n}', 'f{n}', {{'user_id': '{user}'}}, now64(3), now64(3))" for n, user in alerts)
    store.command(f"INSERT INTO alerts (alert_id, fingerprint, labels, starts_at, at) VALUES {', '.join(rows)}")
    return store


def test_the_users_rows_go_and_no_others(stored: Store) -> None:
    """Calls, steps of their traces, scores of both, content, alerts, dead letters."""
    found = {each.table: each.rows for each in erase(stored, USER)}
    assert 1 <= found.pop("trace_days") <= 3  # a row for each call of its trace, until they are merged
    assert found == {
        "scores": 3, "content": 1, "cost_adjustments": 0, "usage_1h": 1, "usage_1d": 0, "alert_actions": 0, "alerts": 1,
        "dead_letters": 1, "steps of traces": 1, "calls": 2,
    }  # fmt: skip
    assert sorted(row[0] for row in stored.query("SELECT event_id FROM calls FINAL").rows) == ["b1", "b2", "c1"]
    assert sorted(row[0] for row in stored.query("SELECT event_id FROM scores FINAL").rows) == ["", "b1"]
    assert stored.query("SELECT event_id FROM content").rows == [["b1"]]
    assert stored.query("SELECT fingerprint FROM alerts").rows == [["f2"]]
    assert stored.query("SELECT offset FROM dead_letters").rows == [[2]]
    assert all(each.rows == 0 for each in found_of(stored.query, USER))
    assert all(each.rows == 0 for each in erase(stored, USER))


def test_what_is_left_is_an_error(stored: Store) -> None:
    """As when the sinks store more of the user at the same time."""

    class Stubborn:
        def command(self, sql: str) -> None:
            if "DELETE FROM calls" not in sql:
                stored.command(sql)

        def query(self, sql: str, parameters: Parameters | None = None) -> QueryResult:
            return stored.query(sql, parameters)

    with pytest.raises(StoreError, match="2 in calls"):
        erase(Stubborn(), USER)
    with pytest.raises(StoreError, match="name a user"):
        erase(Stubborn(), "")


def test_on_a_cluster_the_tables_that_hold_rows_are_told(stored: Store) -> None:
    """Since a Distributed table cannot delete."""
    told: list[str] = []

    class Cluster:
        def command(self, sql: str) -> None:
            told.append(sql)
            stored.command(sql.replace("_local ON CLUSTER 'main'", ""))

        def query(self, sql: str, parameters: Parameters | None = None) -> QueryResult:
            return stored.query(sql, parameters)

    erase(Cluster(), USER, "main")
    assert told
    assert all("_local ON CLUSTER 'main' WHERE " in sql for sql in told)


def test_what_the_bus_holds(stored: Store) -> None:
    """Until the retention of each topic is over after the last call; of alerts by user from now."""
    day = 86_400.0
    left = {each.topic: each.until for each in remaining(stored.query, Topics(), USER, T0 + 2 * day)}
    assert left == {
        "llm.calls": T0 + 7 * day, "llm.scores": T0 + 7 * day, "llm.dead": T0 + 30 * day,
        "llm.alerts": T0 + 32 * day, "llm.notified": None,
    }  # fmt: skip
    assert remaining(stored.query, Topics(), "nobody", T0) == []
