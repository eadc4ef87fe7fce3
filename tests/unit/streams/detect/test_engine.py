"""Windows are judged when their time has come, and again when they change; alerts of what nothing judges end."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from callgauge.codec import decode_window_record, encode
from callgauge.schema import Alert, ScoreRow, SignedHistogram
from callgauge_rules.rules import BoundRule, bind, load_rules
from callgauge_streams.detect.engine import Engine
from callgauge_windows.grouping import parse_groupings
from tests.unit.streams.detect.takeovers import start
from tests.unit.streams.detect.windows_log import WINDOW_MS, Record, progress, row, summary

TIMEOUT_MS = 10_000
VOID = "rows became void and were counted again by other settings"


def run(rules: list[BoundRule], records: list[Any], step_ms: int = 1_000) -> list[Alert]:
    engine = Engine(rules, source_timeout_ms=TIMEOUT_MS, live_from=0)
    return [alert for i, record in enumerate(records) for alert in engine.take(i, i * step_ms, record)]


def told(alerts: list[Alert]) -> list[tuple[str, str, float]]:
    return [(alert.rule, alert.state, alert.at) for alert in alerts]


def test_a_threshold_fires_after_for_and_resolves_after_keep_firing_for(rules: list[BoundRule]) -> None:
    """
    window     0   1   2   3   4   5   6
    errors     -   x   x   x   -   -   -       lookback two windows: holds at the ends of windows 2 and 3
    keep                       |   |           fires on for one window without
    """
    records = []
    for window, errors in enumerate([0, 4, 4, 4, 0, 0, 0, 0]):
        records += [row("b", window, 4, errors), progress((window + 1) * WINDOW_MS, "s0")]
    assert told(run(rules, records)) == [
        ("failing", "pending", 30.0),
        ("failing", "firing", 40.0),
        ("failing", "resolved", 60.0),
    ]


def test_rows_of_several_blocks_and_sources_add_up(rules: list[BoundRule]) -> None:
    parts = [row("b", 0, 10, source="s0"), row("b", 0, 10, source="s1"), row("b", 0, 10, source="s0", block=9)]
    alerts = run(rules, [*parts, progress(WINDOW_MS, "s0", "s1")])
    assert told(alerts) == [("busy", "firing", 10.0)]
    assert (alerts[0].value, alerts[0].n) == (30.0, 30)


def test_the_largest_n_of_an_identity_counts_and_rows_of_folded_blocks_are_ignored(rules: list[BoundRule]) -> None:
    records = [
        start(0, "e", 1, source="s0"),
        row("b", 0, 20),
        row("b", 0, 14),  # an older version, sent again
        summary("s0", 0),
        progress(0, "s0", committed=41),
        row("b", 0, 20),  # the block again, of a worker that does not know yet that it was replaced
        row("b", 0, 26),
        progress(WINDOW_MS, "s0"),
    ]
    assert run(rules, records) == []
    records.insert(3, row("b", 0, 26))
    assert told(run(rules, records)) == [("busy", "firing", 10.0)]


def test_nothing_is_judged_before_the_slowest_source_has_passed(rules: list[BoundRule]) -> None:
    records = [row("b", 0, 30), progress(WINDOW_MS, "s0"), progress(0, "s1"), progress(WINDOW_MS, "s0")]
    first = run(rules, [progress(0, "s1"), *records])
    assert first == []
    assert told(run(rules, [progress(0, "s1"), *records, progress(WINDOW_MS, "s1")])) == [("busy", "firing", 10.0)]


def test_an_idle_source_holds_nothing_up(rules: list[BoundRule]) -> None:
    records = [progress(0, "s1", idle=True), row("b", 0, 30), progress(WINDOW_MS, "s0")]
    assert told(run(rules, records)) == [("busy", "firing", 10.0)]


def test_when_all_is_silent_time_goes_on_and_alerts_end(rules: list[BoundRule]) -> None:
    records = [row("b", 0, 30), progress(WINDOW_MS, "s0")]
    records += [progress(WINDOW_MS, "s0", idle=True)] * 30
    assert told(run(rules, records)) == [("busy", "firing", 10.0), ("busy", "resolved", 20.0)]


def test_a_count_waits_while_a_source_is_unheard(rules: list[BoundRule]) -> None:
    records = [progress(0, "s1", idle=True), row("b", 0, 30), progress(WINDOW_MS, "s0")]
    assert run(rules, records, step_ms=TIMEOUT_MS) == []


def test_a_late_row_judges_the_window_again(rules: list[BoundRule]) -> None:
    records = [row("b", 0, 20), progress(WINDOW_MS, "s0"), row("b", 0, 10, block=9)]
    alerts = run(rules, records)
    assert told(alerts) == [("busy", "firing", 10.0)]
    assert alerts[0].reason == "a late row changed the window"


def recounted(*rows: Any) -> list[Any]:
    """
    block     0    41              20 + 10 calls fire; block 41 is counted again under e2
    """
    return [
        start(0, "e1", 1, source="s0"),
        row("b", 0, 20, epoch="e1"),
        row("b", 0, 10, block=41, epoch="e1"),
        progress(WINDOW_MS, "s0"),
        start(41, "e1", 2, source="s0"),  # a crash under the same settings: nothing changes
        start(41, "e2", 3, source="s0"),
        row("b", 0, 10, block=41, epoch="e1"),  # the worker before, a zombie
        start(41, "e1", 2, source="s0"),
        progress(WINDOW_MS // 2, "s0"),  # it is not as far as before
        *rows,
        progress(WINDOW_MS, "s0"),
    ]


def test_an_alert_waits_while_its_rows_are_counted_again(rules: list[BoundRule]) -> None:
    """Neither resolved nor fired again, if the windows come out as before."""
    alerts = run(rules, recounted(row("b", 0, 4, block=41, epoch="e2"), row("b", 0, 10, block=41, epoch="e2")))
    assert [(a.offset, a.state, a.value) for a in alerts] == [(3, "firing", 30.0)]


def test_rows_that_are_counted_differently_are_judged_once_all_have_come(rules: list[BoundRule]) -> None:
    """By the source's progress, with the reason."""
    alerts = run(rules, recounted(row("b", 0, 2, block=41, epoch="e2")))
    assert [(a.offset, a.state, a.value, a.reason) for a in alerts] == [
        (3, "firing", 30.0, ""),
        (10, "resolved", 22.0, VOID),
    ]


