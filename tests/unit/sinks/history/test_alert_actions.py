"""What people did with alerts, stored: the views show it as `callgauge_rules.shown` does."""

from __future__ import annotations

import random

from callgauge.codec import decode_alert_record, encode
from callgauge.schema import Alert, AlertAction
from callgauge_history.store import Store
from callgauge_rules.alert_book import AlertBook
from callgauge_sinks.records import Record
from callgauge_sinks.rows import alert_record_rows
from tests.unit.sinks.fakes import FakeMessage
from tests.unit.streams.rules.people import T0, acknowledge, episode, resolve, silence, unsilence

A, B, C = (episode(service=name) for name in "abc")
RECORDS: list[Alert | AlertAction] = [
    A, B, C, episode("resolved", seq=2, service="c"), episode(start=90.0, service="b"),
    acknowledge(A, 12.0, who="late"), acknowledge(A, 11.0, who="ann"), resolve(B, why="rolled back"),
    silence("service=a"), silence("service=x", id="s2", until=900.0), unsilence("s2", 30.0), unsilence("s2", 40.0),
]  # fmt: skip


def stored(store: Store, records: list[Alert | AlertAction]) -> None:
    for each in records:  # one by one: each its own part, as after many batches
        for table, rows in alert_record_rows([Record(decode_alert_record(encode(each)), FakeMessage(b""))]).items():
            store.insert(table, rows)


def test_episodes_are_shown_as_the_function_shows_them(store: Store) -> None:
    """In any order, and each record twice; who did it first is named."""
    mixed = RECORDS * 2
    random.Random(1).shuffle(mixed)
    stored(store, mixed)
    rows = store.query(
        "SELECT labels['service'], toUnixTimestamp(starts_at), shown, acknowledged_by, resolved_by, resolved_why "
        "FROM alert_episodes ORDER BY ALL"
    ).rows
    start = int(T0)
    assert rows == [
        ["a", start, "acknowledged", "ann", "", ""],
        ["b", start, "resolved", "", "ann", "rolled back"],
        ["b", start + 90, "firing", "", "", ""],
        ["c", start, "resolved", "", "", ""],
    ]
    book = AlertBook()
    for record in RECORDS:
        book.take(record, 0)
    now = store.query("SELECT labels['service'], shown FROM alerts_now ORDER BY ALL").rows
    assert now == sorted([alert.labels["service"], seen.state] for alert, seen in book.active(T0 + 1e6))
    times = store.query("SELECT acknowledged_at, resolved_by_hand_at FROM alert_episodes ORDER BY labels, starts_at")
    assert [[bool(at) for at in row] for row in times.rows] == [[True, False], [False, True], [False] * 2, [False] * 2]


def test_columns_are_asked_for_by_their_own_names(store: Store) -> None:
    """A join must not name them after its parts, as in `a.alert_id`."""
    stored(store, RECORDS)
    for view in ("alert_episodes", "alerts_now"):
        found = store.query(f"SELECT alert_id, at, shown FROM {view} WHERE labels['service'] = 'a'").rows
        assert [[row[0], row[2]] for row in found] == [[A.alert_id, "acknowledged"]]
        described = store.query(f"DESCRIBE {view}").rows
        assert not [row[0] for row in described if "." in row[0]]


def test_silences_end_when_somebody_has_ended_them(store: Store) -> None:
    """The first end counts. Copies, one for each partition, are one silence."""
    stored(store, [*RECORDS, *RECORDS])
    sql = "SELECT silence_id, matchers, toUnixTimestamp(ends_at), ended_by FROM silences ORDER BY silence_id"
    assert store.query(sql).rows == [
        ["s1", ["service=a"], int(T0) + 100, ""],
        ["s2", ["service=x"], int(T0) + 30, "ann"],
    ]
    store.command("OPTIMIZE TABLE alert_actions FINAL")
    assert store.query("SELECT count() FROM alert_actions").rows == [[7]]
