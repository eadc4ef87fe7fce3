"""The same rules over the same past tell what the live run told."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from callgauge.schema import Alert
from callgauge_rules.bound import BoundRule
from callgauge_rules.rules import bind, load_rules
from callgauge_streams.detect.backtest import backtest, end_of
from callgauge_streams.detect.engine import Engine
from callgauge_streams.detect.episodes import Episode, episodes_of
from callgauge_windows.grouping import parse_groupings
from tests.unit.streams.detect.conftest import RULES
from tests.unit.streams.detect.test_replay import MORE
from tests.unit.streams.detect.windows_log import WINDOW_MS, progress, row

START = 1_700_000_000_000 // 60_000 * 6
LEARNED = """
  - {name: unusual, by: [model], aggregate: calls, lookback: 10s, detector: zscore,
     parameters: {size: 20, min_history: 5}, for: 10s}
  - {name: gone, by: [model], aggregate: calls, lookback: 30s, op: lt, value: 1, keep_firing_for: 20s}
"""


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> list[BoundRule]:
    path = tmp_path_factory.mktemp("rules") / "rules.yaml"
    path.write_text(RULES + MORE + LEARNED)
    return bind(load_rules(path), parse_groupings("model@10s"))


def random_rows(rng: random.Random, windows: int = 120) -> list[list[Any]]:
    """Of each window the rows, in all versions as they grow: two sources, calm times, bad times, pauses."""
    found: list[list[Any]] = []
    level, share, pause = 5, 0.0, 0
    for window in range(windows):
        if rng.random() < 0.15:
            level, share = rng.choice((5, 5, 8, 40)), rng.choice((0.0, 0.0, 0.1, 0.7, 1.0))
        pause = rng.choice((0, 0, 0, 0, 0, 0, 0, 0, 0, 5)) if not pause else pause - 1
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


@pytest.mark.parametrize("seed", range(12))
def test_the_same_episodes_as_live(rules: list[BoundRule], seed: int) -> None:
    """Rule, labels, start, when it fired and was resolved, and how severe: of thresholds, composites, learned ones."""
    rng = random.Random(seed)
    windows = random_rows(rng)
    told = episodes_of(live(rules, windows, rng), 0)
    to_ms = (START + len(windows)) * WINDOW_MS
    assert facts(episodes_of(backtest(rules, final(windows), to_ms), 0)) == facts(told)
    assert {each.rule for each in told} >= {"failing", "gone"}
