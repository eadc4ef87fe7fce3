"""A label with too many values is told in one alert, which ends an hour after the last overflow."""

from __future__ import annotations

from callgauge.schema import Alert, FoldedSeries
from callgauge_rules.alert_ids import fingerprint_of
from callgauge_streams.detect.overflows import LASTS_MS, Overflows


def folded(count: int = 7, *, service: str = "chat", label: str = "model", grouping: str = "model@10s") -> FoldedSeries:
    return FoldedSeries(grouping=grouping, service=service, label=label, count=count)


def overflows(*, live_from: int = 0, current: tuple[Alert, ...] = ()) -> Overflows:
    return Overflows("log/0", live_from, current)


def test_the_alert_says_which_service_which_label_how_many_and_what_to_do() -> None:
    sources = [folded(500), folded(34), folded(120, grouping="service,model@60s")]
    (alert,) = overflows().take(sources, 5, 2_000)
    assert alert.summary == (
        "service=chat has too many values of the label model: 534 of its series count as model=__other__ in model@10s "
        "by now, where no rule sees them one by one. Look for an id, a time or free text in that label, and leave it "
        "out there"
    )
    labels = {"service": "chat", "label": "model"}
    assert (alert.rule, alert.severity, alert.labels) == ("too_many_series", "warning", labels)
    assert alert.fingerprint == fingerprint_of("too_many_series", labels)
    assert (alert.state, alert.seq, alert.starts_at, alert.fired_at, alert.offset) == ("firing", 0, 2.0, 2.0, 5)
    assert (alert.value, alert.n, alert.log) == (534.0, 534, "log/0")


def test_it_fires_once_and_resolves_when_an_hour_has_passed_without_an_overflow() -> None:
    engine = overflows()
    (fired,) = engine.take([folded()], 0, 0)
    for second in range(1, 100):
        assert list(engine.take([folded(second)], second, second * 1_000)) == []
    assert list(engine.end(100, 99_000 + LASTS_MS - 1)) == []
    (ended,) = engine.end(101, 99_000 + LASTS_MS + 5_000)
    assert (ended.state, ended.seq, ended.at, ended.reason) == ("resolved", 1, 3_699.0, "no overflow for 1h")
    assert (ended.alert_id, ended.n) == (fired.alert_id, 7)
    assert list(engine.end(102, 3 * LASTS_MS)) == []
    (again,) = engine.take([folded()], 103, 3 * LASTS_MS)
    assert again.alert_id != fired.alert_id


def test_services_and_labels_are_told_apart() -> None:
    found = [folded(), folded(service="search"), folded(label="feature"), folded(grouping="service,model@60s")]
    assert len(list(overflows().take(found, 0, 0))) == 3


def test_without_a_service_nothing_is_told_while_rollup_names_one() -> None:
    """The same explosion met detect's own cap, in a grouping set that does not name the service."""
    engine = overflows()
    assert [a.labels["service"] for a in engine.take([folded(), folded(service="")], 0, 0)] == ["chat"]
    (alone,) = overflows().take([folded(service="")], 0, 0)
    assert alone.summary.startswith("the services together have too many values of the label model: 7 of its series")


def test_services_themselves_may_be_too_many() -> None:
    (alert,) = overflows().take([folded(service="__other__", label="service")], 0, 0)
    assert alert.summary.startswith("there are too many values of the label service: ")


def test_a_worker_that_follows_knows_what_was_told() -> None:
    """It reads the last hour again: when the last overflow was is in the progress of that time."""
    before = overflows()
    (fired,) = before.take([folded()], 0, 0)
    assert list(before.take([folded()], 1, 600_000)) == []
    after = overflows(live_from=2, current=(fired,))
    assert list(after.take([folded()], 1, 600_000)) == []
    for engine in (before, after):
        assert list(engine.end(2, LASTS_MS)) == []
    assert list(after.end(3, 600_000 + LASTS_MS)) == list(before.end(3, 600_000 + LASTS_MS)) != []


def test_records_below_the_first_undecided_one_tell_nothing() -> None:
    engine = overflows(live_from=10)
    assert list(engine.take([folded()], 9, 0)) == []
    assert [alert.state for alert in engine.take([folded()], 10, 1_000)] == ["firing"]


def test_an_alert_that_ended_before_is_not_ended_again() -> None:
    before = overflows()
    list(before.take([folded()], 0, 0))
    (ended,) = before.end(1, LASTS_MS)
    assert list(overflows(live_from=2, current=(ended,)).end(3, 9 * LASTS_MS)) == []
