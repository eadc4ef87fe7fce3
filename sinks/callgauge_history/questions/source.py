"""Where an answer about windows comes from: a grouping set and the coarsest tiers that hold it, or else the calls.

A grouping set can answer if it has the labels that the question names, and counts every call of the period under them:
it may have been configured only later, and a label with too many values is folded into `__other__`. So first all
grouping sets are counted over the period, where the tiers have such counts (`tiers.counting`) by those; of those that
are complete the one with the fewest rows is read. If there is none, the calls are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from callgauge.counted import LABELS
from callgauge.errors import QuestionError
from callgauge_history.questions.adjustments import adjusted_rows, is_of_cost
from callgauge_history.questions.call_rows import CALL_ROW, NO_STEPS
from callgauge_history.questions.labels import Where, check_labels, conditions
from callgauge_history.questions.period import Period
from callgauge_history.store import Ask
from callgauge_history.tiers.counting import counts_table
from callgauge_history.tiers.ladder import BASES, TIERS, Base
from callgauge_history.tiers.segments import Coverage, Segment, segments, width_at
from callgauge_history.tiers.touched import coverages
from callgauge_windows.grouping import OTHER

__all__ = ["MINUTE_MS", "Some", "Source", "between", "choose", "pieces_of", "union_of"]

MINUTE_MS = 60_000

_WINDOWS = BASES[0]


@dataclass(frozen=True)
class Some:
    """Some combinations of labels: a condition on these, and the ids of their series, by which the key of the tables
    finds them; none if there are too many."""

    condition: str
    series: Sequence[int] = ()

    @property
    def by_key(self) -> str:
        """The condition on rows of windows."""
        return f"series_id IN ({', '.join(map(str, self.series))})" if self.series else self.condition


@dataclass(frozen=True)
class Source:
    """What rows are read from.

    Attributes:
        period: what the answer covers: whole windows.
        grouping: the grouping set; "" if the calls are read.
        tiers: the tiers that are read, "" for the windows themselves; of the calls none.
        row_count: how many rows the grouping set has in the period, before conditions.
    """

    period: Period
    grouping: str
    tiers: tuple[str, ...]
    pieces: tuple[Segment, ...] = field(default=(), repr=False)
    condition: str = field(default="1", repr=False)
    parameters: dict[str, Any] = field(default_factory=dict, repr=False)
    row_count: int = field(default=0, repr=False)

    def rows(self, columns: Iterable[str], *, as_sent: bool = False, some: Some | None = None) -> str:
        """A subquery in brackets that gives these columns of rows; each call is in one row, and its later costs in
        others (`adjustments`), unless costs as they were sent are asked for.

        Args:
            some: of these alone.
        """
        names = list(dict.fromkeys(columns))
        by_labels = f"{self.condition} AND {some.condition}" if some else self.condition
        if self.grouping:
            condition = f"{self.condition} AND {some.by_key}" if some else self.condition
            rows = union_of(_WINDOWS, self.pieces, names, f"{condition} AND grouping = {{grouping:String}}")
        else:
            made = ", ".join(f"{CALL_ROW[name]} AS {name}" if CALL_ROW[name] != name else name for name in names)
            within = _within(self.period, "event_time", by_labels)
            rows = f"(SELECT {made} FROM (SELECT * FROM calls FINAL WHERE {within}))"  # noqa: S608 (names of ours)
        if as_sent or not is_of_cost(names):
            return rows
        period = between(self.period.start_ms, self.period.end_ms, "event_time")
        return f"({rows[1:-1]} UNION ALL {adjusted_rows(names, period, by_labels)})"

    @property
    def all_parameters(self) -> dict[str, Any]:
        """The parameters that `rows` needs."""
        return self.parameters | ({"grouping": self.grouping} if self.grouping else {})


def choose(
    ask: Ask,
    period: Period,
    labels: Sequence[str] = (),
    where: Where | None = None,
    *,
    align_ms: int = MINUTE_MS,
    step_ms: int | None = None,
) -> Source:
    """Choose where to read from.

    Args:
        labels: what the rows must be told apart by. With the label `user_id` the calls are read.
        where: what the rows must have.
        align_ms: windows must fit into multiples of this; the period is widened to them.
        step_ms: the rows must be told apart by time, in steps of this.

    Raises:
        QuestionError: a name is no label, or steps so short are no longer kept.
        StoreError: the store cannot be asked.
    """
    where = where or {}
    known = (*LABELS, "user_id")
    needed = check_labels([*labels, *where], known)
    condition, parameters = conditions(where, known)
    if "operation" not in needed:
        condition = f"{condition} AND {NO_STEPS}"
    if "user_id" not in needed:
        whole, pieces = pieces_of(ask, _WINDOWS, period, align_ms, step_ms)
        if found := _complete(ask, pieces, needed, align_ms):
            count, grouping = found
            tiers = tuple(dict.fromkeys(piece.tier for piece in pieces))
            return Source(whole, grouping, tiers, tuple(pieces), condition, parameters, count)
    return Source(period, "", (), (), condition, parameters)


def pieces_of(
    ask: Ask, base: Base, period: Period, align_ms: int = MINUTE_MS, step_ms: int | None = None
) -> tuple[Period, list[Segment]]:
    """The period as whole windows, and which tier answers which part of it.

    Where the finer tier is no longer kept, the period is widened to whole buckets of the coarser one.

    Raises:
        QuestionError: steps so short are no longer kept.
    """
    tiers = coverages(ask, base)
    if step_ms is not None:
        _check_steps(period, step_ms, tiers)
        tiers = [tier for tier in tiers if step_ms % tier.width_ms == 0]
    first, last = (width_at(at_ms, align_ms, tiers) for at_ms in (period.start_ms, period.end_ms))
    whole = Period(period.start_ms // first * first, -(-period.end_ms // last) * last)
    return whole, segments(whole.start_ms, whole.end_ms, tiers)


def _check_steps(period: Period, step_ms: int, tiers: Sequence[Coverage]) -> None:
    for tier in tiers:
        if period.start_ms < tier.kept_from_ms and step_ms % tier.width_ms:
            since = datetime.fromtimestamp(tier.kept_from_ms / 1000, UTC).isoformat(timespec="minutes")
            raise QuestionError(
                f"steps of {step_ms // 1000} s are kept since {since} only: ask for a period after that, or for steps "
                f"of whole multiples of {tier.width_ms // 1000} s"
            )


def union_of(base: Base, pieces: Sequence[Segment], columns: Sequence[str], condition: str) -> str:
    """A subquery in brackets: these columns of the windows of a period, each window once."""
    tables = {tier.name: f"{tier.table(base)} FINAL" for tier in TIERS} | {"": f"{base.table}_final"}
    names = ", ".join(columns)
    selects = [
        f"SELECT {names} FROM {tables[tier]} WHERE ({' OR '.join(spans)}) AND {condition}"  # noqa: S608 (names of ours)
        for tier, spans in _by_tier(pieces).items()
    ]
    return f"({' UNION ALL '.join(selects)})"


def between(start_ms: int, end_ms: int, column: str) -> str:
    """The condition; both numbers are ours, and written out, since a statement may have many of them."""
    since, until = (f"fromUnixTimestamp64Milli({int(at)})" for at in (start_ms, end_ms))
    return f"({column} >= {since} AND {column} < {until})"


def _within(period: Period, column: str, condition: str) -> str:
    return f"{between(period.start_ms, period.end_ms, column)} AND {condition}"


def _complete(ask: Ask, pieces: Sequence[Segment], needed: Sequence[str], align_ms: int) -> tuple[int, str] | None:
    """How many rows the grouping set to read has, and its name; None if none counts every call under the labels."""
    folded = " OR ".join(f"{label} = {{other:String}}" for label in needed) or "0"
    columns = list(dict.fromkeys(("grouping", "n", "operation", *needed)))
    counts = [_counts_of(tier, spans, needed) for tier, spans in _by_tier(pieces, counted=True).items()]
    if any(not piece.is_counted for piece in pieces):
        uncounted = union_of(_WINDOWS, [piece for piece in pieces if not piece.is_counted], columns, "n > 0")
        counts.append(
            f"SELECT toString(grouping) AS name, sumIf(n, {NO_STEPS}) AS calls, sumIf(n, {folded}) AS lost, "  # noqa: S608 (names of ours)
            f"toInt64(count()) AS series FROM {uncounted} GROUP BY name"
        )
    rows = ask(
        "SELECT name, toInt64(sum(calls)), toInt64(sum(lost)), toInt64(sum(series)) "  # noqa: S608 (names of ours)
        f"FROM ({' UNION ALL '.join(counts)}) GROUP BY name",
        {"other": OTHER},
    ).rows
    counted = [
        (int(count), str(name), int(calls), int(lost))
        for name, calls, lost, count in rows
        if _fits(str(name), align_ms)
    ]
    every = max((calls for _, _, calls, _ in counted), default=0)
    usable = [
        (count, name)
        for count, name, calls, lost in counted
        if calls == every and not lost and set(needed) <= set(name.partition("@")[0].split(","))
    ]
    return min(usable, default=None)


def _counts_of(tier: str, spans: Sequence[str], needed: Sequence[str]) -> str:
    """The same as is counted of rows, from the counts of a tier."""
    lost = " + ".join(f"folded['{label}']" for label in needed) or "toInt64(0)"
    return (
        f"SELECT toString(grouping) AS name, n AS calls, {lost} AS lost, series FROM {counts_table(tier)} FINAL "  # noqa: S608 (names of ours)
        f"WHERE ({' OR '.join(spans)}) AND series > 0"
    )


def _by_tier(pieces: Sequence[Segment], *, counted: bool | None = None) -> dict[str, list[str]]:
    """Tier -> the conditions of its pieces; those alone that are counted, or not, if that is asked for."""
    parts: dict[str, list[str]] = {}
    for piece in pieces:
        if counted is None or piece.is_counted is counted:
            parts.setdefault(piece.tier, []).append(between(piece.start_ms, piece.end_ms, "window_start"))
    return parts


def _fits(grouping: str, align_ms: int) -> bool:
    """Whether its windows fit into the steps that the period is made of."""
    width = grouping.rpartition("@")[2].removesuffix("s")
    return width.isdecimal() and align_ms % (int(width) * 1000) == 0
