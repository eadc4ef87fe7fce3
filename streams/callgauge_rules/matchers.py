"""Conditions on an alert's labels, as routes, inhibition and silences use them.

    name=value    is the value          name=~pattern   the whole value matches the regular expression
    name!=value   is not the value      name!~pattern   it does not
    severity>=error                     this severity or a worse one

A label that an alert does not have has the value "". Besides its labels an alert has `rule`, `severity`, `role` (what
its rule marks it as: cause or symptom), `owner` (the team of its service, from the owners file) and `alertname`, which
is the rule, as in Alertmanager; and `provider` and `service` where its rule tells them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from callgauge.counted import LABELS
from callgauge.line_texts import shown
from callgauge.near_names import nearest, unknown
from callgauge.schema import Alert, Severity
from callgauge_rules.names import LABELS_MEANT, SEVERITIES_MEANT

__all__ = ["EXTRA_LABELS", "Matcher", "known_label", "labels_of", "matcher_of", "matches"]

#: What an alert is asked for besides its own labels.
EXTRA_LABELS = ("rule", "severity", "role", "owner", "alertname", "receiver", "source")
_SEVERITIES = get_args(Severity)
_FORM = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*(>=|!=|=~|!~|==|=)\s*(.*?)\s*", re.DOTALL)
_LONGEST = 1_000


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition; `pattern` is that of =~ and !~."""

    label: str
    op: str
    value: str
    pattern: re.Pattern[str] | None = None

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert with these labels (`labels_of`) meets the condition."""
        found = labels.get(self.label, "")
        match self.op:
            case "=":
                return found == self.value
            case "!=":
                return found != self.value
            case ">=":
                return found in _SEVERITIES[_SEVERITIES.index(self.value) :]
        matched = self.pattern is not None and self.pattern.fullmatch(found) is not None
        return matched == (self.op == "=~")

    def __str__(self) -> str:
        """As `matcher_of` reads it."""
        bare = self.value == _unquoted(self.value.strip())
        return f"{self.label}{self.op}{self.value}" if bare else f'{self.label}{self.op}"{self.value}"'


def matches(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether all conditions hold; without any, yes."""
    return all(matcher.holds(labels) for matcher in matchers)


def labels_of(alert: Alert, owner: str = "") -> dict[str, str]:
    """What conditions are asked of: the alert's labels, its rule, severity, role and owner."""
    known = {"provider": alert.provider, "service": alert.service}
    extra = {"rule": alert.rule, "alertname": alert.rule, "severity": alert.severity, "role": alert.role}
    return {**known, **alert.labels, **extra, "owner": owner}


def known_label(name: Any) -> str:
    """A name of a label, if alerts may have it.

    Raises:
        ValueError: they may not; with the name that was probably meant.
    """
    known = (*LABELS, *EXTRA_LABELS)
    if not isinstance(name, str) or name not in known:
        raise ValueError(unknown(name, "label of an alert", known, LABELS_MEANT))
    return name


def matcher_of(text: Any) -> Matcher:
    """Read a condition.

    >>> str(matcher_of("severity >= error"))
    'severity>=error'

    Raises:
        ValueError: it is none; with what to write.
    """
    form = _FORM.fullmatch(text) if isinstance(text, str) and len(text) <= _LONGEST else None
    if form is None:
        raise ValueError(f"{shown(text)} is no condition; write e.g. severity>=error, service=chat or model=~gpt-.*")
    label, op, value = known_label(form[1]), form[2].replace("==", "="), _unquoted(form[3])
    if op in ("=~", "!~"):
        return Matcher(label, op, value, _pattern(value))
    if op == ">=" and label != "severity":
        raise ValueError(f">= compares severities only; for {label} write = or =~")
    if label == "severity" and value not in _SEVERITIES:
        guess = nearest(value, _SEVERITIES, SEVERITIES_MEANT)
        rest = f"did you mean {guess}?" if guess else f"there are {', '.join(_SEVERITIES)}"
        raise ValueError(f"{shown(value, plain=True)} is no severity; {rest}")
    return Matcher(label, op, value)


def _pattern(value: str) -> re.Pattern[str]:
    try:
        return re.compile(value)
    except re.error as error:
        raise ValueError(f"{shown(value)} is no regular expression: {error}") from None


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value
