"""What the routes file says of a receiver, one class for each `type`.

Each secret may be written as `<field>_file: /run/secrets/...` instead. Every receiver has `retry_for`: for so long a
notice is tried again; then it becomes a dead letter and the other receivers are told.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, SecretStr

from callgauge.line_texts import shown
from callgauge_notify.routing.fields import Duration, Flag, Name, Secret, Text, Whole

__all__ = [
    "KINDS",
    "AlertmanagerSpec",
    "AppriseSpec",
    "ConsoleSpec",
    "EmailSpec",
    "FileSpec",
    "PagerDutySpec",
    "ReceiverSpec",
    "SlackSpec",
    "WebhookSpec",
]

_NO_SECRET = SecretStr("")


def _url(value: Any) -> SecretStr:
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not isinstance(text, str) or not re.match(r"https?://[^/\s]+", text):
        raise ValueError("is no URL; write https://host/path")
    return SecretStr(text)


def _addresses(value: Any) -> tuple[str, ...]:
    entries = [value] if isinstance(value, str) else value
    if not isinstance(entries, list | tuple) or not entries:
        raise ValueError("write a list of addresses, such as [oncall@example.org]")
    for entry in entries:
        if not isinstance(entry, str) or not re.fullmatch(r"[^@\s,<>]+@[^@\s,<>]+", entry):
            raise ValueError(f"{shown(entry)} is no mail address")
    return tuple(entries)


def _sender(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"([^<>\r\n]*<)?[^@\s,<>]+@[^@\s,<>]+>?", value):
        raise ValueError(f"{shown(value)} is no mail address; write callgauge@example.org or `name <address>`")
    return value


#: A URL may hold a token, so it is never shown.
Url = Annotated[SecretStr, BeforeValidator(_url)]


class ReceiverSpec(BaseModel):
    """What all receivers have."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)
    #: Fields of which at least one must be given.
    one_of: ClassVar[tuple[str, ...]] = ()
    #: Whether alerts are passed on at once, since the receiver groups them itself, or is a log.
    at_once: ClassVar[bool] = False

    name: Name
    type: str
    retry_for: Duration = 3_600.0
    title: Text = ""
    """A Jinja2 template of the headline; empty: ours."""
    text: Text = ""
    """A Jinja2 template of the body; empty: ours."""

    @property
    def tells_acknowledged(self) -> bool:
        """Whether the receiver is told that somebody has acknowledged an alert."""
        return False


class ConsoleSpec(ReceiverSpec):
    """Prints on standard output."""

    type: Literal["console"] = "console"
    at_once: ClassVar[bool] = True


class FileSpec(ReceiverSpec):
    """Appends a line of JSON for each alert."""

    type: Literal["file"] = "file"
    at_once: ClassVar[bool] = True
    path: Text


class WebhookSpec(ReceiverSpec):
    """POSTs Alertmanager's JSON, signed as Standard Webhooks has it; several secrets: separated by blanks."""

    type: Literal["webhook"] = "webhook"
    url: Url
    secret: Secret = _NO_SECRET


class AlertmanagerSpec(ReceiverSpec):
    """POSTs to Alertmanager's API v2, which groups, silences and routes by itself."""

    type: Literal["alertmanager"] = "alertmanager"
    at_once: ClassVar[bool] = True
    url: Url
    token: Secret = _NO_SECRET
    resend: Duration = 60.0


class PagerDutySpec(ReceiverSpec):
    """PagerDuty Events v2."""

    type: Literal["pagerduty"] = "pagerduty"
    routing_key: Secret
    url: Url = SecretStr("https://events.pagerduty.com/v2/enqueue")
    webhook_secret: Secret = _NO_SECRET
    """Of PagerDuty's webhook (v3) that tells what people do there; several: separated by blanks."""

    @property
    def tells_acknowledged(self) -> bool:
        """See `ReceiverSpec`."""
        return True


class SlackSpec(ReceiverSpec):
    """Slack: an incoming webhook (`url`), or the Web API (`token` and `channel`), which threads and edits."""

    type: Literal["slack"] = "slack"
    one_of: ClassVar[tuple[str, ...]] = ("url", "token")
    url: Url = _NO_SECRET
    token: Secret = _NO_SECRET
    channel: Text = ""
    """Of the Web API: #name or id; `owner`: the channel of the alerts' owner."""
    api_url: Url = SecretStr("https://slack.com/api/")
    pace: Duration = 1.0
    """Seconds between two messages."""
    chart: Flag = True
    """Whether the Web API adds a picture to the thread."""
    signing_secret: Secret = _NO_SECRET
    """Of the Slack app whose interactivity URL is the notifier's: messages then have buttons."""

    @property
    def tells_acknowledged(self) -> bool:
        """See `ReceiverSpec`. An incoming webhook cannot edit its message."""
        return bool(self.token.get_secret_value())


class EmailSpec(ReceiverSpec):
    """A mail by SMTP."""

    type: Literal["email"] = "email"
    to: Annotated[tuple[str, ...], BeforeValidator(_addresses)]
    sender: Annotated[str, BeforeValidator(_sender)]
    host: Text
    port: Whole = 587
    tls: Literal["starttls", "tls", "none"] = "starttls"
    user: Text = ""
    password: Secret = _NO_SECRET
    chart: Flag = True


class AppriseSpec(ReceiverSpec):
    """An Apprise URL (github.com/caronc/apprise): Teams, Telegram, Discord, Matrix and a hundred more."""

    type: Literal["apprise"] = "apprise"
    url: Secret


KINDS: dict[str, type[ReceiverSpec]] = {
    spec.model_fields["type"].default: spec
    for spec in (
        ConsoleSpec,
        FileSpec,
        WebhookSpec,
        AlertmanagerSpec,
        PagerDutySpec,
        SlackSpec,
        EmailSpec,
        AppriseSpec,
    )
}
