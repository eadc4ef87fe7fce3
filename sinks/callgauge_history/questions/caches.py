"""Calls that a response cache answered, by the level that did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from callgauge_history.questions.call_rows import NO_STEPS
from callgauge_history.questions.calls import calls_within
from callgauge_history.questions.labels import Where, check_labels
from callgauge_history.questions.period import Period
from callgauge_history.store import Ask

__all__ = ["CacheUse", "cache_hits"]


@dataclass(frozen=True)
class CacheUse:
    """What the caches did for calls with these values of the labels.

    Attributes:
        exact, semantic, unknown: hits by level; unknown: the emitter did not tell the level.
        cached_token_share: input tokens that the *provider* had cached, as a share of all.
    """

    values: tuple[str, ...]
    calls: int
    exact: int
    semantic: int
    unknown: int
    cached_token_share: float | None

    @property
    def hits(self) -> int:
        """Of all levels."""
        return self.exact + self.semantic + self.unknown

    @property
    def hit_rate(self) -> float | None:
        """Hits as a share of calls."""
        return self.hits / self.calls if self.calls else None


def cache_hits(
    ask: Ask, period: Period, by: Sequence[str] = (), where: Where | None = None, *, limit: int = 1_000
) -> list[CacheUse]:
    """For each combination of values of the labels `by`, those with the most calls first.

    It reads the calls, which know the level also where windows are from before levels were counted in them; so a long
    period takes a while.

    Raises:
        QuestionError: a name is no label.
        StoreError: the store cannot be asked.
    """
    by = check_labels(by)
    rows, parameters = calls_within(period, where)
    values = f"[{', '.join(f'toString({label})' for label in by)}]"
    sql = (
        f"SELECT {values} AS values, toInt64(count()) AS calls, toInt64(countIf(cache_hit AND cache_level = 'exact')), "  # noqa: S608 (names of ours)
        "toInt64(countIf(cache_hit AND cache_level = 'semantic')), "
        "toInt64(countIf(cache_hit AND cache_level NOT IN ('exact', 'semantic'))), "
        "if(sum(input_tokens) > 0, sum(cache_read_tokens) / sum(input_tokens), NULL) "
        f"FROM {rows} WHERE {NO_STEPS} GROUP BY values ORDER BY calls DESC, values LIMIT {{limit:UInt32}}"
    )
    return [CacheUse(tuple(row[0]), *row[1:]) for row in ask(sql, parameters | {"limit": limit}).rows]
