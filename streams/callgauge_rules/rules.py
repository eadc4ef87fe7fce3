"""Rules are data: a YAML file, read and checked here.

rules:
  - name: high_error_rate
    summary: too many calls fail
    by: [service]              # labels of a configured grouping set
    where: {service: chat}     # only series with these label values
    aggregate: error_rate      # see callgauge_rules.aggregates
    lookback: 5m               # sliding, a multiple of the window, at most 24h
    op: gt                     # gt ge lt le eq ne
    value: 0.05                # of shares also 5%
    min_count: 20              # events below which nothing is judged; by default 1, or 0 if none fulfil the condition
    for: 1m                    # must hold this long before the alert fires
    keep_firing_for: 2m        # ... and have ended this long before it is resolved
    cooldown: 15m              # counted from firing: not fired again before; it hides what is wrong meanwhile
    severity: critical         # info warning error critical
    runbook: https://...
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from callgauge.errors import RuleError
from callgauge_detectors.threshold import Limit, Threshold, ThresholdConfig
from callgauge_rules.aggregates import Aggregate, aggregate
from callgauge_rules.condition import Condition
from callgauge_rules.names import FIELDS_MEANT, nearest, unknown
from callgauge_rules.rule import RECORDS_LOST, RESERVED, TOO_MANY_SERIES, Rule
from callgauge_rules.rule_file import RuleFile, read_rule_file
from callgauge_rules.texts import shown
from callgauge_windows.grouping import GroupingSet

__all__ = ["RECORDS_LOST", "RESERVED", "TOO_MANY_SERIES", "BoundRule", "Rule", "bind", "load_rules"]

_UNKNOWN = "extra_forbidden"  # pydantic's word for a field that a rule does not have
#: The fields of a rule, by their names in the file.
_FIELDS = tuple(info.alias or name for name, info in Rule.model_fields.items())


class BoundRule:
    """A rule and the grouping set whose rows it judges."""

    def __init__(self, rule: Rule, grouping: GroupingSet) -> None:
        self.rule = rule
        self.grouping = grouping
        self.aggregate: Aggregate = aggregate(rule.aggregate)
        self._threshold = Threshold(ThresholdConfig((Limit(rule.op, rule.value),)))
        self.judges_nothing = rule.min_count is None and self.aggregate.counts and self._threshold_holds(0.0)
        """Whether a lookback without any call fulfils the condition, as traffic that has stopped does for `calls lt
        10`. Such an alert goes on for an hour; then the series is forgotten."""
        self.min_count = 0 if self.judges_nothing else rule.min_count or 1
        self.condition = Condition(self.aggregate, rule.op, rule.value, self.min_count)
        """The same as `holds`, for many series at once."""

    def judges(self, labels: dict[str, str]) -> bool:
        """Whether a series is one of the rule's."""
        return all(labels[label] == value for label, value in self.rule.where.items())

    def holds(self, value: float | None, n: int) -> bool:
        """Whether the condition holds; not when there is too little to judge."""
        return n >= self.min_count and self._threshold_holds(value)

    def _threshold_holds(self, value: float | None) -> bool:
        # A threshold keeps no state, so the time of the window does not matter to it.
        return self._threshold.update(value, at_ms=0).level != "none"


def load_rules(path: Path | None) -> list[Rule]:
    """The rules of a file, or the default rules.

    Raises:
        RuleError: one line for each mistake: where and why.
    """
    file = read_rule_file(path)
    rules = {at: rule for at, entry in enumerate(file.entries) if (rule := _checked(file, at, entry))}
    _refuse_shared_names(file, rules)
    file.refuse_mistakes()
    return list(rules.values())


def _checked(file: RuleFile, at: int, entry: Any) -> Rule | None:
    """The rule of an entry; None, and notes in the file, if it is wrong."""
    if not isinstance(entry, dict):
        file.note(("rules", at), f"a rule is made of fields, such as name: and aggregate:; this is {shown(entry)}")
        return None
    try:
        rule = Rule.model_validate(entry)
    except ValidationError as error:
        errors = error.errors()
        # A field that is missing because its name is mistyped is told once.
        meant = {nearest(str(wrong["loc"][0]), _FIELDS, FIELDS_MEANT) for wrong in errors if wrong["type"] == _UNKNOWN}
        for wrong in errors:
            if wrong["type"] != "missing" or wrong["loc"][0] not in meant:
                _note(file, at, wrong)
        return None
    return rule.read_at({field: file.place(("rules", at, field)) for field in _FIELDS})


def _note(file: RuleFile, at: int, wrong: Any) -> None:
    """Take note of what pydantic found, in our words."""
    rule, here = ("rules", at), ("rules", at, *wrong["loc"])
    field = wrong["loc"][0]
    if wrong["type"] == "missing":
        file.note(here, f"{field} is missing; a rule has name, aggregate, lookback and value", of=rule)
    elif wrong["type"] == _UNKNOWN:
        file.note(here, unknown(field, "field of a rule", _FIELDS, FIELDS_MEANT, plain=True), of=rule)
    else:  # raised by one of the checks in callgauge_rules.rule
        file.note(here, str(wrong["ctx"]["error"]), of=here[:-2] if here[-1] == "[key]" else None)


def _refuse_shared_names(file: RuleFile, rules: dict[int, Rule]) -> None:
    first: dict[str, int] = {}
    for at, rule in rules.items():
        if first.setdefault(rule.name, at) != at:
            line = file.line(("rules", first[rule.name], "name"))
            file.note(("rules", at, "name"), f"used more than once, first in line {line}; give each rule its own")


def bind(rules: Sequence[Rule], groupings: Sequence[GroupingSet]) -> list[BoundRule]:
    """Each rule with the grouping set that has its labels; if several have, the one with the narrowest window.

    Raises:
        RuleError: no grouping set has its labels, or its lookback is no multiple of the window.
    """
    return [_bound(rule, groupings) for rule in rules]


def _bound(rule: Rule, groupings: Sequence[GroupingSet]) -> BoundRule:
    fitting = [g for g in groupings if set(g.labels) == set(rule.by)]
    if not fitting:
        sets = " ".join(g.name for g in groupings)
        raise RuleError(f"{rule.place('by')}: no grouping set has the labels {rule.by}; CALLGAUGE_GROUPINGS is {sets}")
    grouping = min(fitting, key=lambda g: g.window_ms)
    if rule.lookback % grouping.window_ms:
        raise RuleError(f"{rule.place('lookback')}: must be a multiple of the window of {grouping.name}")
    outside = set(rule.where) - set(rule.by)
    if outside:
        raise RuleError(f"{rule.place('where')}: {', '.join(sorted(outside))} must be in `by` too")
    return BoundRule(rule, grouping)
