"""Scores are merged as calls are, and judged when their own sources have passed a window's end."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from callgauge.codec import decode_window_record, encode
from callgauge.schema import BREAKER_OPEN, Score, ScoreRow, SignedHistogram, StateChange
from callgauge_rules.rules import BoundRule, bind, load_rules
from callgauge_streams.bus.chunk import Chunk
from callgauge_streams.bus.records import Records
from callgauge_streams.detect.engine import Engine
from callgauge_streams.rollup.kinds import SCORES
from callgauge_streams.rollup.source.state_machine import RollupConfig, SourceRollup
from callgauge_windows.grouping import parse_groupings
from callgauge_windows.histogram import bucket_of
from tests.as_sent import as_sent
from tests.unit.streams.detect.takeovers import start
from tests.unit.streams.detect.test_engine import run, told
from tests.unit.streams.detect.windows_log import WINDOW_MS, progress, row

RULES = """
rules:
  - {name: faithless, by: [model], aggregate: score.faithfulness.mean, lookback: 20s, op: lt, value: 3.5, min_count: 3}
  - {name: judged, by: [model], aggregate: "score.faithfulness{origin=judge}.p05", lookback: 10s, op: lt, value: 3}
  - {name: toxic, by: [model], aggregate: score.toxicity.rate_above_0, lookback: 10s, value: 0}
  - {name: open, by: [model], aggregate: breaker_opens, lookback: 10s, value: 0}
  - {name: busy, by: [model], aggregate: calls, lookback: 10s, value: 25}
"""


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> list[BoundRule]:
    path = tmp_path_factory.mktemp("rules") / "rules.yaml"
    path.write_text(RULES)
    return bind(load_rules(path), parse_groupings("model@10s"))


def scores(
    window: int, *values: float, name: str = "faithfulness", origin: str = "user", block: int = 0, epoch: str = "e"
) -> Any:
    """A row of these scores of model b, as rollup sends it."""
    millionths = [round(value * 1e6) for value in values]
    keys = Counter(int(bucket_of(np.array([abs(v)]))[0]) * (1 if v > 0 else -1) for v in millionths if v)
    message = ScoreRow(
        grouping="model@10s", series_id=ord("b"), window_start_ms=window * WINDOW_MS, window_ms=WINDOW_MS, source="s",
        block=block, epoch=epoch, name=name, origin=origin, n=len(values), labels={"model": "b"}, sum=sum(millionths),
        sum_sq=0, min=min(millionths), max=max(millionths), min_event_id=f"e{min(values):g}",
        histogram=SignedHistogram(
            scale=5, zero_count=millionths.count(0), buckets={str(k): n for k, n in keys.items() if k > 0},
            negative={str(-k): n for k, n in keys.items() if k < 0},
        ),
    )  # fmt: skip
    return decode_window_record(encode(message))


def scored(watermark_ms: int, **more: Any) -> Any:
    return progress(watermark_ms, "s", holds="scores", **more)


def test_a_mean_below_its_limit_fires(rules: list[BoundRule]) -> None:
    """Over both origins, with the lowest score's call; min_count is about scores."""
    records = [scores(0, 2, 3), scored(WINDOW_MS), scores(1, 4, 5, origin="judge"), scored(2 * WINDOW_MS)]
    assert run(rules, records) == []
    (alert,) = run(rules, [*records[:2], scores(1, 1), scored(2 * WINDOW_MS)])
    assert (alert.rule, alert.state, alert.value, alert.n, alert.event_id) == ("faithless", "firing", 2.0, 3, "e1")
    assert alert.event_ids == ["e1", "e2"]
    assert alert.summary.endswith("is 2 (3 scores; alert when below 3.5)")


def test_an_origin_is_judged_by_itself(rules: list[BoundRule]) -> None:
    """Rows of one series and window that differ in their origin add up, and do not replace each other."""
    records = [scores(0, 1), scores(0, 5, 5, origin="judge"), scores(0, 5, 2, 5, origin="judge"), scored(WINDOW_MS)]
    found = {alert.rule: alert for alert in run(rules, records)}
    assert found.keys() == {"faithless", "judged"}
    assert (found["faithless"].value, found["faithless"].n) == (3.25, 4)
    assert found["judged"].value == pytest.approx(2, rel=0.011)


def test_a_share_above_a_limit_and_an_open_breaker(rules: list[BoundRule]) -> None:
    records = [
        scores(0, 0, 0, 0.5, 0, name="toxicity"),
        scores(0, 0, 1, name=BREAKER_OPEN, origin="openai"),
        scored(WINDOW_MS),
    ]
    found = {alert.rule: (alert.value, alert.event_id) for alert in run(rules, records)}
    assert found == {"toxic": (0.25, "e0"), "open": (1.0, "")}
    assert run(rules, [scores(0, 0, 0, name="toxicity"), scored(WINDOW_MS)]) == []


