"""One service sends a new model name with every call: the alerts of the others fire as ever, and it is told of."""

from __future__ import annotations

from typing import Any

import pytest

from callgauge.schema import FoldedSeries, SourceProgress
from callgauge.schema import Progress as ProgressMessage
from callgauge.structs import struct_of
from callgauge_rules.rules import BoundRule, bind, load_rules
from callgauge_streams.detect.engine import Engine
from callgauge_windows.grouping import parse_groupings
from tests.unit.streams.detect.windows_log import WINDOW_MS, Record, progress, row

RULES = """
rules:
  - {name: failing, by: [model], aggregate: error_rate, lookback: 20s, value: 0.5, min_count: 2}
  - {name: named, by: [model], where: {model: m900}, aggregate: calls, lookback: 10s, value: 0}
"""
CAP = 50


@pytest.fixture
def judging(tmp_path: Any) -> list[BoundRule]:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES)
    return bind(load_rules(path), parse_groupings("model@10s service@10s"))


def engine_of(rules: list[BoundRule], *, live_from: int = 0, **options: Any) -> Engine:
    return Engine(rules, source_timeout_ms=60_000, live_from=live_from, log="c/t/3", series_cap=CAP, **options)


def exploding(windows: int, per_window: int = 200) -> list[Record]:
    """The victim's calls fail from the third window on; everything else is new models, all of which fail too."""
    records: list[Record] = []
    for window in range(windows):
        clock = (window + 1) * WINDOW_MS
        rows = [model_row("victim", window, 10, 10 if window >= 2 else 0)]
        rows += [model_row(f"m{window * per_window + i}", window, 1, 1) for i in range(per_window)]
        records += [(0, clock, each) for each in rows]
        records.append((0, clock, progress(clock, "s0")))
    return [(offset, clock, record) for offset, (_, clock, record) in enumerate(records)]


def model_row(model: str, window: int, n: int, errors: int) -> Any:
    made = row("x", window, n, errors)
    made.labels = {"model": model}
    made.series_id = int.from_bytes(model.encode(), "big")
    return made


def told(engine: Engine, records: list[Record]) -> list[Any]:
    return [alert for record in records for alert in engine.take(*record)]


def test_the_victims_alert_fires_and_what_is_kept_is_bounded(judging: list[BoundRule]) -> None:
    engine = engine_of(judging, tells_losses=True)
    alerts = told(engine, exploding(30))
    victims = [(alert.state, alert.at) for alert in alerts if alert.labels.get("model") == "victim"]
    assert victims == [("firing", 40.0)]
    assert len(engine._windows._series) <= CAP + 2  # the folded ones, and the one that a rule names
    assert engine.folded > 4_000


def test_what_is_folded_is_judged_together_under_labels_that_say_so(judging: list[BoundRule]) -> None:
    alerts = told(engine_of(judging), exploding(3))
    other = [alert for alert in alerts if alert.labels.get("model") == "__other__"]
    assert [(alert.rule, alert.state, alert.at, alert.labels) for alert in other] == [
        ("failing", "firing", 10.0, {"model": "__other__", "partition": "3"})
    ]
    assert other[0].n == 200 - (CAP - 1)


def test_a_series_that_a_rule_names_in_full_is_told_apart_however_many_there_are(judging: list[BoundRule]) -> None:
    alerts = told(engine_of(judging), exploding(6))
    assert [(alert.state, alert.at) for alert in alerts if alert.rule == "named"][:1] == [("firing", 50.0)]


def test_a_series_with_an_alert_is_told_apart_after_a_restart(judging: list[BoundRule]) -> None:
    """Others come first when the log is read from the middle; its alert must not end for that."""
    records = exploding(12)
    alerts = told(engine_of(judging), records)
    current = {alert.fingerprint: alert for alert in alerts}
    (victim,) = [alert for alert in current.values() if alert.labels == {"model": "victim"}]
    assert victim.state == "firing"
    middle = len(records) // 2
    after = engine_of(judging, current=[victim], live_from=middle + 600)
    again = told(after, records[middle + 100 :])  # 100 rows of others come before the victim's next
    assert [alert for alert in again if alert.labels == {"model": "victim"}] == []


def test_one_engine_tells_that_there_are_too_many_series(judging: list[BoundRule]) -> None:
    """Once, after a second's progress, and ends it an hour after the last."""
    for tells in (True, False):
        engine = engine_of(judging, tells_losses=tells)
        alerts = told(engine, exploding(5))
        later = [(2_000, at * 60_000, progress(at * 60_000, "s0")) for at in range(1, 65)]
        found = [a for a in [*alerts, *told(engine, later)] if a.rule == "too_many_series"]
        expected = (
            [("firing", 10.0, {"service": "", "label": "model"}), ("resolved", 3_650.0, found[0].labels)]
            if tells
            else []
        )
        assert [(alert.state, alert.at, alert.labels) for alert in found] == expected


_Progress: Any = struct_of(ProgressMessage)


def test_what_rollup_folds_is_told_too_of_scores_as_well(judging: list[BoundRule]) -> None:
    def told_by(holds: str) -> Any:
        folding = [struct_of(FoldedSeries)(grouping="model@10s", service="bulk", label="model", count=9)]
        source = struct_of(SourceProgress)(
            source=holds, block=0, next_offset=1, watermark_ms=0, idle=False, holds=holds, folding=folding
        )
        return _Progress(worker="w", at_ms=0, sources=[source])

    for holds in ("calls", "scores"):
        engine = engine_of(judging, tells_losses=True)
        alerts = told(engine, [(0, 1_000, told_by(holds)), (1, 2_000, told_by(holds))])
        assert [(a.rule, a.labels, a.n) for a in alerts] == [
            ("too_many_series", {"service": "bulk", "label": "model"}, 9)
        ]


def test_rows_that_no_rule_judges_are_kept_nowhere(judging: list[BoundRule]) -> None:
    """Of a grouping set without rules, and of series that every rule leaves out."""
    some = [rule for rule in judging if rule.rule.name == "named"]
    engine = engine_of(some)
    engine.take(0, 0, row("b", 0, 1))
    unjudged = row("c", 0, 1)
    unjudged.grouping = "service@10s"
    engine.take(1, 0, unjudged)
    assert not engine._windows._series
    assert engine.left_out == engine.folded == 0
