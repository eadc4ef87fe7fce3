"""The interface of a receiver, which is a way to tell people of alerts, and the errors that it raises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from callgauge.errors import CallgaugeError
from callgauge_notify.grouping.notice import Notice

__all__ = ["NOTHING_KEPT", "Memory", "NotDelivered", "Receiver", "Refused"]

#: What a receiver keeps of each alert, by alert_id; it is given back with the alert's next notice.
Memory = Mapping[str, Mapping[str, str]]
NOTHING_KEPT: Memory = {}


class NotDelivered(CallgaugeError):
    """The receiver could not take the notice now; try again later, after `retry_after_s` at the earliest."""

    def __init__(self, what: str, retry_after_s: float = 0.0) -> None:
        super().__init__(what)
        self.retry_after_s = retry_after_s


class Refused(CallgaugeError):
    """The receiver will never take this notice."""


class Receiver(Protocol):
    """A way to tell people of alerts.

    Attributes:
        one_by_one: each alert is a delivery of its own: `deliver` is given notices of one item, which is news.
        digests: in a storm, notices of several groups may be told as one.
        pace_s: seconds between two deliveries, at least.
    """

    @property
    def one_by_one(self) -> bool: ...
    @property
    def digests(self) -> bool: ...
    @property
    def pace_s(self) -> float: ...

    def deliver(self, notice: Notice) -> Memory:
        """Tell people of this, in one attempt.

        Raises:
            NotDelivered: the caller should try again later.
            Refused: the receiver will never take it.
        """
