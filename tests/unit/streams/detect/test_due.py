"""What is due is found without a walk over what is not, and is the same as a walk over all would find."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge.schema import WindowRow
from callgauge.structs import struct_of
from callgauge_rules.rules import BoundRule, bind, load_rules
from callgauge_streams.detect.due import Due
from callgauge_streams.detect.engine import Engine
from callgauge_windows.grouping import parse_groupings
from tests.examples import examples
from tests.unit.streams.detect.full_walk import WalkingEngine, plain
from tests.unit.streams.detect.takeovers import start
from tests.unit.streams.detect.windows_log import JUMPS_MS, Record, progress

TIMEOUT_MS = 60_000
RULES = """
rules:
  - {name: failing, by: [model], aggregate: error_rate, lookback: 20s, value: 0.5, min_count: 2, for: 10s,
     keep_firing_for: 10s, cooldown: 60s}
  - {name: busy, by: [model], aggregate: calls, lookback: 10s, value: 12}
  - {name: gone, by: [model], where: {model: a}, aggregate: calls, lookback: 10s, op: lt, value: 3, for: 20s}
  - {name: service_failing, by: [service], aggregate: error_rate, lookback: 1m, value: 0.5, for: 30s, cooldown: 5m}
  - {name: service_busy, by: [service], aggregate: errors, lookback: 90s, value: 20, keep_firing_for: 30s}
