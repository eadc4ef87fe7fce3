"""All rules and budgets at one instant after the other: a function of the store, the instants and the alerts before."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from callgauge.errors import StoreError
from callgauge.schema import Alert
from callgauge_evaluator.binding import MINUTE_MS, HistoryRule
from callgauge_evaluator.judging import judge
from callgauge_evaluator.largest import with_largest
from callgauge_evaluator.lives import Lives, labels_in_order, subject_of, timing_of
from callgauge_history.store import Ask, StoreUnavailable
from callgauge_rules.lifecycle import QUIET_MS

__all__ = ["Evaluation", "Judges", "JudgesAt", "RuleJudge", "instants"]

log = logging.getLogger(__name__)

#: ClickHouse's TIMEOUT_EXCEEDED, TOO_SLOW and MEMORY_LIMIT_EXCEEDED.
_TOO_MUCH = frozenset({159, 160, 241})


class Judges(Protocol):
    """Something that is judged at instants: a rule, or a budget.

    Attributes:
        step_ms: it is judged at the multiples of this.
        names: the names of the rules under which its alerts are known.
        remembers_ms: how long before an instant what its alerts do then is decided.
    """

    @property
    def step_ms(self) -> int: ...
    @property
    def names(self) -> frozenset[str]: ...
    @property
    def remembers_ms(self) -> int: ...
    def judge(self, ask: Ask, lives: Lives, at_ms: int) -> list[Alert]: ...


class RuleJudge:
    """A rule."""

    def __init__(self, rule: HistoryRule) -> None:
        self._rule = rule
        self.step_ms = rule.step_ms
        self.names = frozenset({rule.name})
        held = rule.bound.rule
        self.remembers_ms = max(held.for_, held.keep_firing_for, QUIET_MS) + rule.step_ms

    def judge(self, ask: Ask, lives: Lives, at_ms: int) -> list[Alert]:
        """The transitions at an instant."""
        bound = self._rule.bound
        subjects = [subject_of(bound, *each) for each in judge(self._rule, ask, at_ms).items()]
        told = lives.judge(
            self._rule.name,
            timing_of(bound),
            subjects,
            at_ms,
            lambda labels: subject_of(bound, labels_in_order(bound, labels), None),
        )
        return with_largest(self._rule, ask, told, at_ms)


#: What is judged at an instant.
JudgesAt = Callable[[int], Sequence[Judges]]


class Evaluation:
    """See above."""

    def __init__(self, judges_at: JudgesAt, lives: Lives) -> None:
        self._judges_at, self._lives = judges_at, lives

    def at(self, ask: Ask, at_ms: int) -> list[Alert]:
        """Judge what is due at an instant; returns the transitions.

        Raises:
            StoreUnavailable: the store cannot be asked now. Part of the instant may have been judged: make another
                evaluation, from the alerts that were told.
        """
        judges = self._judges_at(at_ms)
        told = self._lives.end_removed(frozenset(name for each in judges for name in each.names), at_ms)
        for each in judges:
            if at_ms % each.step_ms == 0:
                told += self._judged(each, ask, at_ms)
        self._lives.forget(at_ms)
        return told

    def remember(self, ask: Ask, decided_ms: int) -> None:
        """Judge again what was judged before, of the rules whose alerts are on: tells nothing."""
        active = self._lives.active_rules()
        for each in (each for each in self._judges_at(decided_ms) if active & each.names):
            for at_ms in instants(decided_ms - each.remembers_ms, decided_ms, each.step_ms):
                self._judged(each, ask, at_ms)

    def _judged(self, judges: Judges, ask: Ask, at_ms: int) -> list[Alert]:
        try:
            return judges.judge(ask, self._lives, at_ms)
        except StoreError as error:
            if isinstance(error, StoreUnavailable) and not _asks_too_much(error):
                raise
            # One rule that asks for too much must not silence all others.
            log.error("%s cannot be judged: %s", " ".join(sorted(judges.names)), error)
            return []


def _asks_too_much(error: StoreError) -> bool:
    """Whether the store gave up on a statement that takes too long or too much memory."""
    return getattr(error.__cause__, "code", None) in _TOO_MUCH


def instants(after_ms: int, to_ms: int, step_ms: int = MINUTE_MS) -> Iterator[int]:
    """The multiples of a step in (after, to]."""
    yield from range((after_ms // step_ms + 1) * step_ms, to_ms + 1, step_ms)
