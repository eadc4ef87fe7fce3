"""One number over time, by labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from callgauge.counted import LABELS
from callgauge.errors import QuestionError
from callgauge.near_names import unknown
from callgauge_history.questions.labels import Where, check_labels
from callgauge_history.questions.numbers import SERIES
from callgauge_history.questions.period import Period
from callgauge_history.questions.source import MINUTE_MS, choose
from callgauge_history.store import Ask

__all__ = ["MEASURES_OVER_TIME", "Series", "series"]

#: What can be shown over time.
MEASURES_OVER_TIME = tuple(SERIES)

_MOST_POINTS = 11_000


@dataclass(frozen=True)
class Series:
    """A line of a chart: the steps that had calls, in order. What has no step had none.

    Attributes:
        values: of the labels, in the order in which they were asked for.
        points: (start of the step in epoch ms, the number; None where it cannot be told).
        calls: in all of it.
    """

    values: tuple[str, ...]
    points: tuple[tuple[int, float | None], ...]
    calls: int


def series(
    ask: Ask,
    period: Period,
    measure: str = "calls",
    step_ms: int = MINUTE_MS,
    by: Sequence[str] = (),
    where: Where | None = None,
    *,
    limit: int = 20,
) -> list[Series]:
    """A line for each combination of values of the labels `by`, those with the most calls first.

    Args:
        measure: one of MEASURES_OVER_TIME.
        step_ms: whole seconds; steps begin at its multiples, so the first and last may lie partly outside the period.

    Raises:
        QuestionError: a name is no label or no measure, or the step is not whole seconds, or too small for the period.
        StoreError: the store cannot be asked.
    """
    if measure not in SERIES:
        raise QuestionError(unknown(measure, "number that can be shown over time", SERIES, plain=True))
    if step_ms < 1_000 or step_ms % 1_000:
        raise QuestionError(f"a step of {step_ms} ms: steps are whole seconds")
    if period.length_ms // step_ms > _MOST_POINTS:
        raise QuestionError(
            f"{period.length_ms // step_ms:,} steps of {step_ms // 1000} s: a line has at most {_MOST_POINTS:,}; "
            "ask for longer steps or a shorter period"
        )
    by = check_labels(by, (*LABELS, "user_id"))
    source = choose(ask, period, by, where, align_ms=step_ms, step_ms=step_ms)
    number = SERIES[measure]
    names = ["step", *(f"r.{label}" for label in by)]
    sql = (
        f"SELECT values, groupArray((step, number)), sum(n) AS calls FROM ("  # noqa: S608 (names of ours)
        f"SELECT [{', '.join(f'toString(r.{label})' for label in by)}] AS values, toInt64(sum(r.n)) AS n, "
        f"intDiv(toUnixTimestamp64Milli(r.window_start), {int(step_ms)}) * {int(step_ms)} AS step, "
        f"toNullable(toFloat64({number.sql})) AS number "
        f"FROM {source.rows(['window_start', 'n', *by, *number.needs])} AS r "
        f"GROUP BY {', '.join(names)} ORDER BY step) GROUP BY values ORDER BY calls DESC, values LIMIT {{limit:UInt32}}"
    )
    return [
        Series(tuple(values), tuple((int(at), value) for at, value in sorted(points)), int(calls))
        for values, points, calls in ask(sql, source.all_parameters | {"limit": limit}).rows
    ]
