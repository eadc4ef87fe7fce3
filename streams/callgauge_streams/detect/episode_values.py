"""How the number that a rule judges went before, during and after each episode: for a picture, and for its worst value.

Alerts tell it only up to when they fired. Here the rows are added up once more, for just the series that had episodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from callgauge_rules.bound import BoundCondition, BoundRule
from callgauge_streams.detect.backtest import log_of
from callgauge_streams.detect.columns import Columns
from callgauge_streams.detect.episodes import Episode, worst_of
from callgauge_streams.detect.merge import Windows
from callgauge_streams.detect.score_batch import score_batch
from callgauge_streams.detect.series import Series

__all__ = ["rows_from_ms", "with_values"]

#: So many steps before an episode and after it are told.
_BEFORE, _AFTER = 40, 10


class _Followed:
    """One episode, and what is found of it."""

    def __init__(self, episode: Episode, rule: BoundRule) -> None:
        of_episode = (each for each in rule.conditions if each.judged.aggregate == episode.aggregate)
        self.condition: BoundCondition = next(of_episode, rule.main)
        self.episode, self.rule = episode, rule
        self.key = rule.grouping.name, tuple(sorted(episode.labels.items()))
        step_ms = self.condition.every_ms
        self.from_ms = round(episode.starts_at * 1000) - _BEFORE * step_ms
        until = episode.resolved_at
        self.to_ms = None if until is None else round(until * 1000) + _AFTER * step_ms
        self.points: list[tuple[float, float]] = []

    def is_over(self, at_ms: int) -> bool:
        """Whether nothing after this is part of the picture."""
        return self.to_ms is not None and at_ms > self.to_ms

    def look(self, series: Series, at_ms: int) -> None:
        """Take the number at this window end, if the rule is judged then."""
        if at_ms % self.condition.every_ms:
            return
        totals = series.totals(series.cells.begin_ms(self.condition.lookback_ms, at_ms), at_ms)
        value = self.condition.aggregate.of(totals)
        if value is not None and self.condition.n_of(totals) >= self.condition.min_count:
            self.points.append((at_ms / 1000, value))

    @property
    def told(self) -> Episode:
        """The episode with what was found; of a series beyond the cap nothing is."""
        episode, until = self.episode, self.episode.resolved_at
        if not self.points:
            return episode
        during = [v for at, v in self.points if episode.starts_at <= at and (until is None or at < until)]
        known = [] if episode.worst is None else [episode.worst]
        return replace(episode, points=self.points, worst=worst_of(episode.op, episode.baseline, [*known, *during]))


def rows_from_ms(episodes: Sequence[Episode], rules: Sequence[BoundRule]) -> int:
    """From where on `with_values` needs rows, epoch ms; there must be an episode."""
    return min(each.from_ms - each.condition.lookback_ms for each in _followed(episodes, rules))


def with_values(
    episodes: Sequence[Episode], rules: Sequence[BoundRule], rows: Iterable[Any], to_ms: int
) -> list[Episode]:
    """The episodes, each with the values from 40 steps before it began to 10 after it was resolved, and with the worst
    of those in between. Windows with too few events to be judged are left out.

    Args:
        rows: as `backtest` takes them, from `rows_from_ms` on.
        to_ms: windows that end later are not looked at.
    """
    followed = _followed(episodes, rules)
    wanted = {each.key for each in followed}
    by_grouping: dict[str, list[BoundRule]] = {}
    for rule in {id(each.rule): each.rule for each in followed}.values():
        by_grouping.setdefault(rule.grouping.name, []).append(rule)
    windows = Windows(
        {name: Columns.of_rules(of) for name, of in by_grouping.items()},
        admit=lambda row: row.labels if _key_of(row) in wanted else None,
    )
    waiting, active = sorted(followed, key=lambda each: -each.from_ms), list[_Followed]()
    series_of: dict[Any, Series] = {}
    for at_ms, record in log_of(rules, rows, to_ms):
        if record.kind != "progress":
            if record.grouping in by_grouping:
                changed = windows.put(score_batch(record) if record.kind == "score_row" else record)
                series_of |= {_key_of(series): series for series in (changed.new if changed else ())}
            continue
        while waiting and waiting[-1].from_ms <= at_ms:
            active.append(waiting.pop())
        active = [each for each in active if not each.is_over(at_ms)]
        for each in active:
            if (found := series_of.get(each.key)) and windows.knows(found):
                each.look(found, at_ms)
        for name, of in by_grouping.items():
            windows.forget(at_ms - max(rule.lookback_ms for rule in of), name)
    return [each.told for each in followed]


def _key_of(row: Any) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Of a row or series."""
    return row.grouping, tuple(sorted(row.labels.items()))


def _followed(episodes: Sequence[Episode], rules: Sequence[BoundRule]) -> list[_Followed]:
    by_name = {rule.rule.name: rule for rule in rules}
    return [_Followed(each, by_name[each.rule]) for each in episodes]
