"""Mail by SMTP: text and HTML, with the chart inside. A Message-ID is the same on every retry of the same news."""

from __future__ import annotations

import html
import smtplib
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import blake2b

from callgauge_notify.grouping.notice import Item, Notice
from callgauge_notify.receivers.chart import Charts
from callgauge_notify.receivers.course import COLOURS
from callgauge_notify.receivers.receiver import NOTHING_KEPT, Memory, NotDelivered, Refused
from callgauge_notify.receivers.words import (
    cut,
    headline,
    lines_of,
    one_line,
    rest_of,
    shown_items,
    state_of,
    template_values,
    text_of,
)
from callgauge_notify.routing.receiver_kinds import EmailSpec
from callgauge_notify.routing.routes import Routing
from callgauge_notify.templates import rendered

__all__ = ["EmailReceiver", "mail_of"]

_TIMEOUT_S = 20.0
_MOST_SHOWN = 50
_PAGE = """\
<!doctype html><html><head><meta charset="utf-8"><title>{title}</title></head>
<body style="font-family: sans-serif; color: #222; max-width: 720px; margin: 16px">
<h2 style="font-size: 18px">{title}</h2>
{body}
{picture}
<p style="color: #777; font-size: 12px">callgauge, route {route}</p>
</body></html>
"""


def mail_of(notice: Notice, spec: EmailSpec, routing: Routing, chart: bytes, now: float) -> EmailMessage:
    """The mail. Text of others is escaped in its HTML, and never breaks a header."""
    values = template_values(notice, routing.owner(notice.items[0].alert))
    title = cut(one_line(rendered(spec.title, values, headline(notice))), 200)
    mail = EmailMessage()
    mail["Subject"] = title
    mail["From"] = spec.sender
    mail["To"] = [Address(addr_spec=address) for address in spec.to]
    mail["Date"] = format_datetime(datetime.fromtimestamp(now, UTC))
    domain = spec.sender.rpartition("@")[2].strip("<> ") or "callgauge"
    mail["Message-ID"] = f"<{notice.id}@{domain}>"
    thread = blake2b(f"{notice.key} {notice.items[0].alert.starts_at}".encode(), digest_size=12).hexdigest()
    mail["References"] = f"<{thread}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(rendered(spec.text, values, text_of(notice, _MOST_SHOWN)))
    page = _html_of(notice, title, rendered(spec.text, values, ""), bool(chart))
    mail.add_alternative(page, subtype="html")
    if chart:
        parts = mail.get_payload()
        parts[1].add_related(chart, "image", "png", cid="<chart>", disposition="inline", filename="chart.png")  # type: ignore[index, union-attr]
    return mail


def _html_of(notice: Notice, title: str, text: str, with_chart: bool) -> str:
    if text:
        body = "<pre>" + html.escape(text) + "</pre>"
    else:
        body = "\n".join(_html_item(item) for item in shown_items(notice, _MOST_SHOWN))
        body += f"<p><em>{rest}</em></p>" if (rest := rest_of(notice, _MOST_SHOWN)) else ""
    picture = '<p><img src="cid:chart" alt="values against thresholds" style="max-width: 100%"></p>'
    return _PAGE.format(
        title=html.escape(title), body=body, picture=picture if with_chart else "", route=html.escape(notice.route)
    )


def _html_item(item: Item) -> str:
    alert = item.alert
    colour = "#2e8b57" if alert.state == "resolved" else COLOURS[alert.severity]
    labels = " ".join(f"{name}={value}" for name, value in sorted(alert.labels.items()))
    lines = "".join(f"<div>{html.escape(line)}</div>" for line in lines_of(item))
    return (
        f'<div style="border-left: 4px solid {colour}; padding: 4px 12px; margin: 12px 0">'
        f'<div><strong style="color: {colour}">{state_of(item).upper()}</strong> {alert.severity} '
        f"<strong>{html.escape(one_line(alert.rule))}</strong> {html.escape(one_line(labels))}</div>{lines}</div>"
    )


class EmailReceiver:
    """Sends mail by the server of the spec.

    Args:
        tls: how the server's certificate is checked; by the system's authorities unless given.
        clock: epoch seconds.
    """

    one_by_one = False
    digests = True
    pace_s = 1.0

    def __init__(
        self,
        spec: EmailSpec,
        routing: Routing,
        charts: Charts,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._spec = spec
        self._routing = routing
        self._charts = charts
        self._tls = tls or ssl.create_default_context()
        self._clock = clock

    def deliver(self, notice: Notice) -> Memory:
        """See `Receiver.deliver`."""
        chart = self._charts.of(notice) if self._spec.chart else b""
        mail = mail_of(notice, self._spec, self._routing, chart, self._clock())
        place = f"{self._spec.host}:{self._spec.port}"
        try:
            with self._connected() as server:
                server.send_message(mail)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            kind = NotDelivered if any(400 <= code < 500 for code in codes) else Refused
            raise kind(f"{place} takes no mail for {len(codes)} of the addresses (SMTP {codes[0]})") from None
        except smtplib.SMTPResponseException as error:
            kind = NotDelivered if 400 <= error.smtp_code < 500 else Refused
            raise kind(f"{place} answered SMTP {error.smtp_code}") from None
        except ssl.SSLCertVerificationError as error:
            raise NotDelivered(f"{place}: its certificate is not accepted: {error.verify_message}") from None
        except smtplib.SMTPNotSupportedError:
            raise Refused(f"{place} does not offer STARTTLS or a login; set tls or user of the receiver") from None
        except (smtplib.SMTPException, OSError) as error:
            raise NotDelivered(f"{place}: {type(error).__name__}") from None
        return NOTHING_KEPT

    def _connected(self) -> smtplib.SMTP:
        spec = self._spec
        if spec.tls == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(spec.host, spec.port, timeout=_TIMEOUT_S, context=self._tls)
        else:
            server = smtplib.SMTP(spec.host, spec.port, timeout=_TIMEOUT_S)
        try:
            if spec.tls == "starttls":
                server.starttls(context=self._tls)
            if spec.user:
                server.login(spec.user, spec.password.get_secret_value())
        except BaseException:
            server.close()
            raise
        return server
