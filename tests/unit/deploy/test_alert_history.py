"""The history of alerts as ClickHouse holds it is what people saw."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from callgauge.codec import decode_alert_record, encode
from callgauge.schema import Alert, AlertAction
from callgauge.settings import load_settings
from callgauge_deploy.alert_history import stored_alert, stored_history
from callgauge_history.store import Store
from callgauge_rules.alert_book import AlertBook
from callgauge_sinks.records import Record
from callgauge_sinks.rows import alert_record_rows
from tests.unit.sinks.fakes import FakeMessage
from tests.unit.streams.rules.people import T0, acknowledge, episode, processes, resolve, silence, unsilence

A, B, C = (episode(service=name, start=start) for name, start in (("a", 0.0), ("b", 10.0), ("c", 20.0)))
RECORDS: list[Alert | AlertAction] = [
    A, episode("resolved", seq=2, service="a"), B, C, acknowledge(A, 1.0), resolve(B, why="rolled back"),
    silence("service=c", until=900.0), silence("service=x", id="s2"), unsilence("s2"),
    processes(A), processes(A, 20.0, "silent"),
    episode("pending", service="p").model_copy(update={"fired_at": None}), episode(start=-4_000.0, service="old"),
]  # fmt: skip


def test_it_is_what_the_log_says(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Alerts, who did what, silences; what never fired, or began before, is not there."""
    for table, rows in alert_record_rows(
        [Record(decode_alert_record(encode(each)), FakeMessage(b"")) for each in RECORDS]
    ).items():
        store.insert(table, rows)

    @contextmanager
    def asking(_: object) -> Iterator[Callable[[str], Any]]:
        yield store.query

    monkeypatch.setattr("callgauge_deploy.alert_history.asking", asking)
    book, now = AlertBook(), T0 + 60
    for record in RECORDS:
        book.take(record, 0)
    found = stored_history(load_settings(), T0 - 100, now)
    wanted = [alert for alert in book.all() if alert.fired_at is not None and alert.starts_at >= T0]
    assert found == [(alert, book.shown(alert, now)) for alert in wanted]
    assert [seen.state for _, seen in found] == ["silenced", "resolved", "resolved"]


def test_one_alert_is_found_by_the_beginning_of_its_id_with_its_evidence(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything that an alert tells is in the store; of a service with heartbeats also whether it lives."""
    evidence = {
        "baseline": 0.5, "score": 4.5, "points": [[T0, 1.0], [T0 + 10, 2.0]], "event_ids": ["e1", "e2"], "heard": 0.5,
        "held": ["calls"], "flapping": True, "detector": "zscore", "provider": "openai", "service": "a",
        "role": "cause", "suspected_cause": "5 series", "log": "c/t/0", "offset": 7, "last_fired_at": T0,
    }  # fmt: skip
    wanted = A.model_copy(update=evidence)
    for table, rows in alert_record_rows([Record(decode_alert_record(encode(wanted)), FakeMessage(b""))]).items():
        store.insert(table, rows)

    @contextmanager
    def asking(_: object) -> Iterator[Callable[[str], Any]]:
        yield store.query

    monkeypatch.setattr("callgauge_deploy.alert_history.asking", asking)
    found = stored_alert(load_settings(), wanted.alert_id[:8], T0 + 60)
    assert found is not None
    assert (found[0], found[2]) == (wanted, None)
    assert stored_alert(load_settings(), "nothing' like it", T0) is None
