"""The same rules over the same past tell what the live run told."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from callgauge.schema import Alert
from callgauge_rules.bound import BoundRule
from callgauge_rules.rules import bind, load_rules
from callgauge_streams.detect.backtest import backtest, end_of, warm_ms
from callgauge_streams.detect.engine import Engine
from callgauge_streams.detect.episode_values import rows_from_ms, with_values
from callgauge_streams.detect.episodes import Episode, episodes_of, per_day, worst_of
from callgauge_windows.grouping import parse_groupings
from tests.unit.streams.detect.conftest import RULES
from tests.unit.streams.detect.test_replay import MORE
from tests.unit.streams.detect.windows_log import WINDOW_MS, progress, row

START = 1_700_000_000_000 // 60_000 * 6
LEARNED = """
  - {name: unusual, by: [model], aggregate: calls, lookback: 10s, detector: zscore,
     parameters: {size: 20, min_history: 5}, for: 10s}
  - {name: gone, by: [model], aggregate: calls, lookback: 30s, op: lt, value: 1}
"""


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> list[BoundRule]:
    path = tmp_path_factory.mktemp("rules") / "rules.yaml"
    path.write_text(RULES + MORE + LEARNED)
    return bind(load_rules(path), parse_groupings("model@10s"))


def random_rows(rng: random.Random, windows: int = 120, change: float = 0.15) -> list[list[Any]]:
    """Of each window the rows, in all versions as they grow: two sources, calm times, bad times, pauses."""
    found: list[list[Any]] = []
    level, share, pause = 5, 0.0, 0
    for window in range(windows):
        if rng.random() < change:
            level, share = rng.choice((5, 5, 8, 40)), rng.choice((0.0, 0.0, 0.1, 0.7, 1.0))
        pause = pause - 1 if pause else rng.choice((0, 5)) if rng.random() < change else 0
        versions: list[Any] = []
        for model in "ab":
            for source in ("s0", "s1"):
                n = 0 if pause else rng.randrange(level)
                block = window // 7
                for part in sorted({n // 2, n} - {0}):
                    versions.append(_row(model, window, part, round(part * share), source, block))
        found.append(versions)
    return found


def _row(model: str, window: int, n: int, errors: int, source: str, block: int) -> Any:
    return row(model, START + window, n, errors, source=source, block=block)


def live(rules: Sequence[BoundRule], windows: Sequence[Sequence[Any]], rng: random.Random) -> list[Alert]:
    """What detect tells as rows come: rows of the next window come before a window ends, and progress is told often."""
    engine = Engine(rules, source_timeout_ms=60_000, live_from=0, log="c/t/0", whole=True)
    found: list[Alert] = []
    offset = 0
    waiting = [list(each) for each in windows]
    for window, versions in enumerate(waiting):
        end_ms = (START + window + 1) * WINDOW_MS
        early = [
            version for version in (waiting[window + 1] if window + 1 < len(waiting) else []) if rng.random() < 0.3
        ]
        for record in [*versions, *early, progress(end_ms, "s0", "s1"), progress(end_ms + 5_000, "s0", "s1")]:
            found += engine.take(offset, end_ms + 3_000, record)
            offset += 1
    return found


def final(windows: Sequence[Sequence[Any]]) -> list[Any]:
    """The last version of each row, as the store gives them."""
    rows: dict[tuple[Any, ...], Any] = {}
    for version in (version for versions in windows for version in versions):
        key = (version.series_id, version.window_start_ms, version.source, version.block, version.epoch)
        if key not in rows or rows[key].n < version.n:
            rows[key] = version
    return sorted(rows.values(), key=lambda each: (end_of(each), each.series_id, each.source))


def facts(episodes: Sequence[Episode]) -> list[tuple[Any, ...]]:
    return [
        (each.rule, tuple(each.labels.items()), each.starts_at, each.fired_at, each.resolved_at, each.severity)
        for each in episodes
    ]


@pytest.mark.parametrize("seed", range(6))
def test_the_same_episodes_as_live(rules: list[BoundRule], seed: int) -> None:
    """Rule, labels, start, when it fired and was resolved, and how severe: of thresholds, composites, learned ones."""
    rng = random.Random(seed)
    windows = random_rows(rng)
    told = episodes_of(live(rules, windows, rng), 0)
    to_ms = (START + len(windows)) * WINDOW_MS
    assert facts(episodes_of(backtest(rules, final(windows), to_ms), 0)) == facts(told)
    assert {each.rule for each in told} >= {"failing", "gone"}


def test_what_is_read_before_suffices(rules: list[BoundRule]) -> None:
    """Read from `warm_ms` before a time on, what fires from then on is the same as if the rules had always run.

    Only an alert that has been firing all the while has begun earlier.
    """
    rules = [rule for rule in rules if not rule.judges_nothing]  # it is kept for an hour more, which takes long
    windows = random_rows(random.Random(5), windows=warm_ms(rules) // WINDOW_MS + 360, change=0.02)
    rows, to_ms = final(windows), (START + len(windows)) * WINDOW_MS
    from_ms = to_ms - 240 * WINDOW_MS
    some = [each for each in rows if end_of(each) > from_ms - warm_ms(rules)]
    assert len(some) < len(rows)
    always, warmed = (
        [each for each in facts(episodes_of(backtest(rules, of, to_ms), 0)) if each[3] >= from_ms / 1000]
        for of in (rows, some)
    )
    assert warmed == always
    assert len(always) > 3


def test_values_of_an_episode_are_those_of_its_alert(rules: list[BoundRule]) -> None:
    """Where an alert tells the aggregate the picture has the same, from fewer rows; and it goes on after the alert."""
    windows = random_rows(random.Random(3))
    rows, to_ms = final(windows), (START + len(windows)) * WINDOW_MS
    told = episodes_of(backtest(rules, rows, to_ms), 0)
    some = [each for each in rows if end_of(each) > rows_from_ms(told, rules)]
    for before, after in zip(told, with_values(told, rules, some, to_ms), strict=True):
        known = dict(before.points)
        assert all(value == known[at] for at, value in after.points if at in known)
        assert facts([before]) == facts([after])
        if before.resolved_at is not None and before.rule in ("busy", "slow"):
            assert after.points[-1][0] > before.points[-1][0]


def test_rows_that_are_not_in_order_are_refused(rules: list[BoundRule]) -> None:
    rows = [_row("a", window, 1, 0, "s0", 0) for window in (5, 1)]
    with pytest.raises(ValueError, match="in order"):
        list(backtest(rules, rows, (START + 10) * WINDOW_MS))


@pytest.mark.parametrize(
    ("op", "baseline", "worst"), [("gt", None, 9.0), ("lt", None, -8.0), ("gt", 1.0, -8.0), ("gt", -1.0, 9.0)]
)
def test_the_worst_value(op: str, baseline: float | None, worst: float) -> None:
    """On the wrong side of a limit, or the furthest from what a detector expected."""
    assert worst_of(op, baseline, [0.0, 9.0, -8.0]) == worst
    assert worst_of(op, baseline, []) is None


def test_days_without_alerts_are_told(rules: list[BoundRule]) -> None:
    """Every day of the span, in UTC; pages are critical ones."""
    rows = [_row("a", window, 10, 10, "s0", 0) for window in range(6)]
    found = episodes_of(backtest(rules, rows, (START + 30) * WINDOW_MS), 0)
    day_s = 86_400
    days = per_day(found, START * WINDOW_MS / 1000 - day_s, START * WINDOW_MS / 1000 + day_s)
    pages = sum(each.severity == "critical" for each in found)
    assert 0 < pages < len(found)
    assert list(days.values()) == [(0, 0), (len(found), pages), (0, 0)]
    assert list(days) == ["2023-11-13", "2023-11-14", "2023-11-15"]
