"""Several numbers over time at once, by labels, as charts draw them: one statement for all lines of a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from callgauge.counted import LABELS, OUTCOME_COUNTS
from callgauge.errors import QuestionError
from callgauge.near_names import unknown
from callgauge_history.questions.labels import Where, check_labels
from callgauge_history.questions.numbers import SERIES, columns_needed
from callgauge_history.questions.period import Period
from callgauge_history.questions.source import choose
from callgauge_history.store import Ask

__all__ = ["COUNTS", "Line", "Lines", "lines"]

#: Numbers that are 0, and not unknown, where there was no call.
COUNTS = frozenset(
    {"calls", "errors", "cost_usd", "tokens", *(count.name for count in OUTCOME_COUNTS)}
    | {"input_tokens", "output_tokens", "cache_read_tokens", "reasoning_tokens"}
)
_MOST_POINTS = 3_000


@dataclass(frozen=True)
class Line:
    """The calls with these values of the labels that were asked for, in their order.

    Attributes:
        calls: in all of the period.
        numbers: measure -> a number for each of the steps; None: there was no call, or it cannot be told.
    """

    values: tuple[str, ...]
    calls: int
    numbers: dict[str, list[float | None]]


@dataclass(frozen=True)
class Lines:
    """Lines over the same steps.

    Attributes:
        period: what was counted: the period that was asked for, as whole steps.
    """

    period: Period
    step_ms: int
    lines: tuple[Line, ...]

    @property
    def starts_ms(self) -> range:
        """The start of each step."""
        return range(self.period.start_ms, self.period.end_ms, self.step_ms)


def lines(
    ask: Ask,
    period: Period,
    measures: Sequence[str],
    step_ms: int,
    by: Sequence[str] = (),
    where: Where | None = None,
    *,
    stored_until_ms: int,
    limit: int = 20,
) -> Lines:
    """A line for each combination of values of the labels `by`, those with the most calls first.

    Args:
        measures: some of `series.MEASURES_OVER_TIME`.
        step_ms: whole seconds.
        stored_until_ms: up to here a step without calls counts as 0; later ones may still come.

    Raises:
        QuestionError: a name is no label or no measure, or the step does not fit the period.
        StoreError: the store cannot be asked.
    """
    for measure in measures:
        if measure not in SERIES:
            raise QuestionError(unknown(measure, "number that can be shown over time", SERIES, plain=True))
    if step_ms < 1_000 or step_ms % 1_000:
        raise QuestionError(f"a step of {step_ms} ms: steps are whole seconds")
    if period.length_ms // step_ms > _MOST_POINTS:
        raise QuestionError(f"lines have at most {_MOST_POINTS:,} steps; ask for longer steps or a shorter period")
    by = check_labels(by, (*LABELS, "user_id"))
    whole = period.widened(step_ms)
    source = choose(ask, whole, by, where, align_ms=step_ms, step_ms=step_ms)
    wanted = [SERIES[measure] for measure in measures]
    numbers = ", ".join(f"toNullable(toFloat64({number.sql}))" for number in wanted)
    names = ["step", *(f"r.{label}" for label in by)]
    sql = (
        f"SELECT values, groupArray(point), sum(n) AS calls FROM ("  # noqa: S608 (names of ours)
        f"SELECT [{', '.join(f'toString(r.{label})' for label in by)}] AS values, toInt64(sum(r.n)) AS n, "
        f"intDiv(toUnixTimestamp64Milli(r.window_start), {int(step_ms)}) * {int(step_ms)} AS step, "
        f"(step, {numbers}) AS point FROM {source.rows(['window_start', 'n', *by, *columns_needed(wanted)])} AS r "
        f"GROUP BY {', '.join(names)}) GROUP BY values ORDER BY calls DESC, values LIMIT {{limit:UInt32}}"
    )
    rows = ask(sql, source.all_parameters | {"limit": limit}).rows
    made = Lines(source.period, step_ms, ())
    found = tuple(_line(made.starts_ms, measures, row, stored_until_ms) for row in rows)
    return Lines(source.period, step_ms, found)


def _line(starts: range, measures: Sequence[str], row: Sequence[Any], until_ms: int) -> Line:
    values, points, calls = row
    at = {int(point[0]): point[1:] for point in points}
    numbers: dict[str, list[float | None]] = {}
    for place, measure in enumerate(measures):
        none = 0.0 if measure in COUNTS else None
        numbers[measure] = [at[start][place] if start in at else none if start < until_ms else None for start in starts]
    return Line(tuple(values), int(calls), numbers)
