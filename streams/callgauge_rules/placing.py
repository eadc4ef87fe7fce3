"""Where each rule is judged: in the stream, or from history, and why.

The stream judges rules whose labels are a grouping set, and which look back no further than it holds windows. All other
rules are evaluated from the history in ClickHouse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from callgauge.durations import duration_ms, written
from callgauge.errors import RuleError
from callgauge_rules.bound import BoundRule
from callgauge_rules.fields import LONGEST_HELD
from callgauge_rules.parameters import ParameterError
from callgauge_rules.rule import Rule
from callgauge_windows.grouping import GroupingSet

__all__ = ["Placed", "bind", "place"]

_HELD_MS = duration_ms(LONGEST_HELD)


@dataclass(frozen=True)
class Placed:
    """A rule and where it is judged.

    Attributes:
        bound: None if it is evaluated from history.
        why: one sentence.
    """

    rule: Rule
    bound: BoundRule | None
    why: str


def bind(rules: Sequence[Rule], groupings: Sequence[GroupingSet]) -> list[BoundRule]:
    """The rules that the stream judges, each with its grouping set.

    Raises:
        RuleError: see `place`.
    """
    return [placed.bound for placed in place(rules, groupings) if placed.bound]


def place(rules: Sequence[Rule], groupings: Sequence[GroupingSet]) -> list[Placed]:
    """Where each rule is judged; of several grouping sets with its labels by the one with the narrowest window.

    Raises:
        RuleError: a lookback is no multiple of the window, or `where` names a label that `by` does not.
    """
    return [_placed(rule, groupings) for rule in rules]


def _placed(rule: Rule, groupings: Sequence[GroupingSet]) -> Placed:
    outside = set(rule.where) - set(rule.by)
    if outside:
        raise RuleError(f"{rule.place('where')}: {', '.join(sorted(outside))} must be in `by` too")
    fitting = [g for g in groupings if set(g.labels) == set(rule.by)]
    if not fitting:
        sets = " ".join(g.name for g in groupings)
        labels = ", ".join(rule.by) or "none"
        return Placed(rule, None, f"no grouping set has the labels {labels}; CALLGAUGE_GROUPINGS is {sets}")
    grouping = min(fitting, key=lambda g: g.window_ms)
    longest_ms = max(judged.lookback for judged in rule.judged)
    if longest_ms > _HELD_MS:
        return Placed(rule, None, f"it looks back {written(longest_ms)}; the stream holds {LONGEST_HELD}")
    for at, judged in enumerate(rule.judged):
        inside = f"conditions.{at}." if rule.conditions else ""
        for name, ms in (("lookback", judged.lookback), ("every", judged.every or 0)):
            if ms % grouping.window_ms:
                place_of = rule.place(f"{inside}{name}")
                raise RuleError(f"{place_of}: must be a multiple of the window of {grouping.name}")
    return _remembering(rule, grouping)


def _remembering(rule: Rule, grouping: GroupingSet) -> Placed:
    try:
        bound = BoundRule(rule, grouping)
        furthest = max(bound.conditions, key=lambda each: 0 if each.kind.saved else each.remembers_ms)
    except ParameterError as error:
        raise RuleError(f"{rule.place('parameters')}: {error}") from None
    if furthest.remembers_ms > _HELD_MS and not furthest.kind.saved:
        far = written(furthest.remembers_ms)
        why = f"{furthest.kind.name} compares with {far} before; the stream holds {LONGEST_HELD}"
        return Placed(rule, None, why)
    if any(each.pinned for each in bound.conditions):
        return Placed(rule, None, "its baseline is pinned to marks, which the stream does not know")
    return Placed(rule, bound, f"{grouping.name} is a grouping set")
