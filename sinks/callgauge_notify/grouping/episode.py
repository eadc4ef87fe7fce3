"""One episode of an alert on its way to one receiver: what the receiver was told, and what it is still owed.

What is owed is the way from the state that was told to the state now. So an alert that fired and was resolved before
anybody was told is owed both, and one that was resolved and fired again by late rows, unnoticed, is owed nothing. One
that has become more severe is owed as firing once more.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import get_args

from callgauge.schema import Alert, Severity
from callgauge_notify.grouping.notice import Item, Notice, ShownState

__all__ = ["Episode", "Told", "told_by"]


@dataclass(frozen=True, slots=True)
class Told:
    """What a receiver was told last of an alert: the transition, when, and what the receiver kept."""

    route: str
    receiver: str
    group: tuple[tuple[str, str], ...]
    alert: Alert
    at: float
    partition: int
    memory: Mapping[str, str] = field(default_factory=dict)
    given_up: bool = False

    @property
    def order(self) -> tuple[float, int]:
        """Grows from transition to transition, over all episodes."""
        return self.alert.starts_at, self.alert.seq

    @property
    def key(self) -> str:
        """The key of its record: one for each route and alert."""
        return f"{self.route}/{self.alert.fingerprint}"


def told_by(
    notice: Notice, at: float, memory: Mapping[str, Mapping[str, str]], *, given_up: Container[str] = ()
) -> list[Told]:
    """What is known to be told once a notice was delivered, or given up.

    Args:
        memory: what the receiver keeps of each alert, by alert_id.
        given_up: the alerts that were not delivered, by alert_id.
    """
    return [
        Told(
            notice.route,
            notice.receiver,
            notice.group,
            item.alert,
            at,
            item.partition,
            memory.get(item.alert.alert_id, item.memory),
            item.alert.alert_id in given_up,
        )
        for item in sorted(notice.items, key=lambda item: (item.alert.starts_at, item.alert.seq))
        if item.news or (notice.repeats and notice.noted) or item.alert.alert_id in memory
    ]


class Episode:
    """See above.

    Attributes:
        alert: the last transition that people hear of.
        told: the state that the receiver was told; None if none.
    """

    def __init__(self, alert: Alert, partition: int) -> None:
        self.alert = alert
        self.partition = partition
        self.told: ShownState | None = None
        self.told_seq = -1
        self._told_severity = 0
        self.memory: Mapping[str, str] = {}
        self._fired_seq = -1
        #: (seq, offset) of the transitions that are not told yet.
        self._waiting: list[tuple[int, int]] = []

    def take(self, alert: Alert, offset: int) -> None:
        """The next transition."""
        self.alert = alert
        if alert.state == "firing":
            self._fired_seq = alert.seq
        self._waiting.append((alert.seq, offset))
        if not self.owed():
            self._waiting.clear()

    def find(self, seq: int, offset: int) -> None:
        """A transition that came from what was told to other routes (`restore`) is read again: here it stands."""
        self._waiting = [(s, offset if s == seq and at < 0 else at) for s, at in self._waiting]

    def owed(self) -> tuple[ShownState, ...]:
        """The states that the receiver is to be told."""
        if self.alert.state == "firing":
            worse = _severity(self.alert) > self._told_severity
            return ("firing",) if self.told != "firing" or worse else ()
        if self.told == "firing":
            return ("resolved",)
        if self._fired_seq > self.told_seq:
            return ("firing", "resolved")
        return ("resolved",) if self.told is None else ()

    def hear(self, alert: Alert, memory: Mapping[str, str]) -> None:
        """The receiver was told of this transition."""
        self.told = "resolved" if alert.state == "resolved" else "firing"
        self.told_seq, self._told_severity = alert.seq, _severity(alert)
        self.memory = memory
        self._waiting = [] if not self.owed() else [(seq, at) for seq, at in self._waiting if seq > alert.seq]

    def settle(self) -> None:
        """Nobody needs to be told of what was waiting."""
        self._waiting.clear()

    @property
    def over(self) -> bool:
        """Whether it has ended and nothing is owed."""
        return self.alert.state == "resolved" and not self._waiting

    @property
    def held_from(self) -> int | None:
        """The lowest offset that must not be committed yet."""
        return min((offset for _, offset in self._waiting if offset >= 0), default=None)

    @property
    def waits(self) -> bool:
        """Whether there is something to be told."""
        return bool(self._waiting)

    def item(self, hides: tuple[Alert, ...], *, told_resolved: bool) -> Item:
        """What a notice says of it."""
        news = self.owed() if self._waiting else ()
        if not told_resolved and news == ("resolved",):
            news = ()
        offset = self._waiting[-1][1] if self._waiting else -1
        return Item(self.alert, news, hides, self.memory, self.partition, offset)


def _severity(alert: Alert) -> int:
    return get_args(Severity).index(alert.severity)
