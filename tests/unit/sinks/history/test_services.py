"""Which services are alive, and what they lost, by their heartbeats."""

from __future__ import annotations

import time

import pytest

from callgauge.codec import decoder_of, encode
from callgauge.schema import Heartbeat
from callgauge_history.store import Store
from callgauge_sinks.records import Record
from callgauge_sinks.rows import heartbeat_rows
from tests.unit.sinks.fakes import FakeMessage
from tests.unit.sinks.test_rows import columns_of


def insert(store: Store, *beats: Heartbeat) -> None:
    """As if each had been appended when it was sent."""
    records = [
        Record(decoder_of(Heartbeat)(encode(beat)), FakeMessage(b"", "llm.heartbeats", 0, at, round(beat.ts * 1e3)))
        for at, beat in enumerate(beats)
    ]
    for table, rows in heartbeat_rows(records).items():
        store.insert(table, rows)


def beat(instance: str, age_s: float, service: str = "search", **counts: object) -> Heartbeat:
    now = time.time()
    values: dict[str, object] = {"instance": instance, "service": service, "ts": now - age_s, "started_at": now - 9_000}
    return Heartbeat.model_validate(values | counts)


def test_every_field_is_a_column(store: Store) -> None:
    """A new field needs a migration."""
    assert columns_of(store, "heartbeats") == {*Heartbeat.model_fields, "appended_at"}


@pytest.mark.parametrize(
    ("age_s", "closed", "state"),
    [(1, False, "alive"), (15, False, "alive"), (40, False, "silent"), (3_700, False, "gone"), (3_700, True, "closed")],
)
def test_the_state_of_a_process(store: Store, age_s: float, closed: bool, state: str) -> None:
    """Alive for three intervals; who has told that it closes is not missed; the silence of an hour ago is no news."""
    insert(store, beat("i", age_s + 30, emitted=1), beat("i", age_s, emitted=7, dropped=2, closed=closed))
    assert store.query("SELECT state, emitted, dropped FROM gauges").rows == [[state, 7, 2]]


def test_a_service_is_the_sum_of_its_processes(store: Store) -> None:
    """Each counts as it told last, also those that have ended; the same heartbeat twice is one."""
    again = beat("a", 5, emitted=10, delivered=8, dropped=1, on_disk=4)
    insert(store, beat("a", 15, emitted=5), again, again)
    insert(store, beat("b", 100, emitted=100, delivered=90, failed=6, replay_failed=1, invalid=3, on_disk=9))
    insert(store, beat("c", 5_000, emitted=1_000, delivered=1_000, closed=True))
    insert(store, beat("d", 5, "chat"))
    sql = """SELECT service, alive, silent, ended, emitted, delivered, dropped, invalid, failed, on_disk
             FROM services ORDER BY service"""
    assert store.query(sql).rows == [
        ["chat", 1, 0, 0, 0, 0, 0, 0, 0, 0],
        ["search", 1, 1, 1, 1_110, 1_098, 1, 3, 7, 4],
    ]
