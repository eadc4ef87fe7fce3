"""How much, how slow, how dear, how many errors: the numbers of a period, whole or by labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from callgauge.counted import LABELS
from callgauge_history.questions.labels import Where, check_labels
from callgauge_history.questions.numbers import TOTALS, Numbers, columns_needed, selected
from callgauge_history.questions.period import Period
from callgauge_history.questions.reading import read
from callgauge_history.questions.source import MINUTE_MS, Some, Source, choose
from callgauge_history.quoted import quoted
from callgauge_history.store import Ask

__all__ = ["LabelledNumbers", "Summary", "summary", "summary_by"]


#: Of more rows the busiest are looked for first.
_MANY_ROWS = 20_000
#: Series that are named in a statement, at most.
_MOST_SERIES = 2_000


@dataclass(frozen=True)
class Summary:
    """The numbers of a period.

    Attributes:
        period: what was counted: the period that was asked for, as whole windows.
        grouping: the grouping set that was read; "" if it was the calls.
        tiers: the tiers that were read ("" is the windows themselves).
    """

    period: Period
    numbers: Numbers
    grouping: str
    tiers: tuple[str, ...]


@dataclass(frozen=True)
class LabelledNumbers(Numbers):
    """The numbers of the calls that have these values of the labels, in the order in which they were asked for."""

    values: tuple[str, ...]


def summary(ask: Ask, period: Period, where: Where | None = None, *, align_ms: int = MINUTE_MS) -> Summary:
    """The numbers of all calls of a period that have these labels.

    Args:
        align_ms: the period is widened to multiples of this; grouping sets with wider windows cannot answer then.

    Raises:
        QuestionError: a name is no label.
        StoreError: the store cannot be asked.
    """
    source = choose(ask, period, where=where, align_ms=align_ms)
    sql = f"SELECT {selected(TOTALS)} FROM {source.rows(columns_needed(TOTALS.values()))} AS r"  # noqa: S608 (names of ours)
    [numbers] = read(ask, Numbers, sql, source.all_parameters)
    return Summary(source.period, numbers, source.grouping, source.tiers)


def summary_by(
    ask: Ask,
    period: Period,
    by: Sequence[str],
    where: Where | None = None,
    *,
    limit: int = 1_000,
    align_ms: int = MINUTE_MS,
) -> list[LabelledNumbers]:
    """The same for each combination of values of the labels `by`, those with the most calls first.

    Raises:
        QuestionError: a name is no label.
        StoreError: the store cannot be asked.
    """
    by = check_labels(by, (*LABELS, "user_id"))
    source = choose(ask, period, by, where, align_ms=align_ms)
    names = ", ".join(f"r.{label}" for label in by)
    values = f"[{', '.join(f'toString(r.{label})' for label in by)}]"
    busiest = _busiest(ask, source, by, limit) if by and source.row_count > _MANY_ROWS else None
    sql = (
        f"SELECT {values} AS values, {selected(TOTALS)} "  # noqa: S608 (names of ours)
        f"FROM {source.rows([*by, *columns_needed(TOTALS.values())], some=busiest)} AS r "
        f"GROUP BY {names or 'tuple()'} ORDER BY calls DESC, values LIMIT {{limit:UInt32}}"
    )
    found = read(ask, _Row, sql, source.all_parameters | {"limit": limit})
    return [LabelledNumbers(**vars(row) | {"values": tuple(row.values)}) for row in found]


def _busiest(ask: Ask, source: Source, by: Sequence[str], limit: int) -> Some | None:
    """The combinations with the most calls; None if there are none.

    They are found by their calls alone: to add up the histograms of all takes twenty times as long.
    """
    names = ", ".join(f"r.{label}" for label in by)
    values = f"[{', '.join(f'toString(r.{label})' for label in by)}]"
    sql = (
        f"SELECT {values} AS values, groupUniqArray({_MOST_SERIES + 1})(r.series_id) "  # noqa: S608 (names of ours)
        f"FROM {source.rows([*by, 'n', 'series_id'])} AS r GROUP BY {names} "
        "ORDER BY sum(r.n) DESC, values LIMIT {limit:UInt32}"
    )
    rows = ask(sql, source.all_parameters | {"limit": limit}).rows
    if not rows:
        return None
    combinations = ", ".join(f"({', '.join(map(quoted, each))})" for each, _ in rows)
    series = [int(one) for _, of_each in rows for one in of_each]
    return Some(f"({', '.join(by)}) IN ({combinations})", series if len(series) <= _MOST_SERIES else ())


@dataclass(frozen=True)
class _Row(Numbers):
    values: list[str]
