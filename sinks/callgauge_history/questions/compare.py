"""Two periods, prompt versions, models, services beside each other: numbers, differences, and what chance explains."""

from __future__ import annotations

from dataclasses import dataclass

from callgauge_history.questions.changes import Change, Side, changes_between, measured
from callgauge_history.questions.numbers import Numbers
from callgauge_history.questions.period import Period
from callgauge_history.store import Ask

__all__ = ["Comparison", "Side", "compare"]


@dataclass(frozen=True)
class Comparison:
    """Two sides.

    Attributes:
        before_period, now_period: what was counted: the periods that were asked for, as whole windows.
        changes: the least explained by chance first.
    """

    before: Numbers
    now: Numbers
    before_period: Period
    now_period: Period
    changes: tuple[Change, ...]


def compare(ask: Ask, before: Side, now: Side) -> Comparison:
    """Compare two sides: `Side(period, {"model": "gpt-4"})`.

    Raises:
        QuestionError: a name is no label.
        StoreError: the store cannot be asked.
    """
    first, second = measured(ask, before), measured(ask, now)
    changes = tuple(changes_between(first, second))
    return Comparison(first.numbers, second.numbers, first.period, second.period, changes)
