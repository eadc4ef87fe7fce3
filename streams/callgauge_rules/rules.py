"""Rules are data: a YAML file, read and checked here.

rules:
  - name: high_error_rate
    summary: too many calls fail
    by: [service]              # labels of a configured grouping set
    where: {service: chat}     # only series with these label values
    aggregate: error_rate      # see callgauge_rules.aggregates
    lookback: 5m               # sliding, a multiple of the window
    op: gt                     # gt ge lt le eq ne
    value: 0.05
    min_count: 20              # events below which nothing is judged; by default 1, or 0 if none fulfil the condition
    for: 1m                    # must hold this long before the alert fires
    keep_firing_for: 2m        # ... and have ended this long before it is resolved
    cooldown: 15m              # counted from firing: not fired again before
    severity: critical         # info warning critical
    runbook: https://...
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from callgauge.counted import LABELS
from callgauge.errors import RuleError
from callgauge.schema import Severity
from callgauge_detectors.threshold import Limit, Op, Threshold, ThresholdConfig
from callgauge_rules.aggregates import Aggregate, aggregate
from callgauge_rules.durations import duration_ms
from callgauge_windows.grouping import GroupingSet

__all__ = ["RECORDS_LOST", "BoundRule", "Rule", "bind", "load_rules"]

#: The rule of the alerts that detect raises by itself; see callgauge_streams.detect.losses.
RECORDS_LOST = "records_lost"

DurationMs = Annotated[int, BeforeValidator(lambda text: duration_ms(str(text))), Field(ge=0)]


class Rule(BaseModel):
    """A threshold on an aggregate over a sliding lookback. Durations are kept in ms."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    summary: str = ""
    by: list[Literal[LABELS]] = []  # type: ignore[valid-type]
    where: dict[Literal[LABELS], str] = {}  # type: ignore[valid-type]
    aggregate: str
    lookback: Annotated[DurationMs, Field(gt=0)]
    op: Op = "gt"
    value: Annotated[float, BeforeValidator(lambda value: _number(value))]
    min_count: Annotated[int, Field(ge=1)] | None = None
    for_: Annotated[DurationMs, Field(alias="for")] = 0
    keep_firing_for: DurationMs = 0
    cooldown: DurationMs = 0
    severity: Severity = "warning"
    runbook: str = ""


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a limit is a number, not true or false")
    return value


class _RuleFile(BaseModel):
    model_config = ConfigDict(extra="forbid")
    rules: list[Rule]


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
    where = str(path) if path else "default_rules.yaml"
    try:
        source = path.read_text() if path else files(__package__).joinpath("default_rules.yaml").read_text()
        content = yaml.load(source, _StrictLoader)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise RuleError(f"{where}: {error.strerror}; CALLGAUGE_RULES_FILE names a YAML rule file") from error
    except yaml.YAMLError as error:
        raise RuleError(f"{where}: no YAML: {' '.join(str(error).split())}") from error
    return _checked(content, where)


def _checked(content: Any, where: str) -> list[Rule]:
    try:
        rules = _RuleFile.model_validate(content).rules
    except ValidationError as error:
        raise RuleError(
            "\n".join(f"{where}: {_place(content, e['loc'])}: {e['msg']}" for e in error.errors())
        ) from None
    names = [rule.name for rule in rules]
    for rule in rules:
        if rule.name == RECORDS_LOST:
            raise RuleError(
                f"{where}: {rule.name}: the name is reserved for the alert that detect raises by itself when retention "
                "eats records before they are counted; give the rule another"
            )
        if names.count(rule.name) > 1:
            raise RuleError(f"{where}: {rule.name}: the name is used more than once; give each rule its own")
        try:
            judged = aggregate(rule.aggregate)
        except ValueError as error:
            raise RuleError(f"{where}: {rule.name}: aggregate: {error}") from None
        if problem := _problem_of_limit(rule, judged):
            raise RuleError(f"{where}: {rule.name}: value: {problem}")
    return rules


def _problem_of_limit(rule: Rule, judged: Aggregate) -> str:
    """What is wrong with a limit that no value or every value is beyond (5 instead of 5 %, perhaps); "" if nothing
    is."""
    most, values = (1.0, "a share, 0 to 1") if judged.unit == "%" else (math.inf, "never below 0")
    if not 0.0 <= rule.value <= most:
        return f"{judged.name} is {values}; {rule.value:g} is no limit for it"
    if (rule.op == "lt" and rule.value == 0.0) or (rule.op == "gt" and rule.value == most):
        return f"{judged.name} is {values}; {rule.op} {rule.value:g} never holds"
    return ""


class _StrictLoader(yaml.SafeLoader):
    """Refuses a key that is given twice; YAML's own loader takes the last without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        twice = next((key for key, _ in node.value if keys.count(key.value) > 1), None)
        if twice is not None:
            line = twice.start_mark.line + 1
            raise yaml.constructor.ConstructorError(None, None, f"{twice.value} is given twice, first in line {line}")
        return super().construct_mapping(node, deep)


def _place(content: Any, loc: Sequence[int | str]) -> str:
    """Where in the file, by the rule's name where it has one."""
    parts = [str(part) for part in loc]
    if len(loc) >= 2 and loc[0] == "rules" and isinstance(loc[1], int):
        rule = content["rules"][loc[1]]
        name = rule.get("name") if isinstance(rule, dict) else None
        parts = [str(name or f"rule {loc[1] + 1}"), *parts[2:]]
    return ": ".join(parts) or "file"


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
        raise RuleError(f"{rule.name}: by: no grouping set has the labels {rule.by}; CALLGAUGE_GROUPINGS is {sets}")
    grouping = min(fitting, key=lambda g: g.window_ms)
    if rule.lookback % grouping.window_ms:
        raise RuleError(f"{rule.name}: lookback: must be a multiple of the window of {grouping.name}")
    outside = set(rule.where) - set(rule.by)
    if outside:
        raise RuleError(f"{rule.name}: where: {', '.join(sorted(outside))} must be in `by` too")
    return BoundRule(rule, grouping)
