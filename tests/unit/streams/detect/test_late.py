"""History that comes late is judged in its own windows, once it is all there, and told as found late."""

from __future__ import annotations

from typing import Any

import pytest

from callgauge.schema import Alert
from callgauge_rules.rules import BoundRule
from callgauge_streams.detect.engine import Engine
from callgauge_streams.detect.late import LATE_MS
from tests.unit.streams.detect.windows_log import WINDOW_MS, progress, row

NOW_MS = 1_700_000_000_000
HOUR = 3_600_000 // WINDOW_MS
THEN = NOW_MS // WINDOW_MS - HOUR
"""An hour ago, in windows."""


def judged(rules: list[BoundRule], late: list[Any], *, live_from: int = 0, quiet_s: int = 31) -> list[Alert]:
    """The alerts after live windows until now, rows that come late, and a while without any."""
    engine = Engine(rules, source_timeout_ms=3_600_000, live_from=live_from)
    engine.take(0, NOW_MS, row("b", NOW_MS // WINDOW_MS - 1, 4))
    engine.take(1, NOW_MS, progress(NOW_MS, "s0"))
    alerts: list[Alert] = []
    for number, record in enumerate(late):
        alerts += engine.take(2 + number, NOW_MS + 1_000, record)
    alerts += engine.take(90, NOW_MS + 2_000, progress(NOW_MS + 2_000, "s0"))
    alerts += engine.take(91, NOW_MS + 1_000 + quiet_s * 1_000, progress(NOW_MS + 40_000, "s0"))
    assert engine.left_out == 0
    return alerts


def outage(model: str = "b", at: int = THEN) -> list[Any]:
    """Six windows in which all calls failed, newest first, as a queue that is emptied may bring them."""
    return [row(model, at + window, 4, errors=4, block=window) for window in reversed(range(6))]


def test_an_outage_an_hour_ago_is_found(rules: list[BoundRule]) -> None:
    """It fires and resolves with its times of then, and says that it was found late."""
    alerts = [alert for alert in judged(rules, outage()) if alert.rule == "failing"]
    begun_s = (THEN + 1) * WINDOW_MS / 1000
    assert [(alert.state, alert.at) for alert in alerts] == [
        ("firing", begun_s + 10),
        ("resolved", (THEN + 9) * WINDOW_MS / 1000),
    ]
    assert [alert.starts_at for alert in alerts] == [begun_s, begun_s]
    assert all(alert.reason.startswith("found late: its calls came up to 59m after they had ended") for alert in alerts)
    assert {(alert.offset, alert.labels["found"]) for alert in alerts} == {(91, "late")}
    assert len({alert.fingerprint for alert in alerts}) == len({alert.alert_id for alert in alerts}) == 1


def test_it_waits_until_no_more_come(rules: list[BoundRule]) -> None:
    """Half a minute of log time without a late row."""
    assert judged(rules, outage(), quiet_s=20) == []


def test_what_was_told_before_a_restart_is_not_told_again(rules: list[BoundRule]) -> None:
    """The log is read again from before; only what comes after `live_from` is told."""
    assert judged(rules, outage(), live_from=92) == []
    assert [alert.state for alert in judged(rules, outage(), live_from=91)] == ["firing", "resolved"]


def test_more_rows_of_the_same_windows_change_nothing_that_was_told(rules: list[BoundRule]) -> None:
    """An episode is told once, also when it is found again."""
    engine = Engine(rules, source_timeout_ms=3_600_000, live_from=0)
    engine.take(0, NOW_MS, row("b", NOW_MS // WINDOW_MS - 1, 4))
    engine.take(1, NOW_MS, progress(NOW_MS, "s0"))
    alerts: list[Alert] = []
    for turn in (0, 1):
        clock_ms = NOW_MS + turn * 60_000
        for number, record in enumerate(outage()):
            engine.take(10 + 10 * turn + number, clock_ms, record)
        alerts += engine.take(19 + 10 * turn, clock_ms + 31_000, progress(clock_ms + 31_000, "s0"))
    assert [alert.state for alert in alerts if alert.rule == "failing"] == ["firing", "resolved"]


def test_too_little_to_judge_is_nothing_late_either(rules: list[BoundRule]) -> None:
    """A single call is below the rule's min_count."""
    assert judged(rules, [row("b", THEN, 1, errors=1)]) == []


def test_an_alert_that_is_on_now_is_enough(rules: list[BoundRule]) -> None:
    """People know of it already: its late past is not told beside it."""
    engine = Engine(rules, source_timeout_ms=3_600_000, live_from=0)
    now = NOW_MS // WINDOW_MS
    alerts: list[Alert] = []
    for window in range(now - 6, now):
        alerts += engine.take(window - now + 7, NOW_MS, row("b", window, 4, errors=4))
    alerts += engine.take(10, NOW_MS, progress(NOW_MS, "s0"))
    assert alerts[-1].state == "firing"
    for number, record in enumerate(outage()):
        engine.take(11 + number, NOW_MS, record)
    told = engine.take(90, NOW_MS + 31_000, progress(NOW_MS, "s0"))
    assert [alert for alert in told if "found late" in alert.reason] == []


@pytest.mark.parametrize(("hours", "left_out"), [(23, 0), (25, 6)])
def test_a_day_is_as_late_as_it_may_be(rules: list[BoundRule], hours: int, left_out: int) -> None:
    """Older rows are left out and counted; a whole day is judged, not just its end."""
    engine = Engine(rules, source_timeout_ms=3_600_000, live_from=0)
    engine.take(0, NOW_MS, progress(NOW_MS, "s0"))
    engine.take(1, NOW_MS, row("b", NOW_MS // WINDOW_MS - 1, 4))
    engine.take(2, NOW_MS, progress(NOW_MS + WINDOW_MS, "s0"))
    begin = NOW_MS // WINDOW_MS - hours * HOUR
    for number, record in enumerate([*outage(at=begin), row("b", NOW_MS // WINDOW_MS - HOUR, 4)]):
        engine.take(3 + number, NOW_MS, record)
    alerts = engine.take(90, NOW_MS + 31_000, progress(NOW_MS + 2 * WINDOW_MS, "s0"))
    assert engine.left_out == left_out
    assert ("firing" in [alert.state for alert in alerts if alert.rule == "failing"]) == (left_out == 0)
    assert LATE_MS == 24 * 3_600_000


def test_a_service_whose_clock_is_behind_gives_one_alert(rules: list[BoundRule]) -> None:
    """Its rows come late for as long as it runs; an outage of twenty minutes is told once, not every five."""
    engine = Engine(rules, source_timeout_ms=3_600_000, live_from=0)
    engine.take(0, NOW_MS, row("b", NOW_MS // WINDOW_MS - 1, 4))
    engine.take(1, NOW_MS, progress(NOW_MS, "s0"))
    alerts: list[Alert] = []
    for window in range(180):
        clock_ms = NOW_MS + window * WINDOW_MS
        failed = 4 if 30 <= window < 150 else 0
        alerts += engine.take(2 + 2 * window, clock_ms, row("a", THEN + window, 4, errors=failed, block=window))
        alerts += engine.take(3 + 2 * window, clock_ms, progress(clock_ms, "s0"))
    alerts += engine.take(999, NOW_MS + 180 * WINDOW_MS + 31_000, progress(NOW_MS + 180 * WINDOW_MS, "s0"))
    found = [alert for alert in alerts if alert.rule == "failing"]
    assert [alert.state for alert in found] == ["firing", "resolved"]
    assert (THEN + 31) * WINDOW_MS / 1000 <= found[0].starts_at <= (THEN + 36) * WINDOW_MS / 1000
    assert (THEN + 150) * WINDOW_MS / 1000 <= found[1].at <= (THEN + 156) * WINDOW_MS / 1000
    assert len({alert.alert_id for alert in found}) == 1
