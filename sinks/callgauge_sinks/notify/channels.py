"""What a channel is, and which are configured."""

from __future__ import annotations

from typing import Protocol

from callgauge.errors import CallgaugeError, SettingError
from callgauge.schema import Alert
from callgauge.settings import Settings

__all__ = ["Channel", "NotDelivered", "Refused", "channels_of"]


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


def channels_of(settings: Settings) -> list[Channel]:
    """The configured channels.

    Raises:
        SettingError: there is none.
    """
    from callgauge_sinks.notify.console import ConsoleChannel
    from callgauge_sinks.notify.webhook import WebhookChannel

    channels: list[Channel] = []
    if settings.notify_console:
        channels.append(ConsoleChannel())
    if settings.webhook_url:
        channels.append(WebhookChannel(settings.webhook_url, settings.webhook_secret.get_secret_value()))
    if not channels:
        raise SettingError("no channel to notify: set CALLGAUGE_NOTIFY_CONSOLE=true or CALLGAUGE_WEBHOOK_URL")
    return channels
