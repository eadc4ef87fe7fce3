"""What a rule's aggregate is now, whether it told of it or not: of the series that is nearest to its limit.

It is made of the same sums as the rule is judged by, over the same lookback, but asked of the history, and at the time
of the question. Rules that look back further than an hour are left out: that would read too many calls for a page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from callgauge_evaluator.binding import MINUTE_MS, HistoryRule, bind_history
from callgauge_evaluator.lookbacks import ask_totals
from callgauge_evaluator.totals_sql import Cut
from callgauge_history.store import Ask
from callgauge_rules.bound import BoundRule
from callgauge_rules.placing import Placed

__all__ = ["RuleValue", "end_of", "value_of"]

_LONGEST_MS = 3_600_000
#: Calls of the last seconds may be on their way.
_SETTLED_MS = 4_000
_STEP_MS = 10_000


@dataclass(frozen=True)
class RuleValue:
    """What is known.

    Attributes:
        value: None if no series has enough events to be judged, or the rule looks back too far.
        labels: of the series that has it.
        series: how many have enough events.
        why: why there is no value; "" if there is one.
    """

    rule: str
    aggregate: str
    value: float | None
    labels: Mapping[str, str]
    series: int
    why: str = ""


def end_of(now_ms: int) -> int:
    """Up to when it is asked: the same for some seconds, so that it is asked once.

    >>> end_of(100_003_000), end_of(100_013_999), end_of(100_014_000)
    (99990000, 100000000, 100010000)
    """
    return (now_ms - _SETTLED_MS) // _STEP_MS * _STEP_MS


def value_of(placed: Placed, ask: Ask, end_ms: int, sees: Callable[[Mapping[str, str]], bool]) -> RuleValue:
    """The value of a rule's first condition over its lookback up to `end_ms`.

    Args:
        sees: whether a series may be shown.

    Raises:
        StoreError: the store cannot be asked.
    """
    rule = placed.bound or next((each.bound for each in bind_history([placed])[0]), None)
    if rule is None:
        return RuleValue(placed.rule.name, placed.rule.judged[0].aggregate, None, {}, 0, "it cannot be judged")
    name, aggregate = rule.rule.name, rule.main.judged.aggregate
    if rule.main.lookback_ms > _LONGEST_MS:
        return RuleValue(name, aggregate, None, {}, 0, "it looks back further than an hour: its alerts tell a value")
    found = list(_values(rule, ask, end_ms, sees))
    if not found:
        return RuleValue(name, aggregate, None, {}, 0, "no series has enough events to be judged")
    nearest = min if rule.main.judged.op in ("lt", "le") and not rule.main.learns else max
    value, labels = nearest(found, key=lambda each: each[0])
    return RuleValue(name, aggregate, value, labels, len(found))


def _values(
    rule: BoundRule, ask: Ask, end_ms: int, sees: Callable[[Mapping[str, str]], bool]
) -> Iterable[tuple[float, dict[str, str]]]:
    condition, by = rule.main, rule.grouping.labels
    cut = Cut.whole(end_ms - condition.lookback_ms, end_ms)
    for series in ask_totals(HistoryRule(rule, MINUTE_MS), condition, ask, cut):
        labels = dict(zip(by, series.labels, strict=True))
        value = condition.aggregate.of(series.totals)
        if value is not None and condition.n_of(series.totals) >= condition.min_count and sees(labels):
            yield value, labels