def test_calls_and_scores_have_watermarks_of_their_own(rules: list[BoundRule]) -> None:
    """
    calls     judged when their sources have passed, however far behind scores are; and scores likewise
    """
    records = [row("b", 0, 30), scores(0, 0.5, name="toxicity"), scored(0), progress(WINDOW_MS, "s0")]
    assert told(run(rules, records)) == [("busy", "firing", 10.0)]
    records = [row("b", 0, 30), scores(0, 0.5, name="toxicity"), progress(0, "s0"), scored(WINDOW_MS)]
    assert told(run(rules, records)) == [("toxic", "firing", 10.0)]


def test_a_score_row_is_no_call(rules: list[BoundRule]) -> None:
    """It counts no calls, in the very window of calls too."""
    records = [row("b", 0, 20), scores(0, *[1.0] * 9, name="toxicity"), scored(0), progress(WINDOW_MS, "s0")]
    assert run(rules, records) == []


def test_scores_of_another_epoch_are_void(rules: list[BoundRule]) -> None:
    """And a row of more scores replaces the one before, as with calls; folded ones stay."""
    records = [start(0, "e", 1, source="s"), scores(0, 0.5, name="toxicity"), scored(WINDOW_MS, committed=41)]
    (fired,) = run(rules, records)
    assert (fired.rule, fired.state) == ("toxic", "firing")
    again = [*records, scores(0, 0, 0, name="toxicity"), scored(WINDOW_MS, committed=41)]
    assert told(run(rules, again)) == told([fired])
    records[2] = scored(WINDOW_MS)
    alerts = run(
        rules, [*records, start(0, "f", 2, source="s"), scores(0, 0, 0, name="toxicity", epoch="f"), scored(WINDOW_MS)]
    )
    assert [(alert.rule, alert.state) for alert in alerts] == [("toxic", "firing"), ("toxic", "resolved")]


def test_a_composite_joins_calls_and_scores(tmp_path: Path) -> None:
    """It waits for the slower of both, and names what held."""
    path = tmp_path / "rules.yaml"
    path.write_text("""
rules:
  - name: bad
    by: [model]
    conditions:
      - {aggregate: error_rate, lookback: 10s, value: 5%}
      - {name: answers, aggregate: score.faithfulness.mean, lookback: 20s, op: lt, value: 3}
""")
    joined = bind(load_rules(path), parse_groupings("model@10s"))
    engine = Engine(joined, source_timeout_ms=10_000, live_from=0)
    records = [row("b", 0, 10, 5), scores(0, 1.0), progress(WINDOW_MS, "s0"), scored(0)]
    assert [alert for at, record in enumerate(records) for alert in engine.take(at, 0, record)] == []
    (alert,) = engine.take(9, 0, scored(WINDOW_MS))
    assert (alert.detector, alert.held, alert.value) == ("composite", ["error_rate", "answers"], 0.5)
    assert alert.summary.endswith("(10 calls; alert when above 5 %, and 2 of 2 conditions hold)")
    records = [row("b", 1, 10, 0), scores(1, 1.0), progress(2 * WINDOW_MS, "s0"), scored(2 * WINDOW_MS)]
    found = [alert for at, record in enumerate(records) for alert in engine.take(10 + at, 0, record)]
    assert [(alert.state, alert.held, alert.value) for alert in found] == [("resolved", ["answers"], 1.0)]


def test_scores_as_rollup_sends_them(rules: list[BoundRule]) -> None:
    """From the events of the real rollup: two origins, a negative one, and a breaker that opened."""
    labels: dict[str, Any] = {"service": "chat", "labels": {"model": "b"}}
    judged = [
        Score.model_validate(
            {"score_id": f"s{at}", "ts": 1.0, "name": name, "value": value, "origin": origin, "event_id": f"e{at}"}
            | labels
        )
        for at, (name, value, origin) in enumerate(
            [("faithfulness", -1.0, "user"), ("faithfulness", 2.0, "judge"), ("faithfulness", 5.0, "judge"),
             ("toxicity", 0.25, "heuristic"), ("toxicity", 0.0, "heuristic")]
        )
    ]  # fmt: skip
    opened = StateChange(event_id="c", ts=2.0, breaker="openai", from_state="closed", to_state="open", **labels)
    values = [encode(each) for each in (*judged, opened)]
    worker = SourceRollup(RollupConfig(parse_groupings("model@10s"), 65_536, 0), "s", 0, kind=SCORES)
    worker.take(Chunk(0, 1, 1, 0, None, 0, Records.of(range(len(values)), [0] * len(values), values)))
    found = {alert.rule: alert for alert in run(rules, [*as_sent(worker.idle_records()), scored(WINDOW_MS)])}
    assert {rule: alert.n for rule, alert in found.items()} == {"faithless": 3, "judged": 2, "toxic": 2, "open": 1}
    assert (found["faithless"].value, found["faithless"].event_ids) == (2.0, ["e0", "e1"])
    assert (found["toxic"].value, found["open"].value) == (0.5, 1.0)
