"""Which call an alert names where its sums were read from usage, which knows no single calls.

It is asked for when a transition is told, and not of each series at each instant: few alerts are told, and of a user's
calls an index knows where they lie.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from callgauge.errors import StoreError
from callgauge.schema import Alert
from callgauge.texts import repaired
from callgauge_evaluator.binding import HistoryRule
from callgauge_evaluator.totals_sql import Cut, rows_of, totals_sql
from callgauge_evaluator.usage_totals import knows_no_call
from callgauge_history.store import Ask
from callgauge_rules.bound import BoundCondition

__all__ = ["with_largest"]

log = logging.getLogger(__name__)

#: More alerts at once are looked up by one statement over all series.
_ONE_BY_ONE = 20


def with_largest(rule: HistoryRule, ask: Ask, alerts: Sequence[Alert], at_ms: int) -> list[Alert]:
    """The transitions of a rule at an instant, each with the call that contributed most.

    If that cannot be found out, they are told without it: by now they are decided, and would be lost.
    """
    try:
        found = _found(rule, ask, alerts, at_ms)
    except StoreError as error:
        log.warning("%s: which calls its alerts are about is not known: %s", rule.name, error)
        return list(alerts)
    return [_naming(alert, found.get(alert.fingerprint, "")) for alert in alerts]


def _found(rule: HistoryRule, ask: Ask, alerts: Sequence[Alert], at_ms: int) -> dict[str, str]:
    """Fingerprint -> event_id."""
    found: dict[str, str] = {}
    for condition in rule.bound.conditions:
        lacking = [alert for alert in alerts if alert.n and not alert.event_id and _is_of(alert, condition)]
        if not lacking or not knows_no_call(condition, rule.by, rule.bound.rule.where):
            continue
        only = [alert.labels for alert in lacking] if len(lacking) <= _ONE_BY_ONE else [{}]
        largest = {key: call for labels in only for key, call in _largest(rule, condition, ask, labels, at_ms).items()}
        found |= {alert.fingerprint: largest.get(tuple(alert.labels.values()), "") for alert in lacking}
    return found


def _is_of(alert: Alert, condition: BoundCondition) -> bool:
    return (alert.aggregate, alert.lookback_s) == (
        repaired(condition.judged.aggregate),
        condition.lookback_ms / 1000,
    )


def _largest(
    rule: HistoryRule, condition: BoundCondition, ask: Ask, labels: Mapping[str, str], at_ms: int
) -> dict[tuple[str, ...], str]:
    end_ms = at_ms // condition.every_ms * condition.every_ms if condition.learns else at_ms
    cut = Cut.whole(end_ms - condition.lookback_ms, end_ms)
    sql = totals_sql(condition, rule.by, {**rule.bound.rule.where, **labels}, cut)
    measure = condition.aggregate.measure
    return {
        tuple(repaired(value) for value in each.labels): repaired(each.totals.measures[measure].max_event_id)
        for each in rows_of(condition, rule.by, ask(sql).rows)
    }


def _naming(alert: Alert, call: str) -> Alert:
    return alert.model_copy(update={"event_id": call, "event_ids": [call]}) if call else alert
