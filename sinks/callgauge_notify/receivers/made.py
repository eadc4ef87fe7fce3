"""Makes a receiver from what the routes file or the settings say of it."""

from __future__ import annotations

from callgauge_notify.receivers.alertmanager import AlertmanagerReceiver
from callgauge_notify.receivers.chart import Charts
from callgauge_notify.receivers.console import ConsoleReceiver
from callgauge_notify.receivers.email import EmailReceiver
from callgauge_notify.receivers.file import FileReceiver
from callgauge_notify.receivers.pagerduty import PagerDutyReceiver
from callgauge_notify.receivers.receiver import Receiver
from callgauge_notify.receivers.slack import SlackApi, SlackWebhook
from callgauge_notify.receivers.web import Web
from callgauge_notify.receivers.webhook import WebhookReceiver
from callgauge_notify.routing.receiver_kinds import (
    AlertmanagerSpec,
    AppriseSpec,
    EmailSpec,
    FileSpec,
    PagerDutySpec,
    ReceiverSpec,
    SlackSpec,
    WebhookSpec,
)
from callgauge_notify.routing.routes import Routing

__all__ = ["receiver_of"]


def receiver_of(spec: ReceiverSpec, routing: Routing, web: Web, charts: Charts) -> Receiver:
    """The receiver of a spec.

    Raises:
        SettingError: it cannot be made.
    """
    match spec:
        case WebhookSpec():
            return WebhookReceiver(spec, web)
        case AlertmanagerSpec():
            return AlertmanagerReceiver(spec, web)
        case PagerDutySpec():
            return PagerDutyReceiver(spec, web)
        case SlackSpec() if spec.token.get_secret_value():
            return SlackApi(spec, web, routing, charts)
        case SlackSpec():
            return SlackWebhook(spec, web, routing)
        case EmailSpec():
            return EmailReceiver(spec, routing, charts)
        case FileSpec():
            return FileReceiver(spec)
        case AppriseSpec():
            from callgauge_notify.receivers.apprise import AppriseReceiver  # takes a second to import

            return AppriseReceiver(spec)
    return ConsoleReceiver()
