"""Every decision comes from the log: read again from anywhere, the same alerts."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge.codec import decode_window_record, encode
from callgauge.schema import Alert, BlockSummary, Histogram, Measure, Progress, SourceProgress, WindowRow
from callgauge_streams.detect.engine import Engine, read_back_ms
from callgauge_streams.detect.rules import BoundRule, bind, load_rules
from callgauge_streams.rollup.grouping import parse_groupings

RULES = """
rules:
  - {name: failing, by: [model], aggregate: error_rate, lookback: 20s, value: 0.5, min_count: 2, for: 10s,
     keep_firing_for: 10s, cooldown: 60s, severity: critical}
  - {name: busy, by: [model], aggregate: calls, lookback: 10s, value: 25}
  - {name: slow, by: [model], where: {model: a}, aggregate: latency_p95_ms, lookback: 30s, op: ge, value: 900}
"""
WINDOW_MS = 10_000
TIMEOUT_MS = 10_000

Record = tuple[int, int, Any]


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> list[BoundRule]:
    path = tmp_path_factory.mktemp("rules") / "rules.yaml"
    path.write_text(RULES)
    return bind(load_rules(path), parse_groupings("model@10s"))


def row(model: str, window: int, n: int, errors: int = 0, *, source: str = "s0", block: int = 0, ms: int = 100) -> Any:
    good = n - errors
    histogram = Histogram(scale=5, buckets={str(32 * 20): good})  # about 2^20 µs
    latency = Measure(count=good, sum=0, sum_sq=0, min=0, max=ms * 1000, max_event_id="e", histogram=histogram)
    message = WindowRow(
        grouping="model@10s",
        series_id=ord(model),
        window_start_ms=window * WINDOW_MS,
        window_ms=WINDOW_MS,
        source=source,
        block=block,
        epoch="e",
        n=n,
        labels={"model": model},
        errors={"other": errors} if errors else {},
        measures={"latency": latency} if good else {},
    )
    return decode_window_record(encode(message))


def progress(watermark_ms: int, *sources: str, idle: bool = False) -> Any:
    heard = [SourceProgress(source=s, block=0, next_offset=1, watermark_ms=watermark_ms, idle=idle) for s in sources]
    return decode_window_record(encode(Progress(worker="w", at_ms=0, sources=heard or [])))


def summary(source: str, block: int, *, complete: bool = True) -> Any:
    message = BlockSummary(
        source=source, block=block, epoch="e", last_offset=block, complete=complete, records=0, counted=0
    )
    return decode_window_record(encode(message))


def run(rules: list[BoundRule], records: list[Any], step_ms: int = 1_000) -> list[Alert]:
    engine = Engine(rules, source_timeout_ms=TIMEOUT_MS, live_from=0)
    return [alert for i, record in enumerate(records) for alert in engine.take(i, i * step_ms, record)]


def told(alerts: list[Alert]) -> list[tuple[str, str, float]]:
    return [(alert.rule, alert.state, alert.at) for alert in alerts]


def test_a_threshold_fires_after_for_and_resolves_after_keep_firing_for(rules: list[BoundRule]) -> None:
    """
    window     0   1   2   3   4   5   6
    errors     -   x   x   x   -   -   -       lookback two windows: holds at the ends of windows 2 and 3
    """
    records = []
    for window, errors in enumerate([0, 4, 4, 4, 0, 0, 0, 0]):
        records += [row("b", window, 4, errors), progress((window + 1) * WINDOW_MS, "s0")]
    assert told(run(rules, records)) == [
        ("failing", "pending", 30.0),
        ("failing", "firing", 40.0),
        ("failing", "resolved", 50.0),
    ]


def test_rows_of_several_blocks_and_sources_add_up(rules: list[BoundRule]) -> None:
    parts = [row("b", 0, 10, source="s0"), row("b", 0, 10, source="s1"), row("b", 0, 10, source="s0", block=9)]
    alerts = run(rules, [*parts, progress(WINDOW_MS, "s0", "s1")])
    assert told(alerts) == [("busy", "firing", 10.0)]
    assert (alerts[0].value, alerts[0].n) == (30.0, 30)


def test_the_largest_n_of_an_identity_counts_and_rows_of_folded_blocks_are_ignored(rules: list[BoundRule]) -> None:
    records = [
        row("b", 0, 20),
        row("b", 0, 14),  # an older version, sent again
        summary("s0", 0),
        row("b", 0, 20),  # the block again, read by another worker
        progress(WINDOW_MS, "s0"),
    ]
    assert run(rules, records) == []
    assert told(run(rules, [row("b", 0, 26), *records])) == [("busy", "firing", 10.0)]


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


def random_records(rng: random.Random) -> list[Record]:
    """A windows topic: two sources, growing rows, folded blocks, idle times; event time keeps up with the clock."""
    log: list[Record] = []
    clock, blocks, windows = 0, {"s0": 0, "s1": 0}, {"s0": 0, "s1": 0}
    grown: dict[tuple[str, str, int, int], tuple[int, int]] = {}
    for _ in range(rng.randrange(20, 200)):
        clock += rng.choice((100, 1_000, 1_000, 5_000))
        source = rng.choice(("s0", "s1"))
        chance = rng.random()
        if chance < 0.55:
            key = (source, rng.choice("ab"), max(0, windows[source] - rng.choice((0, 0, 0, 1, 3))), blocks[source])
            n, errors = grown.get(key, (0, 0))
            more = rng.randrange(1, 15)
            grown[key] = n, errors = n + more, errors + rng.choice((0, more))
            log.append((len(log), clock, row(key[1], key[2], n, errors, source=source, block=key[3])))
        elif chance < 0.85:
            windows[source] = max(windows[source], clock // WINDOW_MS - rng.choice((0, 0, 1)))
            at = progress(windows[source] * WINDOW_MS, source, idle=rng.random() < 0.1)
            log.append((len(log), clock, at))
        else:
            log.append((len(log), clock, summary(source, blocks[source])))
            blocks[source] += 10
    return log


def replay(rules: list[BoundRule], log: list[Record], rng: random.Random, crash: float) -> dict[Any, Alert]:
    """Alerts by identity, from workers that die between sending and committing and are followed by others."""
    sent: dict[Any, Alert] = {}
    current: dict[str, Alert] = {}
    span_ms = read_back_ms(rules, TIMEOUT_MS)
    committed = at = crashes = 0
    engine = Engine(rules, source_timeout_ms=TIMEOUT_MS, live_from=0)
    while at < len(log):
        for alert in engine.take(*log[at]):
            key = (alert.fingerprint, alert.starts_at, alert.seq)
            assert sent.setdefault(key, alert) == alert, "one transition, told in two ways"
            current[alert.fingerprint] = alert
        at += 1
        if rng.random() < 0.3:
            committed = at
        if crashes < 6 and rng.random() < crash:
            crashes += 1
            since = log[committed - 1][1] - span_ms if committed else 0
            at = next(i for i, record in enumerate(log) if record[1] >= since)
            engine = Engine(rules, source_timeout_ms=TIMEOUT_MS, live_from=committed, current=list(current.values()))
    return sent


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_workers_that_crash_tell_the_same_alerts(rules: list[BoundRule], seed: int) -> None:
    log = random_records(random.Random(seed))
    undisturbed = replay(rules, log, random.Random(0), crash=0)
    assert replay(rules, log, random.Random(seed + 1), crash=0.1) == undisturbed


def test_the_random_logs_make_alerts_of_every_kind(rules: list[BoundRule]) -> None:
    """The law above is not about nothing."""
    states = {
        (alert.rule, alert.state)
        for seed in range(100)
        for alert in replay(rules, random_records(random.Random(seed)), random.Random(0), crash=0).values()
    }
    assert states >= {(r, s) for r in ("failing", "busy", "slow") for s in ("firing", "resolved")}


def test_default_rules_file_is_shipped() -> None:
    import callgauge_streams.detect as package

    assert (Path(str(package.__file__)).parent / "default_rules.yaml").exists()
