"""Alerts about missing calls say whether the processes of the service live; others do not."""

from __future__ import annotations

from typing import Any

import pytest

from callgauge.schema import Alert, Heartbeat
from callgauge_notify.grouping.notice import Item
from callgauge_notify.processes import Processes, misses_calls
from callgauge_notify.receivers.alert_json import annotations_of
from callgauge_notify.receivers.pagerduty import event_of
from callgauge_notify.receivers.slack_blocks import blocks_of
from callgauge_notify.receivers.words import text_of
from tests.unit.sinks.notify.alerts import T0, alert, notice

NOW = T0 + 90


def beat(instance: str, **changes: Any) -> Heartbeat:
    values: dict[str, Any] = {
        "instance": instance,
        "ts": T0,
        "started_at": T0 - 100,
        "service": "chat",
        "interval_s": 10.0,
    }
    return Heartbeat(**values | changes)


def heard(*beats: tuple[Heartbeat, float]) -> Processes:
    processes = Processes()
    for each, at in beats:
        processes.take(each, at)
    processes.read_all(NOW)
    return processes


def missing(**changes: Any) -> Alert:
    values: dict[str, Any] = {"service": "chat", "aggregate": "calls", "op": "lt", "value": 0.0}
    return alert(**values | changes)


def test_processes_that_still_send_heartbeats_made_no_calls() -> None:
    processes = heard((beat("a"), NOW - 5), (beat("b"), NOW - 29), (beat("c"), NOW - 31), (beat("d", closed=True), T0))
    assert processes.found("chat", "", NOW) == (
        "live",
        "of its service 2 processes still send heartbeats as of 2023-11-14 22:14:50Z, "
        "1 process silent since 2023-11-14 22:14:19Z: the calls were not made",
    )


def test_processes_that_are_silent_are_dead_or_cut_off() -> None:
    processes = heard((beat("a"), NOW - 50), (beat("b"), NOW - 40))
    assert processes.found("chat", "", NOW) == (
        "silent",
        "of its service 2 processes have gone silent since 2023-11-14 22:14:10Z: dead, or cut off from the bus",
    )


def test_processes_that_ended_in_order() -> None:
    """A heartbeat that comes after the last one changes nothing."""
    processes = heard((beat("a"), T0), (beat("a", closed=True), T0 + 20), (beat("a"), T0 + 20))
    assert processes.found("chat", "", NOW) == (
        "ended",
        "of its service 1 process ended in order, the last one at 2023-11-14 22:13:40Z; none runs",
    )


def test_what_is_not_known_is_not_said() -> None:
    """No heartbeats, another environment, silent for an hour, or the topic was not read to its end lately."""
    processes = heard((beat("a", environment="prod"), NOW), (beat("b", service="old"), NOW - 3_601))
    assert processes.found("chat", "prod", NOW)
    unknown = [("chat", "test", NOW), ("other", "", NOW), ("old", "", NOW), ("chat", "", NOW + 31)]
    assert [processes.found(*each) for each in unknown] == [None] * 4


@pytest.mark.parametrize(
    ("changes", "misses"),
    [
        ({}, True),
        ({"op": "", "detector": "usual_sum", "baseline": 90.0, "value": 2.0}, True),
        ({"op": "", "detector": "usual_sum", "baseline": 90.0, "value": 400.0}, False),
        ({"op": "", "detector": "usual_sum", "baseline": 90.0, "value": None}, True),
        ({"op": "gt"}, False),
        ({"aggregate": "error_rate"}, False),
        ({"service": ""}, False),
        ({"state": "resolved"}, False),
    ],
)
def test_which_alerts_are_about_missing_calls(changes: dict[str, Any], misses: bool) -> None:
    assert misses_calls(missing(**changes)) == misses


def test_every_receiver_says_it() -> None:
    """It is no news: the identity of the notice is the same."""
    before = notice(missing(), alert())
    told = heard((beat("a"), NOW)).told_in(before, NOW)
    line = "of its service 1 process still sends heartbeats as of 2023-11-14 22:14:50Z: the calls were not made"
    assert [item.processes for item in told.items] == [line, ""]
    assert told.id == before.id
    assert text_of(told).count(line) == str(blocks_of(told)).count(line) == 1
    assert event_of(told.items[0], "trigger", "key")["payload"]["custom_details"]["processes"] == line
    assert annotations_of(told.items[0])["processes"] == line
    assert "processes" not in annotations_of(Item(alert()))
