"""What a channel is."""

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
    """A way to tell people."""

    @property
    def name(self) -> str: ...

    def deliver(self, alert: Alert) -> None:
        """Tell people, once.

        Raises:
            NotDelivered: try again later.
            Refused: this alert will never be taken.
        """
