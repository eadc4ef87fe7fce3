"""The interface of a channel, which is a way to tell people of alerts, and the errors that it raises."""

from __future__ import annotations

from typing import Protocol

from callgauge.errors import CallgaugeError
from callgauge.schema import Alert

__all__ = ["Channel", "NotDelivered", "Refused"]


class NotDelivered(CallgaugeError):
    """The channel could not take the alert now; try again later."""


class Refused(CallgaugeError):
    """The channel will never take this alert."""


class Channel(Protocol):
    """A way to tell people of alerts."""

    @property
    def name(self) -> str: ...

    def deliver(self, alert: Alert) -> None:
        """Tell people of this alert, in one attempt.

        Raises:
            NotDelivered: the caller should try again later.
            Refused: the channel will never take this alert.
        """
