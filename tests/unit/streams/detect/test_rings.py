"""However the past is kept, lookbacks add up to what a walk over all windows gives."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge_rules.rules import BoundRule, bind, rules_in
from callgauge_streams.detect import cells, rings
from callgauge_streams.detect.engine import Engine
from callgauge_streams.detect.rings import Ring, begin_ms, resolution_ms, rings_of
from callgauge_windows.grouping import parse_groupings
from tests.unit.streams.detect.test_batches import by_batch, random_log, row_by_row
from tests.unit.streams.detect.windows_log import WINDOW_MS, progress, row

MINUTE, HOUR = 60_000, 3_600_000
RULES = """
rules:
  - {name: exact, by: [model], aggregate: calls, lookback: 20s, value: 20, keep_firing_for: 10s}
  - {name: rate, by: [model], aggregate: error_rate, lookback: 1m, value: 30%, min_count: 5, for: 20s}
  - {name: slow, by: [model], aggregate: latency_p95_ms, lookback: 80s, value: 900}
  - {name: many, by: [model], aggregate: calls, lookback: 5m, value: 60}
  - {name: few, by: [model], aggregate: calls, lookback: 3m, op: lt, value: 20, keep_firing_for: 40s}
  - {name: used, by: [model], aggregate: rate_limit_used, lookback: 4m, value: 0.9}
  - {name: old, by: [model], aggregate: latency_p50_ms, lookback: 10m, value: 900, min_count: 3}
"""


def bound(text: str) -> list[BoundRule]:
    return bind(rules_in("rules.yaml", text.encode()), parse_groupings("model@10s"))


@contextmanager
def small_rings() -> Iterator[None]:
    """Minutes are 20 s and hours 60 s, so that random logs of some minutes are kept in all rings."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rings, "_GRIDS", ((20_001, 0), (180_000, 20_000), (1 << 62, 60_000)))
        patch.setattr(rings, "_LEAST_MS", 0)
        patch.setattr(cells, "_STEP_MS", 20_000)
        yield


@pytest.fixture(scope="module")
def several() -> list[BoundRule]:
    return bound(RULES)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_same_alerts_as_by_a_walk_over_all_windows(several: list[BoundRule], seed: int) -> None:
    """Late rows, rows that grow, folds and void rows included; values, counts and examples are equal."""
    log = list(random_log(random.Random(seed)))
    with small_rings():
        assert by_batch(several, log) == row_by_row(several, log)


def test_the_random_logs_make_alerts_of_every_ring(several: list[BoundRule]) -> None:
    """The law above is not about nothing."""
    wanted = {(rule.rule.name, state) for rule in several for state in ("firing", "resolved")}
    told: set[tuple[str, str]] = set()
    with small_rings():
        assert [ring.width_ms for ring in rings_of(several, WINDOW_MS)] == [20_000, 60_000]
        for seed in range(12):
            told |= {(alert.rule, alert.state) for alert in by_batch(several, list(random_log(random.Random(seed))))}
            if told >= wanted:
                break
    assert told >= wanted


def test_what_each_lookback_begins_with() -> None:
    lookbacks = 5 * MINUTE, 15 * MINUTE, 16 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 11 * HOUR, 12 * HOUR
    assert [resolution_ms(each, WINDOW_MS) for each in lookbacks] == [
        WINDOW_MS, WINDOW_MS, MINUTE, MINUTE, 5 * MINUTE, 10 * MINUTE, 10 * MINUTE, HOUR,
    ]  # fmt: skip
    assert resolution_ms(HOUR, MINUTE) == MINUTE
    at_ms = 100 * HOUR + 17 * MINUTE + 30_000
    assert at_ms - begin_ms(5 * MINUTE, WINDOW_MS, at_ms) == 5 * MINUTE
    assert at_ms - begin_ms(HOUR, WINDOW_MS, at_ms) == HOUR + 30_000
    assert at_ms - begin_ms(24 * HOUR, WINDOW_MS, at_ms) == 24 * HOUR + 17 * MINUTE + 30_000


def test_only_rings_that_rules_need_are_kept() -> None:
    short = "{name: a, by: [model], aggregate: calls, lookback: 5m, value: 1}"
    hour = short.replace("name: a", "name: b").replace("5m", "1h")
    day = short.replace("name: a", "name: c").replace("5m", "24h")
    assert rings_of(bound(f"rules: [{short}]"), WINDOW_MS) == ()
    none = frozenset({""})
    assert rings_of(bound(f"rules: [{short}, {day}]"), WINDOW_MS) == (Ring(HOUR, 5 * MINUTE + 20_000, none),)
    assert rings_of(bound(f"rules: [{short}, {hour}, {day}]"), WINDOW_MS) == (
        Ring(MINUTE, 5 * MINUTE + 20_000, none), Ring(HOUR, HOUR + MINUTE + 10_000, none),
    )  # fmt: skip


def test_what_is_judged_seldom_is_kept_coarsely() -> None:
    """A lookback that always begins at a full minute or five is kept in such cells, and evidence of no ring but its
    own; a minute of picture is kept for a limit, not for what learns."""
    learns = "{by: [model], detector: usual_level, aggregate: ttft_mean_ms, lookback: 5m, every: 1m, name: "
    long = learns.replace("5m", "1h").replace("1m", "5m").replace("ttft", "latency")
    limit = "{name: l, by: [model], aggregate: calls, lookback: 1m, value: 1, keep_firing_for: 1m}"
    assert rings_of(bound(f"rules: [{learns}a}}, {long}b}}, {limit}]"), WINDOW_MS) == (
        Ring(MINUTE, 2 * MINUTE + 20_000, frozenset({"ttft", "latency"})),
        Ring(5 * MINUTE, 7 * MINUTE, frozenset({"latency"})),
    )  # fmt: skip


def test_a_day_is_kept_in_a_hundred_cells_a_series() -> None:
    rules = bound(
        "rules: [{name: day, by: [model], aggregate: calls, lookback: 24h, value: 1000000}, "
        "{name: now, by: [model], aggregate: calls, lookback: 5m, value: 1000000}]"
    )
    engine = Engine(rules, source_timeout_ms=10 * HOUR, live_from=0, whole=True)
    for window in range(0, 30 * 360, 6):
        at_ms = (window + 6) * WINDOW_MS
        engine.take(2 * window, at_ms, row("b", window, 1))
        engine.take(2 * window + 1, at_ms, progress(at_ms, "s0"))
    kept = engine._windows.kept("model@10s", WINDOW_MS)
    assert len(kept.cells) < 100
    assert kept.cells.totals(0, begin_ms(24 * HOUR, WINDOW_MS, at_ms), at_ms).n == 24 * 60
