"""One episode of an alert on its way to one receiver: what the receiver was told, and what it is still owed.

An episode that somebody has resolved by hand is over here, whatever detect says of it later. What is owed is the way
from the state that was told to the state now. So an alert that fired and was resolved before anybody was told is owed
both, and one that was resolved and fired again by late rows, unnoticed, is owed nothing. One that has
become more severe is owed as firing once more.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import get_args

from callgauge.schema import Alert, AlertAction, Severity
from callgauge_notify.grouping.notice import Item, News, Notice
from callgauge_rules.shown import by_hand

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
    acknowledged: bool = False

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
            item.acknowledged is not None,
        )
        for item in sorted(notice.items, key=lambda item: (item.alert.starts_at, item.alert.seq))
        if item.news or (notice.repeats and notice.noted) or item.alert.alert_id in memory
    ]


#: What happened in an episode, in order: a transition, then what somebody did: acknowledged it (1), resolved it (2).
_Mark = tuple[int, int]


class Episode:
    """See above.

    Attributes:
        alert: the last transition that people hear of.
        told: the state that the receiver was told; None if none.
        acknowledged, resolved: what somebody did.

    Args:
        tells_acknowledged: whether the receiver wants to know who has acknowledged the alert.
    """

    def __init__(self, alert: Alert, partition: int, *, tells_acknowledged: bool = False) -> None:
        self.alert = alert
        self.partition = partition
        self.told: News | None = None
        self._told_severity = 0
        self.memory: Mapping[str, str] = {}
        self.acknowledged: AlertAction | None = None
        self.resolved: AlertAction | None = None
        self._tells_acknowledged = tells_acknowledged
        self._told_acknowledged = False
        self._told_mark: _Mark = (-1, 0)
        self._fired_seq = -1
        #: What is not told yet, each with its offset.
        self._waiting: list[tuple[_Mark, int]] = []

    def take(self, alert: Alert, offset: int) -> None:
        """The next transition."""
        self.alert = alert
        if alert.state == "firing":
            self._fired_seq = alert.seq
        self._wait((alert.seq, 0), offset)

    def acknowledge(self, action: AlertAction, offset: int) -> None:
        """Somebody has acknowledged the alert."""
        if self.acknowledged is not None:
            self._find(1, offset)
            return
        self.acknowledged = action
        self._wait((self.alert.seq, 1), offset)

    def resolve(self, action: AlertAction, offset: int) -> None:
        """Somebody has resolved the alert."""
        if self.resolved is not None or self.alert.state == "resolved":
            self._find(2, offset)
            return
        self.resolved = action
        self.alert = by_hand(self.alert, action)
        self._wait((self.alert.seq, 2), offset)

    def find(self, seq: int, offset: int) -> None:
        """A transition that came from what was told to other routes (`restore`) is read again: here it stands."""
        self._waiting = [(mark, offset if mark == (seq, 0) and at < 0 else at) for mark, at in self._waiting]

    def owed(self) -> tuple[News, ...]:
        """What the receiver is to be told."""
        if self.alert.state == "firing":
            worse = _severity(self.alert) > self._told_severity
            firing: tuple[News, ...] = ("firing",) if self.told != "firing" or worse else ()
            return (*firing, "acknowledged") if self._owes_acknowledged else firing
        if self.told == "firing":
            return ("resolved",)
        if self._fired_seq > self._told_mark[0]:
            # Nobody is called about what somebody has dealt with; but a crash may have hidden that it was told.
            return ("firing", "resolved") if self.resolved is None else ("resolved",)
        return ("resolved",) if self.told is None else ()

    def hear(
        self, alert: Alert, memory: Mapping[str, str], *, acknowledged: bool = False, resolved: bool = False
    ) -> None:
        """The receiver was told of this transition, and of what somebody did after it."""
        self.told = "resolved" if alert.state == "resolved" else "firing"
        self._told_mark = (alert.seq, 2 if resolved else 1 if acknowledged else 0)
        self._told_acknowledged = self._told_acknowledged or acknowledged
        self._told_severity = _severity(alert)
        self.memory = memory
        self._waiting = [] if not self.owed() else [(mark, at) for mark, at in self._waiting if mark > self._told_mark]

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
        return Item(self.alert, news, hides, self.memory, self.partition, offset, self.acknowledged, self.resolved)

    @property
    def _owes_acknowledged(self) -> bool:
        return self._tells_acknowledged and self.acknowledged is not None and not self._told_acknowledged

    def _wait(self, mark: _Mark, offset: int) -> None:
        self._waiting.append((mark, offset))
        if not self.owed():
            self._waiting.clear()

    def _find(self, step: int, offset: int) -> None:
        """As `find`, of what somebody did."""
        self._waiting = [(mark, offset if mark[1] == step and at < 0 else at) for mark, at in self._waiting]


def _severity(alert: Alert) -> int:
    return get_args(Severity).index(alert.severity)
