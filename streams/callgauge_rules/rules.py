"""Rules are data: a YAML file, read and checked here.

rules:
  - name: high_error_rate
    summary: too many calls fail
    by: [service]              # labels of a configured grouping set
    where: {service: chat}     # only series with these label values
    aggregate: error_rate      # see callgauge_rules.aggregates
    lookback: 5m               # sliding, a multiple of the window, at most 24h
    op: gt                     # gt ge lt le eq ne
    value: 0.05                # of shares also 5%; or a limit for each severity, warning: 5%, critical: 10%
    min_count: 20              # events below which nothing is judged; by default 1, or 0 if none fulfil the condition
    for: 1m                    # must hold this long before the alert fires
    keep_firing_for: 2m        # ... and have ended this long before it is resolved
    cooldown: 15m              # counted from firing: not fired again before; it hides what is wrong meanwhile
    severity: critical         # info warning error critical
    runbook: https://...

A rule may name another detector than the threshold (callgauge_rules.detectors), or join several conditions on the same
series; docs/rules.md says how.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from callgauge.line_texts import shown
from callgauge.near_names import nearest, unknown
from callgauge_rules.bound import BoundRule
from callgauge_rules.names import FIELDS_MEANT
from callgauge_rules.placing import bind
from callgauge_rules.rule import RECORDS_LOST, RESERVED, TOO_MANY_SERIES, ConditionEntry, Rule
from callgauge_rules.rule_checks import missing_fields, problems
from callgauge_rules.rule_file import RuleFile, read_rule_file

__all__ = ["RECORDS_LOST", "RESERVED", "TOO_MANY_SERIES", "BoundRule", "Rule", "bind", "load_rules", "rules_in"]

_UNKNOWN = "extra_forbidden"  # pydantic's word for a field that a rule does not have
#: The fields of a rule, by their names in the file.
_FIELDS = tuple(info.alias or name for name, info in Rule.model_fields.items())
#: Those of one of its conditions.
_CONDITION_FIELDS = tuple(ConditionEntry.model_fields)


def load_rules(path: Path | None) -> list[Rule]:
    """The rules of a file, or the default rules.

    Raises:
        RuleError: one line for each mistake: where and why.
    """
    return _rules_of(read_rule_file(path))


def rules_in(name: str, raw: bytes) -> list[Rule]:
    """The rules that these bytes of a rule file hold.

    Args:
        name: of the file, for messages.

    Raises:
        RuleError: as `load_rules` does.
    """
    return _rules_of(RuleFile(name, raw))


def _rules_of(file: RuleFile) -> list[Rule]:
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
        for wrong in errors:
            _note(file, at, wrong)
        _note_missing(file, at, entry, errors)
        return None
    if _note_missing(file, at, entry):
        return None
    found = list(problems(rule))
    for place, what in found:
        file.note(("rules", at, *place), what)
    if found:
        return None
    conditions = [("conditions", n, name) for n in range(len(rule.conditions)) for name in _CONDITION_FIELDS]
    places = {".".join(map(str, each)): file.place(("rules", at, *each)) for each in conditions}
    return rule.read_at(places | {field: file.place(("rules", at, field)) for field in _FIELDS})


def _note_missing(file: RuleFile, at: int, entry: dict[str, Any], errors: Iterable[Any] = ()) -> bool:
    """Take note of fields that are missing; returns whether there are any. One that is missing because its name is
    mistyped is told once."""
    mistyped = {
        (*wrong["loc"][:-1], nearest(str(wrong["loc"][-1]), _FIELDS, FIELDS_MEANT))
        for wrong in errors
        if wrong["type"] == _UNKNOWN
    }
    noted = False
    for place, what in missing_fields(entry):
        if place not in mistyped:
            file.note(("rules", at, *place), what, of=("rules", at, *place[:-1]))
            noted = True
    if "name" not in entry and ("name",) not in mistyped:
        file.note(
            ("rules", at, "name"), "name is missing; a rule has name, aggregate, lookback and value", of=("rules", at)
        )
        noted = True
    return noted


def _note(file: RuleFile, at: int, wrong: Any) -> None:
    """Take note of what pydantic found, in our words."""
    here, field = ("rules", at, *wrong["loc"]), wrong["loc"][-1]
    inside = wrong["loc"][0] == "conditions"
    if wrong["type"] == _UNKNOWN:
        fields, of = (_CONDITION_FIELDS, "condition") if inside else (_FIELDS, "rule")
        meant = {word: name for word, name in FIELDS_MEANT.items() if name in fields}
        file.note(here, unknown(field, f"field of a {of}", fields, meant, plain=True), of=here[:-1])
    elif wrong["type"] != "missing":  # raised by one of the checks in callgauge_rules.fields
        error = wrong["ctx"]["error"]
        file.note((*here, *getattr(error, "at", ())), str(error), of=here[:-2] if here[-1] == "[key]" else None)


def _refuse_shared_names(file: RuleFile, rules: dict[int, Rule]) -> None:
    first: dict[str, int] = {}
    for at, rule in rules.items():
        if first.setdefault(rule.name, at) != at:
            line = file.line(("rules", first[rule.name], "name"))
            file.note(("rules", at, "name"), f"used more than once, first in line {line}; give each rule its own")
