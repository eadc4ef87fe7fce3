"""`callgauge alerts show`: all that is known of one alert."""

from __future__ import annotations

from callgauge.schema import Alert, AlertAction
from callgauge_deploy.alert_shown import Processes, alert_lines
from callgauge_rules.alert_book import AlertBook
from tests.unit.streams.rules import people
from tests.unit.streams.rules.people import T0, acknowledge, episode

ALERT = episode(service="chat").model_copy(
    update={
        "points": [[T0 + at, float(at)] for at in range(10)], "event_ids": ["e1", "e2"], "baseline": 2.0, "score": 5.5,
        "heard": 0.5, "op": "", "detector": "zscore", "value": 9.0, "suspected_cause": "6 series fire",
    }
)  # fmt: skip


def lines(processes: Processes | None = None, *more: AlertAction) -> str:
    book = AlertBook()
    records: list[Alert | AlertAction] = [ALERT, acknowledge(ALERT, why="on it"), *more]
    for record in records:
        book.take(record, 0)
    return "\n".join(alert_lines(ALERT, book.shown(ALERT, T0 + 60), processes))


def test_evidence_and_who_takes_care() -> None:
    shown = lines()
    for part in (
        "expected 2, score 5.5 (zscore)",
        "50% heard of",
        "6 series fire",
        "e1 e2",
        "on it",
        "\u2588",
        "^ it began",
    ):
        assert part in shown
    assert "processes" not in shown


def test_traffic_that_stops_is_told_apart_from_processes_that_died() -> None:
    assert "3 alive: they run, so calls that are missing were not made" in lines(Processes(3, 0, 1, T0))
    assert "none alive, 2 silent since" in lines(Processes(0, 2, 0, T0))
    assert "all 4 ended" in lines(Processes(0, 0, 4, T0))


def test_what_was_found_out_while_it_fired_stands_before_what_is_so_now() -> None:
    shown = lines(Processes(3, 0, 1, T0), people.processes(ALERT, found="silent"))
    assert "  processes  they are silent\n  now        3 alive" in shown
