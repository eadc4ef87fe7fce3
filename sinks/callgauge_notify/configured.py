"""Makes the channels that the settings ask for."""

from __future__ import annotations

from callgauge.errors import SettingError
from callgauge.settings import Settings
from callgauge_notify.channels import Channel
from callgauge_notify.console import ConsoleChannel
from callgauge_notify.webhook import WebhookChannel

__all__ = ["channels_of"]


def channels_of(settings: Settings) -> list[Channel]:
    """The configured channels.

    Raises:
        SettingError: there is none, or one cannot be used.
    """
    channels: list[Channel] = []
    if settings.notify_console:
        channels.append(ConsoleChannel())
    if settings.webhook_url:
        if not settings.webhook_url.startswith(("http://", "https://")):
            raise SettingError("CALLGAUGE_WEBHOOK_URL must begin with http:// or https://; without it no alert arrives")
        channels.append(WebhookChannel(settings.webhook_url, settings.webhook_secret.get_secret_value()))
    if not channels:
        raise SettingError("no channel to notify: set CALLGAUGE_NOTIFY_CONSOLE=true or CALLGAUGE_WEBHOOK_URL")
    return channels
