"""Means of scores over time, as charts draw them."""

from __future__ import annotations

from dataclasses import dataclass

from callgauge_history.questions.labels import Where, check_labels, conditions
from callgauge_history.questions.period import Period
from callgauge_history.questions.source import pieces_of, union_of
from callgauge_history.store import Ask
from callgauge_history.tiers.ladder import BASES

__all__ = ["ScoreLine", "score_lines"]

_SCORE_WINDOWS = BASES[1]


@dataclass(frozen=True)
class ScoreLine:
    """The scores of one name and origin.

    Attributes:
        points: (start of the step in epoch ms, scores, their mean), of the steps that have any.
    """

    name: str
    origin: str
    points: tuple[tuple[int, int, float], ...]


def score_lines(ask: Ask, period: Period, step_ms: int, where: Where | None = None) -> list[ScoreLine]:
    """A line for each name and origin, read from the grouping set that counts the most of these scores.

    Args:
        step_ms: whole seconds; windows that do not fit into steps are left out.

    Raises:
        QuestionError: a name is no label.
        StoreError: the store cannot be asked.
    """
    needed = check_labels(where or {})
    condition, parameters = conditions(where or {})
    _, pieces = pieces_of(ask, _SCORE_WINDOWS, period, step_ms, step_ms)
    rows = union_of(
        _SCORE_WINDOWS,
        pieces,
        ["grouping", "name", "origin", "n", "value_sum", "window_start"],
        f"{condition} AND hasAll(splitByChar(',', splitByChar('@', toString(grouping))[1]), {{needed:Array(String)}})"
        f" AND {int(step_ms)} % window_ms = 0 AND n > 0",
    )
    sql = f"""
        SELECT toString(name), toString(origin), groupArray((step, scores, mean)), sum(scores) AS all FROM (
            SELECT grouping, name, origin, toInt64(sum(n)) AS scores, sum(value_sum) / 1e6 / scores AS mean,
                intDiv(toUnixTimestamp64Milli(window_start), {int(step_ms)}) * {int(step_ms)} AS step
            FROM {rows} GROUP BY grouping, name, origin, step ORDER BY step
        ) GROUP BY grouping, name, origin ORDER BY name, origin, all DESC, grouping LIMIT 1 BY name, origin"""  # noqa: S608 (names of ours)
    return [
        ScoreLine(name, origin, tuple((int(at), int(count), float(mean)) for at, count, mean in sorted(points)))
        for name, origin, points, _ in ask(sql, parameters | {"needed": list(needed)}).rows
    ]
