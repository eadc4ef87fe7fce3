"""Percentiles of latency, time to first token, output tokens or cost, by any labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from callgauge.counted import LABELS, MEASURES
from callgauge.errors import QuestionError
from callgauge_history.questions.labels import Where, check_labels, check_measure
from callgauge_history.questions.numbers import mean_sql, quantile_sql
from callgauge_history.questions.period import Period
from callgauge_history.questions.source import choose
from callgauge_history.store import Ask

__all__ = ["MEASURES", "Percentiles", "percentiles"]


@dataclass(frozen=True)
class Percentiles:
    """The percentiles of the calls with these values of the labels that were asked for.

    Attributes:
        values: of the labels, in the order in which they were asked for.
        count: calls that were measured.
        mean: exact; None where nothing was measured.
        at: share -> the value, within 1.1 %, in the unit of the call's field (ms, dollars, tokens).
    """

    values: tuple[str, ...]
    count: int
    mean: float | None
    at: dict[float, float | None]


def percentiles(
    ask: Ask,
    period: Period,
    measure: str = "latency",
    by: Sequence[str] = (),
    where: Where | None = None,
    *,
    qs: Sequence[float] = (0.5, 0.95, 0.99),
    limit: int = 1_000,
) -> list[Percentiles]:
    """Percentiles for each combination of values of the labels `by`, those with the most calls first.

    Args:
        measure: one of `counted.MEASURES`.

    Raises:
        QuestionError: a name is no label or no measure, or a share is not between 0 and 1.
        StoreError: the store cannot be asked.
    """
    measure, by = check_measure(measure), check_labels(by, (*LABELS, "user_id"))
    if not all(0 <= q <= 1 for q in qs):
        raise QuestionError(f"percentiles are asked for as shares between 0 and 1 (0.95), not as {list(qs)}")
    source = choose(ask, period, by, where)
    numbers = [quantile_sql(measure, f"{{q{place}:Float64}}") for place in range(len(qs))]
    mean = mean_sql(measure)
    columns = dict.fromkeys([*by, *mean.needs, *(column for number in numbers for column in number.needs)])
    names = ", ".join(f"r.{label}" for label in by)
    sql = (
        f"SELECT [{', '.join(f'toString(r.{label})' for label in by)}] AS values, "  # noqa: S608 (names of ours)
        f"toInt64(sum(r.{measure}_count)) AS measured, {mean.sql}, "
        f"[{', '.join(f'toNullable({number.sql})' for number in numbers)}] "
        f"FROM {source.rows(columns)} AS r GROUP BY {names or 'tuple()'} "
        "ORDER BY measured DESC, values LIMIT {limit:UInt32}"
    )
    parameters = source.all_parameters | {f"q{place}": float(q) for place, q in enumerate(qs)} | {"limit": limit}
    return [
        Percentiles(tuple(values), int(count), mean, dict(zip(qs, found, strict=True)))
        for values, count, mean, found in ask(sql, parameters).rows
    ]
