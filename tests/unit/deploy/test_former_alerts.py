"""The alerts of a former local bus are ended, those of this one are left alone."""

from __future__ import annotations

from typing import Any

from callgauge.schema import Alert
from callgauge_deploy.former_alerts import _OPEN_SQL, REASON, former_alerts
from callgauge_history.store import Store
from callgauge_sinks.records import Record
from callgauge_sinks.rows import alert_record_rows
from tests.unit.sinks.fakes import FakeMessage

NOW_MS = 1_767_268_900_000


def alert(name: str, state: str, seq: int = 0, **changes: Any) -> Alert:
    values: dict[str, Any] = {
        "alert_id": f"id-{name}",
        "fingerprint": name,
        "seq": seq,
        "state": state,
        "rule": "errors",
        "severity": "critical",
        "labels": {"service": "chat", "model": name},
        "starts_at": 1_767_268_800.0,
        "at": 1_767_268_800.0 + seq,
        "fired_at": None if state == "pending" else 1_767_268_810.5,
        "aggregate": "error_rate",
        "lookback_s": 300.0,
        "op": "gt",
        "threshold": 0.05,
        "value": 0.25,
        "n": 40,
        "summary": "calls fail",
        "runbook": "https://runbook",
        "event_id": "e1",
        "log": "former/topic/0",
        "offset": 99,
    }
    return Alert(**values | changes)


def stored(store: Store, *alerts: Alert) -> list[list[Any]]:
    records = [Record(each, FakeMessage(b"")) for each in alerts]
    store.insert("alerts", alert_record_rows(records)["alerts"])
    return store.query(_OPEN_SQL).rows


def test_what_is_pending_or_firing_is_ended_with_the_reason(store: Store) -> None:
    """Everything that people see of the alert stays; the offset is of no log."""
    firing, pending = alert("a", "firing", 1), alert("b", "pending")
    rows = stored(store, alert("a", "pending"), firing, pending, alert("c", "firing"), alert("c", "resolved", 1))
    found = former_alerts(rows, set(), NOW_MS)
    assert [(each.fingerprint, each.seq) for each in found] == [("b", 1), ("a", 2)]
    gone = {"log": ""}
    change = {"state": "resolved", "at": NOW_MS / 1000, "ends_at": NOW_MS / 1000, "reason": REASON, "offset": -1}
    change |= {"value": None, "n": 0, "event_id": ""}
    assert found[1] == firing.model_copy(update=gone | change | {"seq": 2})
    assert found[0] == pending.model_copy(update=gone | change | {"seq": 1})


def test_an_episode_of_this_bus_is_left_alone(store: Store) -> None:
    """Known by fingerprint and start: the same alert's former episode is ended."""
    now = alert("a", "firing", starts_at=1_767_268_850.0, at=1_767_268_850.0)
    rows = stored(store, alert("a", "firing"), now)
    found = former_alerts(rows, {("a", 1_767_268_850_000)}, NOW_MS)
    assert [(each.fingerprint, each.starts_at) for each in found] == [("a", 1_767_268_800.0)]


def test_an_alert_does_not_end_before_it_began(store: Store) -> None:
    """Event time may be ahead of this machine's clock."""
    rows = stored(store, alert("a", "firing", at=NOW_MS / 1000 + 60))
    assert [each.at for each in former_alerts(rows, set(), NOW_MS)] == [NOW_MS / 1000 + 60]
