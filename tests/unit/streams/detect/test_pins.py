"""A pinned baseline is what the stream's drift rules compare with, at the same windows however often the log is read.

minutes    0 ............ 40 ............ 80 ............ 120
refusals   5 %            5 %             5 %                      a series that has always refused as much
pinned                    1 %  from here on too many are refusals
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from callgauge.codec import decode_window_record, encode
from callgauge.schema import Alert, Baseline, CountedShare, Histogram, Measure, ScoreRow, SignedHistogram, WindowRow
from callgauge_rules.baselines import Baselines
from callgauge_rules.rules import BoundRule, bind, load_rules
from callgauge_streams.detect.engine import Engine
from callgauge_streams.detect.learned_states import decode_state
from callgauge_windows.grouping import parse_groupings
from callgauge_windows.histogram import bucket_of
from tests.unit.streams.detect.windows_log import progress

GROUPING = "service,model,prompt_version@60s"
MINUTE_MS = 60_000
START = 1_700_006_400_000 // MINUTE_MS
LABELS = {"service": "chat", "model": "m", "prompt_version": "v2"}


@pytest.fixture(scope="module")
def rules() -> list[BoundRule]:
    """The default rules that compare with what is pinned."""
    wanted = ("refusals_change", "hallucination_markers_change", "length_change_since_pinned")
    found = bind([rule for rule in load_rules(None) if rule.name in wanted], parse_groupings(GROUPING))
    assert [rule.rule.name for rule in found] == list(wanted)
    return found


def _row(minute: int, source: str) -> dict[str, Any]:
    return {
        "grouping": GROUPING, "series_id": 1, "window_start_ms": (START + minute) * MINUTE_MS, "window_ms": MINUTE_MS,
        "source": source, "block": 0, "epoch": "e", "labels": LABELS,
    }  # fmt: skip


def refusals(minute: int, refused: int, n: int = 20) -> Any:
    one = int(bucket_of(np.array([1_000_000]))[0])
    histogram = SignedHistogram(scale=5, zero_count=n - refused, buckets={str(one): refused} if refused else {})
    message = ScoreRow(
        **_row(minute, "s"), name="refusal", origin="heuristic", n=n, sum=refused * 1_000_000, sum_sq=0, min=0,
        max=1_000_000 if refused else 0, min_event_id="e", histogram=histogram,
    )  # fmt: skip
    return decode_window_record(encode(message))


def answers(minute: int, tokens: int, n: int = 20) -> Any:
    histogram = Histogram(scale=5, buckets={str(int(bucket_of(np.array([tokens]))[0])): n})
    measure = Measure(count=n, sum=n * tokens, sum_sq=0, min=tokens, max=tokens, max_event_id="e", histogram=histogram)
    return decode_window_record(encode(WindowRow(**_row(minute, "c"), n=n, measures={"output_tokens": measure})))


def log_of(minutes: int, tokens: int = 200, refused: int = 1) -> list[tuple[int, Any]]:
    """(log time, record): so many refusals of 20 answers each minute."""
    found = []
    for minute in range(minutes):
        at_ms = (START + minute + 1) * MINUTE_MS
        each = (
            refusals(minute, refused), answers(minute, tokens),
            progress(at_ms, "c"), progress(at_ms, "s", holds="scores"),
        )  # fmt: skip
        found += [(at_ms, record) for record in each]
    return found


def baseline(refused: int, n: int = 5_000, tokens: int = 200) -> Baseline:
    key = str(int(np.ceil(np.log2(tokens) * 8)) - 1)
    return Baseline(
        service="chat", model="m", since=1.0, until=2.0, calls=n, tokens={key: n}, mean_tokens=float(tokens),
        shares={"refusal": CountedShare(n=n, above_zero=refused)},
    )  # fmt: skip


def judged(
    rules: list[BoundRule],
    log: Sequence[tuple[int, Any]],
    pins: Sequence[tuple[int, Baseline]],
    crashes: Sequence[int] = (),
) -> list[Alert]:  # fmt: skip
    """The alerts. A worker knows what was pinned up to then; one that is started anew all that is pinned."""
    current: dict[str, Alert] = {}
    saved: dict[str, bytes | None] = {}
    sent: list[Alert] = []

    def engine(live_from: int, baselines: Baselines) -> Engine:
        return Engine(
            rules, source_timeout_ms=10 * MINUTE_MS, live_from=live_from, current=list(current.values()), whole=True,
            learned=[decode_state(value) for value in saved.values() if value], baselines=baselines,
        )  # fmt: skip

    baselines, left = Baselines(), list(enumerate(pins))
    worker, at = engine(0, baselines), 0
    to_come = list(crashes)
    while at < len(log):
        at_ms, record = log[at]
        while left and left[0][1][0] <= at_ms:
            offset, (pinned_ms, each) = left.pop(0)
            baselines.take(offset, pinned_ms, each)
        told = worker.take(at, at_ms, record)
        current |= {alert.fingerprint: alert for alert in told}
        sent += told
        saved |= dict(worker.take_states())
        at += 1
        if to_come and at == to_come[0]:
            to_come.pop(0)
            whole = Baselines()
            for offset, (pinned_ms, each) in enumerate(pins):
                whole.take(offset, pinned_ms, each)
            baselines, left, worker, at = whole, [], engine(at, whole), 0
    return sent


def told(alerts: Sequence[Alert]) -> list[tuple[str, str, float]]:
    return [(alert.rule, alert.state, (alert.at * 1000 / MINUTE_MS) - START) for alert in alerts]


def test_what_was_pinned_is_compared_with(rules: list[BoundRule]) -> None:
    """A share that is as it was two hours before, and not as it was when it was pinned."""
    log, pinned_ms = log_of(90, refused=4), (START + 40) * MINUTE_MS
    assert judged(rules, log, []) == []
    (alert,) = judged(rules, log, [(pinned_ms, baseline(50))])
    assert (alert.rule, alert.state, alert.labels) == ("refusals_change", "firing", LABELS)
    assert 41 <= alert.at * 1000 / MINUTE_MS - START <= 46
    assert alert.baseline == pytest.approx(0.01)
    assert "when it was pinned" in alert.reason


def test_a_baseline_of_today_ends_the_alert(rules: list[BoundRule]) -> None:
    """What is pinned anew is the new normal."""
    pins = [((START + 5) * MINUTE_MS, baseline(50)), ((START + 40) * MINUTE_MS, baseline(1_000))]
    found = told(judged(rules, log_of(90, refused=4), pins))
    assert [(rule, state) for rule, state, _ in found] == [
        ("refusals_change", "firing"),
        ("refusals_change", "resolved"),
    ]
    assert found[1][2] <= 41 + 10 + 2  # keep_firing_for


def test_lengths_are_compared_with_what_was_pinned(rules: list[BoundRule]) -> None:
    """By 30 % and more than chance; less is the same."""
    pins = [((START + 5) * MINUTE_MS, baseline(250, tokens=200))]
    (alert,) = judged(rules, log_of(60, tokens=280), pins)
    assert (alert.rule, alert.state) == ("length_change_since_pinned", "firing")
    assert "mean of 28" in alert.reason
    assert judged(rules, log_of(60, tokens=240), pins) == []
    assert judged(rules, log_of(60, tokens=280), []) == []


@pytest.mark.parametrize("crashes", [(30,), (100,), (130, 131), (150, 200, 250)])
def test_workers_that_are_started_again_tell_the_same(rules: list[BoundRule], crashes: tuple[int, ...]) -> None:
    """Whether a baseline was known when its window was read first, or only when it was read again."""
    pins = [((START + 41) * MINUTE_MS, baseline(50, tokens=100)), ((START + 70) * MINUTE_MS, baseline(1_000))]
    log = log_of(95, refused=4)
    undisturbed = judged(rules, log, pins)
    assert {alert.rule for alert in undisturbed} == {"refusals_change", "length_change_since_pinned"}
    again = judged(rules, log, pins, crashes)
    assert {alert.alert_id: alert.seq for alert in again} == {alert.alert_id: alert.seq for alert in undisturbed}
    assert list({(a.alert_id, a.seq): a for a in again}.values()) == undisturbed
