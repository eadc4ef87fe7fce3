"""How much, how slow, how dear, how many errors: the numbers of a period, whole or by labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from callgauge.counted import LABELS
from callgauge_history.questions.labels import Where, check_labels
from callgauge_history.questions.numbers import TOTALS, Numbers, columns_needed, selected
from callgauge_history.questions.period import Period
from callgauge_history.questions.reading import read
from callgauge_history.questions.source import MINUTE_MS, choose
from callgauge_history.store import Ask

__all__ = ["LabelledNumbers", "Summary", "summary", "summary_by"]


#: Of more rows the busiest are looked for first.
_MANY_ROWS = 20_000


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
    if by and source.row_count > _MANY_ROWS:
        # The busiest are found by their calls alone: to add up the histograms of all takes twenty times as long.
        busiest = (
            f"SELECT {names} FROM {source.rows([*by, 'n'])} AS r GROUP BY {names} "  # noqa: S608 (names of ours)
            f"ORDER BY sum(r.n) DESC, {values} LIMIT {{limit:UInt32}}"
        )
        source = replace(source, condition=f"{source.condition} AND ({', '.join(by)}) IN ({busiest})")
    sql = (
        f"SELECT {values} AS values, {selected(TOTALS)} "  # noqa: S608 (names of ours)
        f"FROM {source.rows([*by, *columns_needed(TOTALS.values())])} AS r "
        f"GROUP BY {names or 'tuple()'} ORDER BY calls DESC, values LIMIT {{limit:UInt32}}"
    )
    found = read(ask, _Row, sql, source.all_parameters | {"limit": limit})
    return [LabelledNumbers(**vars(row) | {"values": tuple(row.values)}) for row in found]


@dataclass(frozen=True)
class _Row(Numbers):
    values: list[str]
