"""Receivers and routes without a routes file, those that the settings configure; and what hides what unless it says so.

Warnings and errors go to Slack, critical alerts also to PagerDuty, everything to the other receivers that are
configured; what nobody is told by these, to the console.
"""

from __future__ import annotations

from typing import Any

from callgauge.errors import SettingError
from callgauge.settings import Settings
from callgauge_notify.routing.receiver_kinds import (
    AlertmanagerSpec,
    ConsoleSpec,
    PagerDutySpec,
    ReceiverSpec,
    SlackSpec,
    WebhookSpec,
)
from callgauge_notify.routing.routes import Inhibition, Route
from callgauge_rules.matchers import matcher_of

__all__ = ["BY_ROLE", "default_receivers", "default_routes"]

#: What rules mark as a cause hides what they mark as its symptoms, of the same provider where that is known.
BY_ROLE = Inhibition(
    source=(matcher_of("role=cause"), matcher_of("provider!=")),
    target=(matcher_of("role=symptom"),),
    equal=("provider",),
)
_WORST_TO = {"slack": "severity>=warning", "pagerduty": "severity=critical"}


def default_receivers(settings: Settings) -> dict[str, ReceiverSpec]:
    """The receivers that the settings configure, by name. The console is always one of them.

    Raises:
        SettingError: one cannot be used.
    """
    found: dict[str, ReceiverSpec] = {"console": ConsoleSpec(name="console")}
    if settings.slack_webhook_url.get_secret_value():
        found["slack"] = _spec(
            SlackSpec,
            "SLACK_WEBHOOK_URL",
            name="slack",
            url=settings.slack_webhook_url,
            signing_secret=settings.slack_signing_secret,
        )
    if settings.pagerduty_routing_key.get_secret_value():
        found["pagerduty"] = PagerDutySpec(
            name="pagerduty",
            routing_key=settings.pagerduty_routing_key,
            webhook_secret=settings.pagerduty_webhook_secret,
        )
    if settings.alertmanager_url.get_secret_value():
        found["alertmanager"] = _spec(
            AlertmanagerSpec, "ALERTMANAGER_URL", name="alertmanager", url=settings.alertmanager_url
        )
    if settings.webhook_url.get_secret_value():
        found["webhook"] = _spec(
            WebhookSpec, "WEBHOOK_URL", name="webhook", url=settings.webhook_url, secret=settings.webhook_secret
        )
    return found


def _spec(kind: type[ReceiverSpec], variable: str, **fields: Any) -> ReceiverSpec:
    try:
        return kind(**fields)
    except ValueError:
        raise SettingError(f"CALLGAUGE_{variable} must begin with http:// or https://; no alert arrives") from None


def default_routes(settings: Settings, receivers: dict[str, ReceiverSpec]) -> tuple[Route, ...]:
    """A route to each configured receiver; to the console for all, if that is asked for, or for what nobody else is
    told."""
    names = [name for name in receivers if name != "console"]
    routes = [_route(name, _WORST_TO.get(name)) for name in names]
    if settings.notify_console or not names:
        routes.append(_route("console", None))
    elif all(name in _WORST_TO for name in names):
        routes.append(_route("console", "severity=info" if "slack" in names else "severity!=critical"))
    return tuple(routes)


def _route(name: str, condition: str | None) -> Route:
    match = () if condition is None else (matcher_of(condition),)
    return Route.model_validate({"name": f"default-{name}", "match": match, "receiver": name, "continue": True})
