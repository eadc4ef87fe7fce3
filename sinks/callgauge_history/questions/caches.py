"""Calls that a response cache answered, by the level that did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from callgauge.counted import LABELS
from callgauge_history.questions.call_rows import CALL_ROW, NO_STEPS
from callgauge_history.questions.calls import calls_within
from callgauge_history.questions.labels import Where, check_labels
from callgauge_history.questions.period import Period
from callgauge_history.questions.source import choose
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

    Windows from before levels were counted in them hold hits of no known level. So windows answer only if they know
    the level of every hit; else the calls are read, and a long period takes a while.

    Raises:
        QuestionError: a name is no label.
        StoreError: the store cannot be asked.
    """
    by = check_labels(by)
    if set(where or {}) <= set(LABELS):
        source = choose(ask, period, by, where)
        if source.grouping:
            found = _asked(ask, source.rows([*by, *_NEEDS]), source.all_parameters, by, limit)
            if not any(each.unknown for each in found):
                return found
    calls, parameters = calls_within(period, where)
    made = ", ".join([*by, *(f"{CALL_ROW[name]} AS {name}" for name in _NEEDS)])
    return _asked(ask, f"(SELECT {made} FROM {calls} AS c WHERE {NO_STEPS})", parameters, by, limit)  # noqa: S608 (names of ours)


_LEVELS = ("cache_hits_exact", "cache_hits_semantic")
_NEEDS = ("n", "cache_hits", *_LEVELS, "cache_read_tokens", "input_tokens")


def _asked(ask: Ask, rows: str, parameters: Mapping[str, Any], by: Sequence[str], limit: int) -> list[CacheUse]:
    values = f"[{', '.join(f'toString(r.{label})' for label in by)}]"
    exact, semantic = (f"toInt64(sum(r.{level}))" for level in _LEVELS)
    sql = (
        f"SELECT {values} AS values, toInt64(sum(r.n)) AS calls, {exact}, {semantic}, "  # noqa: S608 (names of ours)
        f"toInt64(sum(r.cache_hits)) - {exact} - {semantic}, "
        "if(sum(r.input_tokens) > 0, sum(r.cache_read_tokens) / sum(r.input_tokens), NULL) "
        f"FROM {rows} AS r GROUP BY values ORDER BY calls DESC, values LIMIT {{limit:UInt32}}"
    )
    found = ask(sql, {**parameters, "limit": limit}).rows
    return [CacheUse(tuple(row[0]), *row[1:]) for row in found if row[1]]
