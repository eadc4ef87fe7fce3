"""An alert brings the last values of its series: the aggregate over the lookback, at each step."""

from __future__ import annotations

from pathlib import Path

from callgauge.schema import Alert
from callgauge_rules.rules import bind, load_rules
from callgauge_streams.detect.engine import Engine
from callgauge_windows.grouping import parse_groupings
from tests.unit.streams.detect.test_engine import run
from tests.unit.streams.detect.windows_log import WINDOW_MS, progress, row


def fired(tmp_path: Path, fields: str, calls: list[tuple[int, int]]) -> Alert:
    """The first alert that fires, of windows with so many calls and failures of them."""
    path = tmp_path / "rules.yaml"
    path.write_text(f"rules: [{{name: r, by: [model], {fields}}}]")
    rules = bind(load_rules(path), parse_groupings("model@10s"))
    records = []
    for window, (n, errors) in enumerate(calls):
        records += [row("b", window, n, errors), progress((window + 1) * WINDOW_MS, "s0")]
    return next(alert for alert in run(rules, records) if alert.state == "firing")


def test_a_share_slides(tmp_path: Path) -> None:
    """
    failed / calls    0/4   1/4   0/2   4/4     over two windows; of the first only one is known
    """
    calls = [(4, 0), (4, 1), (2, 0), (4, 4)]
    alert = fired(tmp_path, "aggregate: error_rate, lookback: 20s, value: 50%, keep_firing_for: 1m", calls)
    assert alert.points == [[10.0, 0.0], [20.0, 1 / 8], [30.0, 1 / 6], [40.0, 4 / 6]]
    assert alert.points[-1][1] == alert.value


def test_of_a_count_only_whole_lookbacks_are_shown(tmp_path: Path) -> None:
    """Part of it would look like a rise."""
    alert = fired(
        tmp_path, "aggregate: calls, lookback: 20s, value: 9, keep_firing_for: 1m", [(4, 0), (4, 0), (2, 0), (8, 0)]
    )
    assert alert.points == [[20.0, 8.0], [30.0, 6.0], [40.0, 10.0]]


def test_a_percentile_slides_and_gaps_are_left_out(tmp_path: Path) -> None:
    """Windows of failed calls have no latency."""
    calls = [(4, 0), (4, 4), (4, 4), (4, 0), (4, 0)]
    alert = fired(
        tmp_path, "aggregate: latency_p50_ms, lookback: 10s, value: 900, for: 10s, keep_firing_for: 1m", calls
    )
    assert [at for at, _ in alert.points] == [10.0, 40.0, 50.0]
    assert alert.points[-1][1] == alert.value


def test_in_a_storm_no_pictures_are_drawn(tmp_path: Path) -> None:
    """Of the alerts that one record causes only the first fifty have one."""
    path = tmp_path / "rules.yaml"
    path.write_text("rules: [{name: r, by: [model], aggregate: calls, lookback: 10s, value: 1}]")
    engine = Engine(bind(load_rules(path), parse_groupings("model@10s")), source_timeout_ms=10_000, live_from=0)
    for at in range(60):
        engine.take(at, 0, row(chr(500 + at), 0, 5))
    alerts = engine.take(60, 0, progress(WINDOW_MS, "s0"))
    assert [bool(alert.points) for alert in alerts] == [True] * 50 + [False] * 10
    assert all(alert.heard == 1.0 for alert in alerts)
