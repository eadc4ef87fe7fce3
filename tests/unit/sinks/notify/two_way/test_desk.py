"""A request becomes one action, and none if it was done before: no loop, whoever tells whom."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from callgauge.schema import Alert, AlertAction
from callgauge_deploy.process import wait_until
from callgauge_notify.two_way.desk import Desk
from callgauge_notify.two_way.pagerduty import Did
from callgauge_notify.two_way.slack import Click
from tests.unit.sinks.notify.alerts import T0, alert, done
from tests.unit.sinks.notify.two_way.requests import NOW, KnownAlerts, Written

CHAT = alert()
ACK = Did("acknowledge", CHAT.fingerprint, "bob", NOW, "pagerduty-E1")


@contextmanager
def desk_of(*records: Alert | AlertAction) -> Iterator[tuple[Desk, Written]]:
    written = Written()
    desk = Desk(KnownAlerts(*records), written, lambda: NOW)  # type: ignore[arg-type]
    thread = threading.Thread(target=desk.run)
    thread.start()
    try:
        assert desk.ready.wait(60)
        yield desk, written
    finally:
        desk.stop()
        thread.join()


@pytest.mark.parametrize(("button", "action"), [("acknowledge", "acknowledge"), ("resolve", "resolve")])
def test_a_click_is_an_action_beside_the_alert(button: str, action: str) -> None:
    """By whom, through which receiver."""
    with desk_of(CHAT) as (desk, written):
        answer = desk.click(Click(button, CHAT.alert_id, "ann", "slack-1"), "chat")
        assert (answer.told, answer.taken) == (f"{action}{'d' if action[-1] == 'e' else ''} by ann", True)
        ((found, partition),) = written.actions
        assert (found.action, found.who, found.how, found.receiver, found.action_id, partition) == (
            action, "ann", "slack", "chat", "slack-1", 2,
        )  # fmt: skip


def test_a_click_silences_just_this_alert_for_an_hour() -> None:
    """In every partition."""
    with desk_of(CHAT) as (desk, written):
        answer = desk.click(Click("silence_1h", CHAT.alert_id, "ann", "slack-1"), "chat")
        ((found, partition),) = written.actions
        assert (found.matchers, found.ends_at - found.starts_at, partition) == (
            ["rule=slow", "service=chat"],
            3_600,
            None,
        )
        assert f"`callgauge alerts unsilence {found.silence_id}`" in answer.told


def test_the_button_of_an_old_message_says_so() -> None:
    """A newer episode is not concerned."""
    with desk_of(CHAT, alert(start=T0 + 60)) as (desk, written):
        answer = desk.click(Click("resolve", CHAT.alert_id, "ann", "slack-1"), "chat")
        assert (answer.told, answer.taken, written.actions) == ("this episode of the alert is over", True, [])


def test_a_request_that_comes_again_writes_nothing_more() -> None:
    """At once, before the first one was read back from the topic."""
    with desk_of(CHAT) as (desk, written):
        desk.did(ACK, "pager")
        again = desk.did(ACK, "pager")
        assert again.taken
        assert "was acknowledged by bob" in again.told
        assert len(written.actions) == 1


def test_what_we_told_pagerduty_comes_back_and_stops() -> None:
    """ann acknowledged on the command line, PagerDuty was told and tells it back, as if by a person."""
    with desk_of(CHAT, done("acknowledge", CHAT)) as (desk, written):
        assert "was acknowledged by ann" in desk.did(ACK, "pager").told
        assert written.actions == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"at": CHAT.fired_at - 1}, "that was an earlier episode of the alert"),  # type: ignore[operator]
        ({"key": "beef"}, "no alert of ours has this key"),
    ],
)
def test_what_is_not_about_this_episode_is_passed_over(changes: dict[str, Any], told: str) -> None:
    """PagerDuty sends its events again for hours. It is not asked to do so once more."""
    with desk_of(CHAT) as (desk, written):
        answer = desk.did(replace(ACK, **changes), "pager")
        assert (answer.told, answer.taken, written.actions) == (told, True, [])


def test_what_is_over_is_over() -> None:
    """PagerDuty tells that its incident was resolved, after we have told it so."""
    with desk_of(alert("resolved")) as (desk, written):
        answer = desk.did(Did("resolve", CHAT.fingerprint, "bob", NOW, "1"), "pager")
        assert answer.taken
        assert "is over" in answer.told
        assert written.actions == []


def test_what_the_broker_does_not_take_is_asked_for_again() -> None:
    """It counts as done only when it is written."""
    with desk_of(CHAT) as (desk, written):
        written.fails = True
        assert not desk.did(ACK, "pager").taken
        written.fails = False
        assert desk.did(ACK, "pager").taken
        assert len(written.actions) == 1


def test_before_the_alerts_are_read_nothing_is_decided() -> None:
    """Try again in a moment."""
    desk = Desk(KnownAlerts(CHAT), Written(), lambda: NOW)  # type: ignore[arg-type]
    assert not desk.did(ACK, "pager").taken
    assert not wait_until(desk.ready.is_set, 0)
