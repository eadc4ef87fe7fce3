"""Silences: while one is in force, nobody is told of the alerts that match it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from callgauge.schema import Alert, AlertAction
from callgauge_rules.matchers import Matcher, labels_of, matcher_of, matches

__all__ = ["LONGEST_S", "Silence", "conditions_on", "in_order", "silence_in", "silence_matchers"]

#: An alert that waits for the end of a silence is read again after a restart, and its topic keeps it for 30 days.
LONGEST_S = 28 * 86_400.0


@dataclass(frozen=True, slots=True)
class Silence:
    """One silence, with its end as it is known now.

    Attributes:
        made: the action that made it.
        ends_at: epoch seconds; earlier than it was made for if somebody has ended it.
        ended: the action that ended it.
        problem: why its conditions cannot be read, perhaps since a newer version wrote them; it then silences nothing.
    """

    made: AlertAction
    ends_at: float
    ended: AlertAction | None = None
    matchers: tuple[Matcher, ...] = field(default=(), compare=False)
    problem: str = ""

    @property
    def id(self) -> str:
        """Names it."""
        return self.made.silence_id

    def in_force(self, now: float) -> bool:
        """Whether it silences at this time, epoch seconds."""
        return self.made.starts_at <= now < self.ends_at

    def silences(self, alert: Alert, now: float) -> bool:
        """Whether it silences this alert at this time."""
        return self.in_force(now) and bool(self.matchers) and matches(self.matchers, labels_of(alert))

    def ended_by(self, action: AlertAction) -> Silence:
        """The silence after somebody has ended it."""
        return replace(self, ends_at=min(self.ends_at, action.at), ended=action)


def silence_in(action: AlertAction) -> Silence:
    """The silence that an action makes."""
    try:
        return Silence(action, action.ends_at, matchers=silence_matchers(action.matchers))
    except ValueError as error:
        return Silence(action, action.ends_at, problem=str(error))


def silence_matchers(texts: Iterable[str]) -> tuple[Matcher, ...]:
    """Read the conditions of a silence.

    Raises:
        ValueError: there is none, one cannot be read, or asks for what only a notifier knows.
    """
    found = tuple(matcher_of(text) for text in texts)
    if not found:
        raise ValueError("a silence without a condition would hide every alert; write e.g. service=chat rule=slow")
    if any(matcher.label == "owner" for matcher in found):
        raise ValueError(
            "a silence cannot ask for the owner, whom only notifiers know; name the services: service=~chat.*"
        )
    return found


def conditions_on(alert: Alert) -> list[str]:
    """The conditions that this alert fulfils and no other: its rule and each of its labels.

    >>> from callgauge_rules.raised import raised
    >>> conditions_on(raised("r", "info", {"model": "m"}, 0, summary="", aggregate="", value=0, n=0))
    ['rule="r"', 'model="m"']
    """
    return [f'{name}="{value}"' for name, value in (("rule", alert.rule), *sorted(alert.labels.items()))]


def in_order(silences: Iterable[Silence]) -> list[Silence]:
    """By their ends, the last to end first."""
    return sorted(silences, key=lambda silence: (-silence.ends_at, silence.id))
