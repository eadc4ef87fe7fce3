"""What detect reads of the alerts' compacted topic."""

from __future__ import annotations

from callgauge.codec import encode
from callgauge.schema import Alert, AlertAction
from callgauge_streams.detect.history import _take_note
from tests.unit.sinks.fakes import FakeMessage
from tests.unit.streams.rules.people import acknowledge, episode, resolve


class Keyed(FakeMessage):
    """A record with a key."""

    def key(self) -> bytes:
        return b"f"


def test_what_people_do_is_passed_over() -> None:
    """It changes nothing of what detect knows, even with the alert's own key."""
    alert = episode()
    records: list[Alert | AlertAction] = [alert, acknowledge(alert), resolve(alert)]
    found: dict[str, Alert] = {}
    for record in records:
        _take_note(found, Keyed(encode(record)))  # type: ignore[arg-type]
    assert found == {alert.fingerprint: alert}
