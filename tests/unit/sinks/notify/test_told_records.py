"""What was told, as records: nothing is lost on the way, and what cannot be read is an error with its field."""

from __future__ import annotations

import base64

import pytest

from callgauge.codec import encode, read
from callgauge.errors import DecodeError
from callgauge.schema import Alert
from callgauge_notify.delivery.failures import alert_of_failure, dead_letter_of, end_of_failure
from callgauge_notify.delivery.told_records import key_of_action, known_in, record_of, told_in
from callgauge_notify.grouping.episode import told_by
from callgauge_notify.grouping.notice import Item
from tests.unit.sinks.notify.alerts import T0, acknowledged, alert, done, notice


def test_a_record_holds_everything() -> None:
    """One key for each route and alert, so compaction keeps the last."""
    made = notice(Item(alert("resolved"), ("resolved",), partition=3, offset=9))
    (told,) = told_by(made, T0 + 95, {alert().alert_id: {"ts": "1.2"}}, given_up=[alert().alert_id])
    key, value = record_of(told)
    assert key == f"all/{alert().fingerprint}".encode()
    assert told_in(value, 3) == told
    assert (told.at, told.memory, told.given_up, told.partition) == (T0 + 95, {"ts": "1.2"}, True, 3)


def test_a_record_says_that_acknowledging_was_told() -> None:
    """So the next process does not tell it again."""
    (told,) = told_by(notice(acknowledged(alert())), T0 + 95, {})
    key, value = record_of(told)
    assert known_in(key, value, 0) == told
    assert told.acknowledged


def test_what_people_did_has_a_key_that_no_route_has() -> None:
    """One for each episode or silence, and kind."""
    action = done("acknowledge", alert())
    key = key_of_action(action)
    assert key == f"action/acknowledge/{alert().alert_id}".encode()
    assert known_in(key, encode(action), 0) == action
    made = action.model_copy(update={"action": "silence", "silence_id": "s1"})
    assert key_of_action(made) == b"action/silence/s1"


def test_repetitions_are_noted_unless_they_come_each_minute() -> None:
    """What is not new is written only if the next process must know when it was repeated."""
    known = Item(alert())
    assert [len(told_by(notice(known, repeats=True, noted=noted), T0, {})) for noted in (True, False)] == [1, 0]
    assert told_by(notice(known), T0, {}) == []


def test_what_cannot_be_read_is_an_error() -> None:
    """With the field."""
    with pytest.raises(DecodeError, match="alert"):
        told_in(b'{"route": "r", "receiver": "x", "group": [], "at": 1.0}', 0)


def test_a_dead_letter_holds_the_alert() -> None:
    """Under the receiver's name, with the reason."""
    letter = dead_letter_of(Item(alert(), ("firing",), partition=3, offset=9), "pager", "h answered HTTP 400", T0)
    assert (letter.topic, letter.partition, letter.offset, letter.reason) == (
        "notify pager",
        3,
        9,
        "h answered HTTP 400",
    )
    assert read(Alert, base64.b64decode(letter.raw)) == alert()


def test_the_alert_about_a_receiver() -> None:
    """Fires, says what did not arrive, and ends as the same episode."""
    made = alert_of_failure("pager", "h answered HTTP 500", 3, T0)
    assert made.summary == "3 alerts did not reach pager: h answered HTTP 500"
    again = alert_of_failure("am", "h answered HTTP 500", 0, T0)
    assert again.summary == "what still fires did not reach am: h answered HTTP 500"
    over = end_of_failure(made, T0 + 60)
    assert (over.alert_id, over.seq, over.state, over.fired_at, over.ends_at) == (
        made.alert_id, 2, "resolved", T0, T0 + 60,
    )  # fmt: skip