"""
WIDTHS = {"model": 10_000, "service": 30_000, "feature": 10_000}
_Row: Any = struct_of(WindowRow)


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> list[BoundRule]:
    """Rules of two grouping sets with windows and lookbacks of their own, some of which wait for unheard sources."""
    path = tmp_path_factory.mktemp("rules") / "rules.yaml"
    path.write_text(RULES)
    return bind(load_rules(path), parse_groupings("model@10s service@30s feature@10s"))


def row_of(by: str, value: str, window: int, n: int, errors: int, block: int = 0, epoch: str = "e") -> Any:
    return _Row(
        grouping=f"{by}@{WIDTHS[by] // 1000}s",
        series_id=int.from_bytes(value.encode(), "big"),
        window_start_ms=window * WIDTHS[by],
        window_ms=WIDTHS[by],
        source="s0",
        block=block,
        epoch=epoch,
        n=n,
        labels={by: value},
        errors={"other": errors} if errors else {},
    )


def random_log(rng: random.Random) -> Iterator[Record]:
    """Series that come, go and come back; late rows and rows ahead of time; a source that falls silent; jumps of hours;
    takeovers under other settings."""
    clock, block, epoch, watermark = rng.choice((0, 5_000_000)), 0, "e", 0
    yield 0, clock, start(0, epoch, 1, source="s0")
    for offset in range(1, rng.randrange(20, 300)):
        clock += rng.choice((0, 500, 1_000, 5_000, 20_000)) if rng.random() < 0.97 else rng.choice(JUMPS_MS)
        chance = rng.random()
        if chance < 0.6:
            by = rng.choice(("model", "service", "feature"))
            window = max(0, clock // WIDTHS[by] - rng.choice((0, 0, 0, 1, 2, 5, 30, 400, -1, -2, -30)))
            n = rng.randrange(1, 20)
            yield offset, clock, row_of(by, rng.choice("abcdefgh"), window, n, rng.choice((0, n)), block, epoch)
        elif chance < 0.95:
            watermark = max(watermark, clock - rng.choice((2_000, 2_000, 12_000, 100_000)))
            told: dict[str, Any] = {"idle": rng.random() < 0.1, "committed": rng.choice((-1, block))}
            yield offset, clock, progress(watermark, *rng.choice((("s0",), ("s0", "s1"), ("s0", "s1"))), **told)
        elif chance < 0.98:
            block += 10
            yield offset, clock, start(block, epoch, offset, source="s0")
        else:
            epoch = rng.choice("efg")
            yield offset, clock, start(block, epoch, offset, source="s0")


def told(engine: Any, log: list[Record]) -> list[tuple[int, Any]]:
    return [(record[0], plain(alert)) for record in log for alert in engine.take(*record)]


@settings(max_examples=examples(25, long=150), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_same_alerts_in_the_same_order_as_by_a_full_walk(several: list[BoundRule], seed: int) -> None:
    log = list(random_log(random.Random(seed)))
    live_from = random.Random(seed).choice((0, 0, 50))
    engine = Engine(several, source_timeout_ms=TIMEOUT_MS, live_from=live_from, judges_late=False)
    walking = WalkingEngine(several, source_timeout_ms=TIMEOUT_MS, live_from=live_from)
    assert told(engine, log) == told(walking, log)


def test_the_random_logs_make_alerts_of_every_rule(several: list[BoundRule]) -> None:
    """The law above is not about nothing: every rule fires and resolves, and several alerts come of one record."""
    wanted = {(rule.rule.name, state) for rule in several for state in ("firing", "resolved")}
    states: set[tuple[str, str]] = set()
    at_once: Counter[tuple[int, int]] = Counter()
    for seed in range(40):
        engine = Engine(several, source_timeout_ms=TIMEOUT_MS, live_from=0, judges_late=False)
        for offset, alert in told(engine, list(random_log(random.Random(seed)))):
            states.add((alert.rule, alert.state))
            at_once[seed, offset] += 1
        if states >= wanted and sum(count > 2 for count in at_once.values()) > 10:
            break
    assert states >= wanted
    assert sum(count > 2 for count in at_once.values()) > 10


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_due_is_what_a_list_of_times_would_say(seed: int) -> None:
    """Put, put earlier, put later, drop, take."""
    rng = random.Random(seed)
    due: Due[int] = Due()
    times: dict[int, int] = {}
    for _ in range(200):
        key, at_ms, what = rng.randrange(10), rng.randrange(100), rng.random()
        if what < 0.6:
            due.put(key, at_ms)
            times[key] = min(at_ms, times.get(key, at_ms))
        elif what < 0.8:
            due.drop(key)
            times.pop(key, None)
        else:
            found = due.take(at_ms)
            assert [times[key] for key in found] == sorted(times[key] for key in found)
            assert sorted(found) == sorted(key for key, when in times.items() if when <= at_ms)
            times = {key: when for key, when in times.items() if when > at_ms}
        assert len(due) == len(times)


class Counting(Engine):
    """Counts the series that are looked at."""

    looked_at = 0

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        ends = self._deciding.ends

        def counted(judging: Any, slots: Any, to_ms: int) -> Any:
            self.looked_at += len(slots)
            return ends(judging, slots, to_ms)

        self._deciding.ends = counted  # type: ignore[method-assign]


def test_quiet_series_cost_nothing(tmp_path: Path) -> None:
    """10,000 series had one call each within the lookback of an hour. Then one goes on: only that one is looked at."""
    path = tmp_path / "rules.yaml"
    path.write_text("rules: [{name: failing, by: [service], aggregate: error_rate, lookback: 1h, value: 0.5}]")
    engine = Counting(
        bind(load_rules(path), parse_groupings("service@30s")),
        source_timeout_ms=TIMEOUT_MS,
        live_from=0,
        series_cap=20_000,
    )
    for number in range(10_000):
        engine.take(number, 0, row_of("service", f"s{number}", 0, 1, 0))
    engine.take(10_000, 30_000, progress(30_000, "s0"))
    assert engine.looked_at == 10_000
    took = []
    for second in range(30, 91):
        engine.take(10_001, second * 1000, row_of("service", "s7", second // 30, second, 0, second))
        began = time.process_time()
        engine.take(10_002, second * 1000, progress(second * 1000, "s0"))
        took.append(time.process_time() - began)
    assert engine.looked_at == 10_000 + 2  # two windows have ended
    assert sorted(took)[len(took) // 2] < 0.01  # a walk over all took a tenth of a second
    for at in range(120_000, 3_600_001, 30_000):
        engine.take(10_003, at, progress(at, "s0"))
        assert engine.looked_at == 10_000 + 3  # the third window has ended, then nothing changes
    engine.take(10_004, 3_660_000, progress(3_660_000, "s0"))
    assert engine.looked_at == 20_000 + 3  # the minute of the calls has left the lookback
