"""Which alerts are hidden by which: while a cause fires, its symptoms are listed in its message and not told apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from callgauge.schema import Alert
from callgauge_notify.routing.routes import Inhibition
from callgauge_rules.matchers import matches

__all__ = ["Inhibitions"]


@dataclass(frozen=True, slots=True)
class _Firing:
    alert: Alert
    labels: Mapping[str, str]
    partition: int


class Inhibitions:
    """Keeps the firing alerts that may hide others, or be hidden.

    An alert that itself matches `source` is not hidden by that inhibition, so two causes do not hide each other.
    """

    def __init__(self, inhibitions: Iterable[Inhibition], labels: Callable[[Alert], Mapping[str, str]]) -> None:
        self._rules = tuple(inhibitions)
        self._labels = labels
        self._causes: list[dict[str, _Firing]] = [{} for _ in self._rules]
        self._symptoms: list[dict[str, _Firing]] = [{} for _ in self._rules]

    def take(self, alert: Alert, partition: int) -> None:
        """Take note of a transition to firing or resolved."""
        if not self._rules:
            return
        found = _Firing(alert, self._labels(alert), partition)
        for rule, causes, symptoms in zip(self._rules, self._causes, self._symptoms, strict=True):
            causes.pop(alert.fingerprint, None)
            symptoms.pop(alert.fingerprint, None)
            if alert.state != "firing":
                continue
            if matches(rule.source, found.labels):
                causes[alert.fingerprint] = found
            elif matches(rule.target, found.labels):
                symptoms[alert.fingerprint] = found

    def drop(self, partitions: set[int]) -> None:
        """Forget the alerts of partitions that another worker has now."""
        for kept in (*self._causes, *self._symptoms):
            for key in [key for key, found in kept.items() if found.partition in partitions]:
                del kept[key]

    def hidden(self, alert: Alert) -> bool:
        """Whether a cause of this alert fires."""
        if not self._rules:
            return False
        labels = self._labels(alert)
        return any(
            causes
            and matches(rule.target, labels)
            and not matches(rule.source, labels)
            and any(_equal(rule, cause.labels, labels) for cause in causes.values())
            for rule, causes in zip(self._rules, self._causes, strict=True)
        )

    def hides(self, alert: Alert) -> tuple[Alert, ...]:
        """The firing alerts that this one hides."""
        found: dict[str, Alert] = {}
        for rule, causes, symptoms in zip(self._rules, self._causes, self._symptoms, strict=True):
            cause = causes.get(alert.fingerprint)
            if cause is not None:
                found |= {key: s.alert for key, s in symptoms.items() if _equal(rule, cause.labels, s.labels)}
        return tuple(found.values())


def _equal(rule: Inhibition, cause: Mapping[str, str], symptom: Mapping[str, str]) -> bool:
    return all(cause.get(label, "") == symptom.get(label, "") for label in rule.equal)
