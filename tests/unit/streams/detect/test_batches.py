"""Batches of rows are judged as their rows one by one would be, by rules on every kind of aggregate."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge.schema import Histogram, Measure, WindowRow
from callgauge.structs import struct_of
from callgauge_rules.rules import BoundRule, bind, load_rules
from callgauge_streams.detect.engine import Engine
from callgauge_windows.grouping import parse_groupings
from callgauge_windows.row_batch import RowBatch
from callgauge_windows.row_batch_wire import decode_rows
from callgauge_windows.row_batch_writing import encode_rows
from tests.examples import examples
from tests.unit.streams.detect.full_walk import WalkingEngine, plain
from tests.unit.streams.detect.takeovers import start
from tests.unit.streams.detect.windows_log import JUMPS_MS, WINDOW_MS, progress

RULES = """
rules:
  - {name: slow, by: [model], aggregate: latency_p90_ms, lookback: 20s, value: 1000, for: 10s, keep_firing_for: 10s}
  - {name: fast, by: [model], aggregate: latency_p50_ms, lookback: 50s, op: le, value: 0}
  - {name: mean, by: [model], aggregate: latency_mean_ms, lookback: 30s, op: ge, value: 500}
  - {name: dear, by: [model], aggregate: cost_usd, lookback: 60s, value: 1, min_count: 5}
  - {name: close, by: [model], aggregate: rate_limit_used, lookback: 20s, value: 0.9}
  - {name: failing, by: [model], aggregate: error_rate, lookback: 20s, value: 0.5, cooldown: 60s}
  - {name: timeouts, by: [model], aggregate: error_rate.timeout, lookback: 10s, op: eq, value: 0.5}
  - {name: gone, by: [model], where: {model: m1}, aggregate: calls, lookback: 10s, op: lt, value: 3, for: 20s}