def test_a_source_that_is_not_heard_of_is_not_waited_for(rules: list[BoundRule]) -> None:
    """Its worker has died in the middle of it. (Rules on counts wait for it all the same.)"""
    records = [
        start(0, "e1", 1, source="s0"),
        row("a", 0, 10, epoch="e1"),
        progress(WINDOW_MS, "s0", "s1"),
        start(0, "e2", 2, source="s0"),
        *(progress(WINDOW_MS, "s1") for _ in range(12)),
    ]
    alerts = run(rules, records)
    assert [(a.rule, a.offset, a.state, a.reason) for a in alerts] == [
        ("slow", 2, "firing", ""),
        ("slow", 13, "resolved", VOID),
    ]


def test_new_windows_wait_for_a_source_that_is_counted_again(rules: list[BoundRule]) -> None:
    """
    s0        20 | void, counted again ......... 20
    s1        behind; passes the window end meanwhile, which is judged when both have
    """
    records = [
        progress(0, "s1"),
        start(0, "e1", 1, source="s0"),
        row("b", 0, 20, epoch="e1"),
        row("b", 0, 10, source="s1"),
        progress(WINDOW_MS, "s0"),
        progress(WINDOW_MS // 2, "s1"),
        start(0, "e2", 2, source="s0"),
        progress(WINDOW_MS, "s1"),
        progress(0, "s0"),
    ]
    assert run(rules, records) == []
    assert told(run(rules, [*records, row("b", 0, 20, epoch="e2"), progress(WINDOW_MS, "s0")])) == [
        ("busy", "firing", 10.0)
    ]


def loss(source: str = "s0") -> Any:
    return start(160, "e", 7, lost_from=41, source=source)


def test_a_loss_is_told_by_one_engine_and_ends_after_an_hour(rules: list[BoundRule]) -> None:
    for tells in (True, False):
        engine = Engine(rules, source_timeout_ms=TIMEOUT_MS, live_from=0, tells_losses=tells)
        records = [(0, 0, loss()), (1, 60_000, loss()), (2, 61_000, progress(0, "s0"))]
        records += [(3, 3_600_000, progress(0, "s0")), (4, 3_700_000, loss())]
        alerts = [alert for record in records for alert in engine.take(*record)]
        assert told(alerts) == tells * [("records_lost", "firing", 0.0), ("records_lost", "resolved", 3_600.0)]


def test_a_loss_is_not_ended_as_an_alert_without_a_rule(rules: list[BoundRule]) -> None:
    fired = Engine(rules, source_timeout_ms=TIMEOUT_MS, live_from=0, tells_losses=True).take(0, 0, loss())
    for tells in (True, False):
        engine = Engine(rules, source_timeout_ms=TIMEOUT_MS, live_from=1, current=fired, tells_losses=tells)
        assert engine.take(1, 0, loss()) == []
        assert engine.take(2, 0, progress(10 * WINDOW_MS, "s0")) == []


def test_where_leaves_other_series_out(rules: list[BoundRule]) -> None:
    alerts = run(rules, [row("a", 0, 5), row("b", 0, 5), progress(WINDOW_MS, "s0")])
    assert [(alert.rule, alert.labels) for alert in alerts] == [("slow", {"model": "a"})]
    assert "latency_p95_ms of model=a over 30s is 1.0" in alerts[0].summary


def test_a_row_of_long_ago_costs_nothing(rules: list[BoundRule]) -> None:
    """A clock that says 1970 must not make detect judge every window since."""
    now = 1_700_000_000_000
    engine = Engine(rules, source_timeout_ms=TIMEOUT_MS, live_from=0)
    engine.take(0, now, row("b", 0, 30))
    began = time.process_time()
    engine.take(1, now, progress(now, "s0"))
    assert time.process_time() - began < 1.0  # 170 million windows would take an hour
    engine.take(2, now, row("b", 1, 30))
    assert engine.left_out == 1


def test_rows_of_the_future_are_left_out(rules: list[BoundRule]) -> None:
    engine = Engine(rules, source_timeout_ms=TIMEOUT_MS, live_from=0)
    assert engine.take(0, 1_000, row("b", 1_000_000, 30)) == []
    assert engine.left_out == 1


def test_a_waiting_count_rule_judges_what_it_missed(rules: list[BoundRule]) -> None:
    """Both sources fall silent while `busy` fires; it ends when both are heard again."""
    records: list[Record] = [
        (0, 0, progress(0, "s0", "s1")),
        (1, 0, row("b", 0, 30)),
        (2, 0, progress(WINDOW_MS, "s0", "s1")),
        (3, 60_000, progress(60_000, "s0")),  # s1 unheard for longer than the timeout
        (4, 61_000, progress(61_000, "s0")),
        (5, 62_000, progress(62_000, "s0", "s1")),
    ]
    engine = Engine(rules, source_timeout_ms=TIMEOUT_MS, live_from=0)
    alerts = [(record[0], *told([alert])[0]) for record in records for alert in engine.take(*record)]
    assert alerts == [(2, "busy", "firing", 10.0), (5, "busy", "resolved", 20.0)]


def test_an_alert_whose_rule_is_gone_is_resolved(rules: list[BoundRule]) -> None:
    fired = run(rules, [row("b", 0, 30), progress(WINDOW_MS, "s0")])
    others = [rule for rule in rules if rule.rule.name != "busy"]
    engine = Engine(others, source_timeout_ms=TIMEOUT_MS, live_from=2, current=fired)
    assert engine.take(1, 0, progress(WINDOW_MS, "s0")) == []  # decided before
    ended = engine.take(2, 0, progress(WINDOW_MS, "s0"))
    assert [(a.state, a.seq, a.reason, a.ends_at) for a in ended] == [
        ("resolved", fired[-1].seq + 1, "the rule was removed or changed", 10.0)
    ]
    assert engine.take(3, 0, progress(3 * WINDOW_MS, "s0")) == []


def test_an_alert_whose_series_is_heard_no_more_is_resolved(rules: list[BoundRule]) -> None:
    fired = run(rules, [row("b", 0, 30), progress(WINDOW_MS, "s0")])
    engine = Engine(rules, source_timeout_ms=TIMEOUT_MS, live_from=0, current=fired, log="another log")
    assert engine.take(0, 0, progress(WINDOW_MS, "s0")) == []
    ended = engine.take(1, 0, progress(2 * WINDOW_MS, "s0"))
    assert [(a.state, a.reason, a.log) for a in ended] == [("resolved", "no calls to judge", "another log")]


def test_offsets_of_another_log_decide_nothing_here(rules: list[BoundRule]) -> None:
    """The windows topic made anew begins at offset 0 again."""
    fired = run(rules, [row("b", 0, 30), progress(WINDOW_MS, "s0")])
    old = [alert.model_copy(update={"log": "an earlier log", "offset": 5_000_000}) for alert in fired]
    engine = Engine(rules, source_timeout_ms=TIMEOUT_MS, live_from=0, current=old, log="this log")
    engine.take(0, 0, row("b", 2, 1))
    assert [a.state for a in engine.take(1, 0, progress(3 * WINDOW_MS, "s0"))] == ["resolved"]


def test_scores_change_nothing(rules: list[BoundRule]) -> None:
    """Their rows are passed over, and windows of calls do not wait for their sources."""
    message = ScoreRow(
        grouping="model@10s", series_id=ord("b"), window_start_ms=0, window_ms=WINDOW_MS, source="scores", block=0,
        epoch="e", name="n", origin="user", n=9, labels={"model": "b"}, sum=0, sum_sq=0, min=0, max=0, min_event_id="e",
        histogram=SignedHistogram(scale=5, zero_count=9),
    )  # fmt: skip
    score_row = decode_window_record(encode(message))
    records = [row("b", 0, 30), progress(WINDOW_MS, "s0")]
    among = [start(0, "e", 1, source="scores"), score_row, progress(0, "scores", holds="scores"), *records, score_row]
    expected = [("busy", "firing", 10.0)]
    assert told(run(rules, records)) == told(run(rules, among)) == expected


def test_traffic_that_stops_altogether_is_the_largest_fall(tmp_path: Path) -> None:
    """
    window     0   1   2   3   4   5   6 ...
    calls     50  50   5   -   -   -   -        below 10 for 20 s: fires at the end of window 4, and goes on
    """
    path = tmp_path / "rules.yaml"
    path.write_text("rules: [{name: gone, by: [model], aggregate: calls, lookback: 10s, op: lt, value: 10, for: 20s}]")
    rules = bind(load_rules(path), parse_groupings("model@10s"))
    for calls in ([50, 50, 5], [50, 50, 50]):
        records = []
        for window, n in enumerate([*calls, 0, 0, 0, 0, 0]):
            records += [row("b", window, n)] if n else []
            records.append(progress((window + 1) * WINDOW_MS, "s0"))
        first = 30.0 if calls[-1] == 5 else 40.0
        fired = [("gone", "pending", first), ("gone", "firing", first + 20)]
        assert told(run(rules, records)) == fired
        records += [progress(at * 600_000, "s0") for at in range(1, 9)]
        assert told(run(rules, records))[:2] == fired
        assert [state for _, state, at in told(run(rules, records)) if at > 3_600] == ["resolved"]


def test_ended_alerts_of_series_that_come_and_go_are_forgotten(tmp_path: Path) -> None:
    """A cooldown longer than the windows are kept: the state goes when it is over, not never."""
    path = tmp_path / "rules.yaml"
    path.write_text("rules: [{name: busy, by: [model], aggregate: calls, lookback: 10s, value: 25, cooldown: 2h}]")
    rules = bind(load_rules(path), parse_groupings("model@10s"))
    engine = Engine(rules, source_timeout_ms=60_000, live_from=0)
    records = []
    for window in range(50):
        records += [row(chr(ord("a") + window), window, 30), progress((window + 1) * WINDOW_MS, "s0")]
    records += [progress(at * 60_000, "s0") for at in range(10, 200)]
    for offset, record in enumerate(records):
        engine.take(offset, 0, record)
        if offset == 120:
            assert len(engine._states) == 50
    assert not engine._states
