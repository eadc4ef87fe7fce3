"""A notice: alerts of one group that one receiver is told of together."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Literal

from callgauge.schema import Alert, AlertAction

__all__ = ["Item", "News", "Notice"]

#: What a receiver is told of an alert.
News = Literal["firing", "acknowledged", "resolved"]


@dataclass(frozen=True, slots=True)
class Item:
    """One alert of a notice.

    Attributes:
        news: what the receiver has not been told yet, in order: () if it knows all, ("firing", "resolved") if the alert
            was over before anybody was told.
        hides: the alerts that are inhibited by this one.
        memory: what the receiver kept when it was told of this alert before, such as the id of a message.
        partition, offset: where the transition stands in the alerts topic; -1 if that is not known.
        acknowledged: who has acknowledged the alert, and how.
        resolved: who has resolved it by hand; the alert is then as those see it who are told so.
        processes: whether the processes of its service live, where calls are missing; "" where that is not known.
    """

    alert: Alert
    news: tuple[News, ...] = ()
    hides: tuple[Alert, ...] = ()
    memory: Mapping[str, str] = field(default_factory=dict)
    partition: int = -1
    offset: int = -1
    acknowledged: AlertAction | None = None
    resolved: AlertAction | None = None
    processes: str = ""

    @property
    def key(self) -> tuple[str, int, str]:
        """Names the transition, and what is told that somebody did after it."""
        by = self.resolved or (self.acknowledged if "acknowledged" in self.news else None)
        return self.alert.alert_id, self.alert.seq, by.action_id if by is not None else ""


@dataclass(frozen=True, slots=True)
class Notice:
    """What one receiver is told at once.

    Attributes:
        group: the labels that all alerts of the group share.
        items: what is new first, then what still fires.
        at: epoch seconds when it was made.
        repeats: nothing is new; it is told again since it still fires.
        noted: whether the next process must know when this was repeated; what is repeated each minute it may repeat.
        groups: how many groups are told together here, more than one in a storm.
    """

    route: str
    receiver: str
    group: tuple[tuple[str, str], ...]
    items: tuple[Item, ...]
    at: float
    repeats: bool = False
    groups: int = 1
    noted: bool = True

    @property
    def firing(self) -> tuple[Item, ...]:
        """Those that fire."""
        return tuple(item for item in self.items if item.alert.state == "firing")

    @property
    def resolved(self) -> tuple[Item, ...]:
        """Those that are over."""
        return tuple(item for item in self.items if item.alert.state == "resolved")

    @property
    def status(self) -> Literal["firing", "resolved"]:
        """Firing as long as one of them does."""
        return "firing" if self.firing else "resolved"

    @property
    def key(self) -> str:
        """Names the group, as Alertmanager's groupKey."""
        return f"{self.route}:{json.dumps(dict(self.group), sort_keys=True)}"

    def tells_the_same_as(self, other: Notice) -> bool:
        """Whether it is that notice, with more or less text at its alerts."""
        return (self.id, self.at) == (other.id, other.at)

    @property
    def id(self) -> str:
        """The same for the same news, however often it is sent: 32 hex digits."""
        news = sorted([*item.key] for item in self.items if item.news)
        content = [self.route, self.receiver, self.group, news, self.at if self.repeats else 0]
        return blake2b(json.dumps(content).encode(), digest_size=16).hexdigest()
