"""The rules that are judged from history, each ready to be judged. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from callgauge_evaluator.totals_sql import NO_LABEL
from callgauge_rules.bound import BoundRule
from callgauge_rules.placing import Placed
from callgauge_rules.rule import Rule
from callgauge_windows.grouping import GroupingSet

__all__ = ["MINUTE_MS", "HistoryRule", "bind_history"]

MINUTE_MS = 60_000
#: A lookback is judged about so often while it passes: what is a minute of a day is half an hour of a month.
_TIMES = 1_440


@dataclass(frozen=True)
class HistoryRule:
    """A rule that is judged from history.

    Attributes:
        step_ms: it is judged at the multiples of this, which is a multiple of a minute.
    """

    bound: BoundRule
    step_ms: int

    @property
    def name(self) -> str:
        """The rule's."""
        return self.bound.rule.name

    @property
    def by(self) -> tuple[str, ...]:
        """The labels of its series."""
        return self.bound.grouping.labels


def bind_history(placed: Sequence[Placed]) -> tuple[list[HistoryRule], dict[str, str]]:
    """The rules that no stream judges, and why some of them cannot be judged at all: name -> a sentence."""
    bound: list[HistoryRule] = []
    refused: dict[str, str] = {}
    for rule in (each.rule for each in placed if each.bound is None):
        made = _bound(rule)
        strange = sorted(NO_LABEL & set(rule.by))
        if strange and made.bound.of_scores:
            refused[rule.name] = f"scores do not know the {' and '.join(strange)} of their call"
        elif any(each.learns and getattr(each.config, "only_pinned", False) for each in made.bound.conditions):
            refused[rule.name] = (
                "only_pinned compares with baselines of `callgauge quality pin`, which the stream alone knows: leave "
                "it out, or write pinned: true, which compares with deploy marks"
            )
        else:
            bound.append(made)
    return bound, refused


def _bound(rule: Rule) -> HistoryRule:
    longest_ms = max(judged.lookback for judged in rule.judged)
    width_ms = max(1, longest_ms // _TIMES // MINUTE_MS) * MINUTE_MS
    made = BoundRule(rule, GroupingSet(tuple(rule.by), width_ms))
    return HistoryRule(made, max(MINUTE_MS, made.step_ms // MINUTE_MS * MINUTE_MS))
