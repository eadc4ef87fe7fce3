"""What calls were priced at later, in the shape of rows of windows and of usage; and single calls with it.

Windows, tiers and usage hold what calls cost when they came, and are not derived again when prices change. An
adjustment (`callgauge reprice`) is two rows beside them: what the call costs now is added, what it came with is taken
away. So sums, means and percentiles of costs are those of calls that had come with the new cost, whatever the calls are
read from.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Protocol

from callgauge.counted import LABELS
from callgauge_history.questions.reading import decimal_usd
from callgauge_history.quoted import at
from callgauge_history.store import Ask
from callgauge_windows.histogram import PER_DOUBLING, SCALE

__all__ = ["adjusted_rows", "is_of_cost", "latest_costs"]

#: Ids that are given to a statement, at most.
_MOST_IDS = 500

#: Of a call that is priced again: what it costs now, +1; and what it came with, -1, if it came with something.
_PARTS = (
    "arrayJoin(if(isNull(cost_nano_as_sent), [(cost_nano, 1)], "
    "[(cost_nano, 1), (assumeNotNull(cost_nano_as_sent), -1)])) AS part"
)
_BUCKET = f"toInt16(ceil(log2(greatest(part.1, 1)) * {PER_DOUBLING}) - 1)"
_NO_BUCKETS = "CAST(map(), 'Map(Int16, UInt64)')"
#: Columns of a row that depend on the cost. What is taken away of an unsigned count wraps around, and again in the sum.
_COST_ROW = {
    "cost_sum": "toInt64(part.1 * part.2)",
    "cost_count": "toInt64(part.2)",
    "cost_histogram": f"if(part.1 > 0, CAST(map({_BUCKET}, toUInt64(part.2)), 'Map(Int16, UInt64)'), {_NO_BUCKETS})",
    "cost_zero_count": "toUInt64(if(part.1 = 0, part.2, 0))",
    "cost_scale": f"toInt8({SCALE})",
    "cost_nano": "toInt64(part.1 * part.2)",
}
_OF_CALL = {
    "window_start": "event_time",
    "at": "event_time",
    **{name: name for name in (*LABELS, "user_id")},
}
#: The end of a column's name -> nothing, in its type; of all others it is an integer.
_NOTHING = {
    "errors": "CAST(map(), 'Map(LowCardinality(String), Int64)')",
    "finish_reasons": "CAST(map(), 'Map(LowCardinality(String), Int64)')",
    "_histogram": _NO_BUCKETS,
    "_zero_count": "toUInt64(0)",
    "_scale": f"toInt8({SCALE})",
    "_event_id": "''",
}


def is_of_cost(columns: Iterable[str]) -> bool:
    """Whether some of these columns of a row depend on what calls cost."""
    return any(name in _COST_ROW for name in columns)


def adjusted_rows(columns: Sequence[str], within: str, condition: str, *, errors_are_counts: bool = False) -> str:
    """A SELECT that gives the adjustments as rows with these columns; minima and maxima of costs are none of them.

    Args:
        within: the condition that `event_time` lies in the period.
        condition: what holds for the rows beside them, on labels of calls.
        errors_are_counts: rows of usage have a number of errors, those of windows have them by type.
    """
    made = _OF_CALL | _COST_ROW | ({"errors": "toInt64(0)"} if errors_are_counts else {})
    chosen = ", ".join(f"{made.get(name) or _nothing(name)} AS {name}" for name in columns)
    names = ", ".join(dict.fromkeys((*LABELS, "user_id", "event_time", "cost_nano", "cost_nano_as_sent")))
    latest = f"SELECT {names} FROM cost_adjustments_latest WHERE {within} AND {condition}"  # noqa: S608 (names of ours)
    # The parts are made below, since a column that is named as one of the table's would hide it.
    return f"SELECT {chosen} FROM (SELECT * EXCEPT (cost_nano, cost_nano_as_sent), {_PARTS} FROM ({latest}))"  # noqa: S608 (names of ours)


def _nothing(column: str) -> str:
    if column in ("cost_min", "cost_max"):
        raise ValueError(f"{column} of adjusted costs cannot be told from rows")
    return next((made for end, made in _NOTHING.items() if column.endswith(end)), "toInt64(0)")


class Priced(Protocol):
    """A call, by its id and its end."""

    @property
    def event_id(self) -> str: ...
    @property
    def end_ms(self) -> int: ...


def latest_costs(ask: Ask, calls: Sequence[Priced]) -> dict[str, Decimal | None]:
    """Event id -> dollars of now, exactly, of those calls that were priced again.

    Raises:
        StoreError: the store cannot be asked.
    """
    if not calls:
        return {}
    first_ms, last_ms = min(call.end_ms for call in calls), max(call.end_ms for call in calls)
    within = f"event_time >= {at(first_ms)} AND event_time <= {at(last_ms)}"
    ids = [call.event_id for call in calls]
    # Parameters travel in the address of a request, which is not made for thousands.
    named = "event_id IN {ids:Array(String)}" if len(ids) <= _MOST_IDS else "1"
    rows = ask(
        f"SELECT event_id, cost_nano FROM cost_adjustments_latest WHERE {within} AND {named}",  # noqa: S608 (numbers of ours)
        {"ids": ids[:_MOST_IDS]},
    ).rows
    return {str(event_id): decimal_usd(nano) for event_id, nano in rows}
