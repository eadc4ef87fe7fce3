"""A range that retention ate is told once, in one alert that ends after an hour, however often it is named."""

from __future__ import annotations

from typing import Any

import pytest

from callgauge.codec import encode, read
from callgauge.schema import Alert
from callgauge_rules.alert_ids import fingerprint_of
from callgauge_streams.detect.losses import Losses
from tests.unit.streams.detect.takeovers import SOURCE, start

HOUR_MS = 3_600_000
LOSS = start(160, "e", 7, lost_from=41)

Told = list[tuple[int, str, float, int]]


def losses(*, live_from: int = 0, current: tuple[Alert, ...] = ()) -> Losses:
    return Losses("log/0", live_from, current)


def told(engine: Losses, *starts: Any) -> Told:
    """Each start in its own second and offset: (offset, state, at, n) of the alerts."""
    alerts = [alert for i, at in enumerate(starts) for alert in engine.take(at, i, i * 1_000)]
    return [(alert.offset, alert.state, alert.at, alert.n) for alert in alerts]


def test_the_alert_says_what_was_lost() -> None:
    (alert,) = losses().take(LOSS, 5, 2_000)
    assert alert.summary == (
        "119 offsets of source=cluster/topic/0 were lost, 41 to 159: retention ate records before they were counted; "
        "counting goes on at 160"
    )
    assert (alert.rule, alert.severity, alert.labels) == ("records_lost", "critical", {"source": SOURCE})
    assert alert.fingerprint == fingerprint_of("records_lost", {"source": SOURCE})
    assert (alert.state, alert.seq, alert.starts_at, alert.fired_at, alert.offset) == ("firing", 0, 2.0, 2.0, 5)
    assert (alert.threshold, alert.value, alert.n, alert.log) == (41.0, 160.0, 119, "log/0")


def test_a_source_of_broken_text_is_told_once() -> None:
    """Its name is repaired, so that the alert can be sent and known again."""
    broken = start(160, "e", 7, lost_from=41, source="cluster\ud83d/topic/0")
    (alert,) = losses().take(broken, 5, 2_000)
    assert (alert.labels, read(Alert, encode(alert))) == ({"source": "cluster\ufffd/topic/0"}, alert)
    assert told(losses(current=(alert,)), broken) == []


def test_a_start_that_lost_nothing_tells_nothing() -> None:
    assert told(losses(), start(160, "e", 7), start(160, "e", 8, lost_from=160)) == []


@pytest.mark.parametrize(
    "again",
    [LOSS, start(160, "e2", 9, lost_from=41), start(160, "e", 6, lost_from=41), start(100, "e", 6, lost_from=41)],
    ids=["repeated", "by the next worker", "by a zombie", "an earlier part"],
)
def test_the_same_range_is_told_once(again: Any) -> None:
    assert told(losses(), LOSS, again, LOSS) == [(0, "firing", 0.0, 119)]


def test_a_further_loss_is_told_again_and_only_what_is_new() -> None:
    further = start(200, "e", 8, lost_from=41)
    assert told(losses(), LOSS, further, LOSS, further) == [
        (0, "firing", 0.0, 119),
        (1, "resolved", 1.0, 119),
        (1, "firing", 1.0, 40),
    ]


def test_sources_are_told_apart() -> None:
    other = start(160, "e", 7, lost_from=41, source="cluster/topic/1")
    assert len(told(losses(), LOSS, other, LOSS, other)) == 2


def test_it_resolves_an_hour_of_log_time_later() -> None:
    engine = losses()
    (fired,) = engine.take(LOSS, 0, 1_000)
    assert list(engine.end(1, HOUR_MS)) == []
    (ended,) = engine.end(2, HOUR_MS + 60_000)
    assert (ended.state, ended.seq, ended.at, ended.ends_at) == ("resolved", 1, 3_601.0, 3_601.0)
    assert (ended.alert_id, ended.offset, ended.n) == (fired.alert_id, 2, fired.n)
    assert list(engine.end(3, 2 * HOUR_MS)) == []
    assert told(engine, LOSS) == []  # its worker goes on repeating its start


def test_a_worker_that_follows_knows_what_was_told() -> None:
    """The last transition of each alert is all it needs, firing or resolved."""
    before = losses()
    (fired,) = before.take(LOSS, 0, 1_000)
    (ended,) = before.end(1, 2 * HOUR_MS)
    for known in (fired, ended):
        assert told(losses(current=(known,)), LOSS) == []
    (again,) = losses(current=(fired,)).end(1, 2 * HOUR_MS)
    assert again == ended
    assert list(losses(current=(ended,)).end(1, 2 * HOUR_MS)) == []


def test_records_below_the_first_undecided_one_tell_nothing() -> None:
    before = losses()
    (fired,) = before.take(LOSS, 0, 1_000)
    engine = losses(live_from=10, current=(fired,))
    assert told(engine, LOSS) == []
    assert list(engine.end(9, 2 * HOUR_MS)) == []
    assert [alert.state for alert in engine.end(10, 2 * HOUR_MS)] == ["resolved"]
    assert list(losses(live_from=10).take(LOSS, 9, 0)) == []  # decided then, whatever became of the alert since


def test_told_again_it_is_the_same_alert() -> None:
    """The worker died after sending it, before it was known as told."""
    assert list(losses().take(LOSS, 5, 2_000)) == list(losses(live_from=3).take(LOSS, 5, 2_000))
