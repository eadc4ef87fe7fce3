"""Mail, against a real SMTP server in this process."""

from __future__ import annotations

import email
import email.policy
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope
from pydantic import SecretStr

from callgauge_deploy.process import free_port
from callgauge_notify.grouping.notice import Notice
from callgauge_notify.receivers.chart import Charts
from callgauge_notify.receivers.email import EmailReceiver
from callgauge_notify.receivers.receiver import NotDelivered, Refused
from callgauge_notify.routing.receiver_kinds import ConsoleSpec, EmailSpec
from callgauge_notify.routing.routes import Routing
from tests.unit.sinks.notify.alerts import T0, alert, notice

ROUTING = Routing({"console": ConsoleSpec(name="console")}, ())


class Inbox:
    """Keeps mails; `answer` is the server's after DATA."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.envelopes: list[Envelope] = []
        self.answer = "250 OK"
        self.recipient_answer = ""

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.recipient_answer:
            return self.recipient_answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.answer.startswith("250"):
            self.envelopes.append(envelope)
            self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return self.answer


@contextmanager
def serving(inbox: Inbox, **options: Any) -> Iterator[int]:
    controller = Controller(inbox, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Of 127.0.0.1, signed by itself."""
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
         "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)],
        check=True, capture_output=True,
    )  # fmt: skip
    return cert, key


def receiver_of(port: int, charts: Charts | None = None, trust: Path | None = None, **changes: Any) -> EmailReceiver:
    values: dict[str, Any] = {
        "name": "m", "to": ["oncall@example.org", "lead@example.org"], "sender": "callgauge <alerts@example.org>",
        "host": "127.0.0.1", "port": port, "tls": "none",
    }  # fmt: skip
    tls = ssl.create_default_context(cafile=str(trust)) if trust else None
    return EmailReceiver(EmailSpec(**values | changes), ROUTING, charts or Charts(), tls, lambda: T0)


def sent(made: Notice, **changes: Any) -> EmailMessage:
    inbox = Inbox()
    with serving(inbox) as port:
        receiver_of(port, **changes).deliver(made)
    (mail,) = inbox.mails
    assert inbox.envelopes[0].rcpt_tos == ["oncall@example.org", "lead@example.org"]
    return mail


def test_text_html_and_the_chart_inside() -> None:
    """multipart/alternative: the text first, then the page with its picture."""
    mail = sent(notice(alert(severity="critical")))
    assert mail["Subject"] == "[FIRING] slow (service=chat)"
    assert (mail["From"], mail["Date"]) == ("callgauge <alerts@example.org>", "Tue, 14 Nov 2023 22:13:20 +0000")
    kinds = [part.get_content_type() for part in mail.walk()]
    assert kinds == ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"]
    text, page, picture = (part for part in mail.walk() if not part.is_multipart())
    assert "FIRING critical slow service=chat" in text.get_content()
    assert 'src="cid:chart"' in page.get_content()
    assert picture["Content-ID"] == "<chart>"
    assert picture.get_content().startswith(b"\x89PNG")
    assert picture["Content-Disposition"].startswith("inline")


def test_texts_of_others_are_no_html_and_break_no_header() -> None:
    """Neither tags nor a second header line."""
    evil = alert(rule="slow", labels={"service": "x\r\nBcc: evil@example.org"}, summary="<script>alert(1)</script>")
    mail = sent(notice(evil), chart=False)
    assert mail["Bcc"] is None
    assert mail["Subject"] == "[FIRING] slow (service=x Bcc: evil@example.org)"
    page = next(part for part in mail.walk() if part.get_content_type() == "text/html").get_content()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_the_same_news_has_the_same_message_id() -> None:
    """A mail program shows a mail that came twice once."""
    ids = {sent(notice(alert()), chart=False)["Message-ID"] for _ in range(2)}
    assert len(ids) == 1


def test_the_mail_goes_without_a_chart_that_is_late() -> None:
    """Or that cannot be drawn."""

    def broken(notice: Notice) -> bytes:
        raise RuntimeError("no font")

    kinds = [part.get_content_type() for part in sent(notice(alert()), charts=Charts(draw=broken)).walk()]
    assert kinds == ["multipart/alternative", "text/plain", "text/html"]


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_tls_with_login(certificate: tuple[Path, Path], tls: str) -> None:
    """The server's certificate is checked, and the password reaches the server."""
    cert, key = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    logins: list[tuple[bytes, bytes]] = []

    def login(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        logins.append((data.login, data.password))
        return AuthResult(success=data.password == b"hunter2", handled=False)

    options: dict[str, Any] = {"authenticator": login, "auth_required": True}
    options |= {"ssl_context": context, "auth_require_tls": False} if tls == "tls" else {"tls_context": context}
    inbox = Inbox()
    with serving(inbox, **options) as port:
        receiver = receiver_of(port, trust=cert, tls=tls, user="u", password=SecretStr("hunter2"), chart=False)
        receiver.deliver(notice(alert()))
        assert (len(inbox.mails), logins) == (1, [(b"u", b"hunter2")])
        with pytest.raises(Refused, match="answered SMTP 535") as caught:
            receiver_of(port, trust=cert, tls=tls, user="u", password=SecretStr("wrong-one")).deliver(notice(alert()))
        assert "wrong-one" not in str(caught.value)
        with pytest.raises(NotDelivered, match="its certificate is not accepted"):
            receiver_of(port, tls=tls).deliver(notice(alert()))


def test_a_server_without_starttls_gets_no_mail() -> None:
    """It is not sent in the clear."""
    with serving(Inbox()) as port, pytest.raises(Refused, match="does not offer STARTTLS"):
        receiver_of(port, tls="starttls").deliver(notice(alert()))


@pytest.mark.parametrize(("answer", "error"), [("451 later", NotDelivered), ("554 spam", Refused)])
def test_which_answers_are_final(answer: str, error: type[Exception]) -> None:
    """4xx comes back, 5xx is final; of the mail and of the addresses."""
    inbox = Inbox()
    with serving(inbox) as port:
        inbox.answer = answer
        with pytest.raises(error, match=f"SMTP {answer[:3]}"):
            receiver_of(port, chart=False).deliver(notice(alert()))
        inbox.answer, inbox.recipient_answer = "250 OK", answer
        with pytest.raises(error, match=f"SMTP {answer[:3]}"):
            receiver_of(port, chart=False).deliver(notice(alert()))


def test_nobody_there_comes_back() -> None:
    """A refused connection is tried again."""
    with pytest.raises(NotDelivered, match=r"127\.0\.0\.1:1: ConnectionRefusedError"):
        receiver_of(1, chart=False).deliver(notice(alert()))