"""
_Row: Any = struct_of(WindowRow)
_Measure: Any = struct_of(Measure)
_Histogram: Any = struct_of(Histogram)


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> list[BoundRule]:
    path = tmp_path_factory.mktemp("rules") / "rules.yaml"
    path.write_text(RULES)
    return bind(load_rules(path), parse_groupings("model@10s"))


def row_of(rng: random.Random, series: int, window: int, block: int, epoch: str) -> Any:
    n = rng.randrange(1, 8)
    timeouts, others = rng.choice(((0, 0), (0, 0), (n, 0), (0, n), (n // 2, 0)))
    values = rng.choice(((), (0,), (200, 640), (630, 650), (640,)))  # buckets; 640 begins at 1.05 s, 0: value 0
    buckets = Counter(str(rng.choice(values)) for _ in range(n)) if values else Counter()
    zeros = buckets.pop("0", 0)
    latency = _Measure(
        count=zeros + buckets.total(), sum=rng.choice((0, 10**6)) * n, sum_sq=0, min=0,
        max=rng.choice((0, 5, 2 * 10**6)), max_event_id=rng.choice("xyz"),
        histogram=_Histogram(scale=5, zero_count=zeros, buckets=dict(buckets)),
    )  # fmt: skip
    cost = _Measure(count=n, sum=rng.choice((0, 10**8)) * n, sum_sq=0, min=0, max=1, max_event_id="c",
                    histogram=_Histogram(scale=5, buckets={"3": n}))  # fmt: skip
    return _Row(
        grouping="model@10s", series_id=series, window_start_ms=window * WINDOW_MS, window_ms=WINDOW_MS, source="s0",
        block=block, epoch=epoch, n=n, labels={"model": f"m{series}"},
        rate_limit_used_max_ppm=rng.choice((0, 100_000, 950_000)),
        errors={kind: count for kind, count in (("timeout", timeouts), ("other", others)) if count},
        measures={"cost": cost} | ({"latency": latency} if latency.count else {}),
    )  # fmt: skip


def random_log(rng: random.Random) -> Iterator[tuple[int, int, Any]]:
    """Records; of rows a list of one per series, now and then late, ahead, or beyond all bounds."""
    clock, block, epoch = rng.choice((0, 5_000_000)), 0, "e"
    yield 0, clock, start(0, epoch, 1, source="s0")
    for offset in range(1, rng.randrange(20, 200)):
        clock += rng.choice((500, 1_000, 5_000, 20_000)) if rng.random() < 0.97 else rng.choice(JUMPS_MS)
        chance = rng.random()
        if chance < 0.6:
            series = rng.sample(range(8), rng.randrange(1, 8))
            late = [rng.choice((0, 0, 0, 0, 1, 2, 5, 400, -1, -400)) for _ in series]
            windows = [max(0, clock // WINDOW_MS - each) for each in late]
            pairs = zip(series, windows, strict=True)
            yield offset, clock, [row_of(rng, each, window, block, epoch) for each, window in pairs]
        elif chance < 0.95:
            told: dict[str, Any] = {"idle": rng.random() < 0.1, "committed": rng.choice((-1, block))}
            yield offset, clock, progress(clock - rng.choice((2_000, 2_000, 12_000)), "s0", **told)
        else:
            block += 10
            epoch = rng.choice((epoch, "f", "g"))
            yield offset, clock, start(block, epoch, offset, source="s0")


def by_batch(rules: list[BoundRule], log: list[tuple[int, int, Any]]) -> list[Any]:
    engine = Engine(rules, source_timeout_ms=60_000, live_from=0, judges_late=False)
    sent = [
        (offset, clock, decode_rows(encode_rows(RowBatch.of_rows(each))) if isinstance(each, list) else each)
        for offset, clock, each in log
    ]
    return [plain(alert) for record in sent for alert in engine.take(*record)]


def row_by_row(rules: list[BoundRule], log: list[tuple[int, int, Any]]) -> list[Any]:
    engine = WalkingEngine(rules, source_timeout_ms=60_000, live_from=0)
    single = [
        (offset, clock, each)
        for offset, clock, of in log
        for each in (of if isinstance(of, list) else [of])
    ]  # fmt: skip
    return [alert for record in single for alert in engine.take(*record)]


@settings(max_examples=examples(10, long=100), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_batch_is_judged_as_its_rows_one_by_one(several: list[BoundRule], seed: int) -> None:
    """Alerts are equal in all they tell: value, number of events, largest event, reason, order."""
    log = list(random_log(random.Random(seed)))
    assert by_batch(several, log) == row_by_row(several, log)


def test_the_random_logs_make_alerts_of_every_rule(several: list[BoundRule]) -> None:
    """The law above is not about nothing."""
    seeds = (2, 4, 5, 15)  # quick ones that make many
    alerts = [alert for seed in seeds for alert in by_batch(several, list(random_log(random.Random(seed))))]
    states = {(alert.rule, alert.state) for alert in alerts}
    assert states >= {(rule.rule.name, state) for rule in several for state in ("firing", "resolved")}
    assert sum(alert.reason.startswith("a late row") for alert in alerts) > 20


def test_two_late_rows_of_a_series_in_one_batch_are_judged_once(several: list[BoundRule]) -> None:
    """Together: what the first alone would say is not told."""
    engine = Engine(several, source_timeout_ms=60_000, live_from=0, judges_late=False)
    rng = random.Random(1)
    quiet = [row_of(rng, 2, window, 0, "e") for window in (10, 11)]
    for row in quiet:
        row.errors, row.measures, row.rate_limit_used_max_ppm, row.n = {}, {}, 0, 2
    engine.take(0, 0, RowBatch.of_rows(quiet))
    assert engine.take(1, 0, progress(12 * WINDOW_MS, "s0")) == []
    failing, good = (row_of(rng, 2, window, 0, "e") for window in (10, 11))
    for row, n, errors in ((failing, 20, {"other": 20}), (good, 60, {})):
        row.errors, row.measures, row.rate_limit_used_max_ppm, row.n = errors, {}, 0, n
    assert engine.take(2, 0, RowBatch.of_rows([failing, good])) == []
