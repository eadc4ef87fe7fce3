"""Notifiers: once per (alert_id, state), signed, tried again when that may help."""

from __future__ import annotations

import hashlib
import hmac
import http.server
import io
import json
import threading
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from rich.console import Console

from callgauge.codec import encode
from callgauge.errors import SettingError
from callgauge.printable import printable
from callgauge.schema import Alert, Severity
from callgauge.settings import load_settings
from callgauge_intake.consumer import Intake
from callgauge_notify.channels import NotDelivered, Refused
from callgauge_notify.configured import channels_of
from callgauge_notify.console import ConsoleChannel, line_of
from callgauge_notify.notifier import Notifier
from callgauge_notify.webhook import SIGNATURE_HEADER, WebhookChannel
from tests.unit.sinks.fakes import FakeConsumer, ManualClock

ALERT = Alert(
    alert_id="a1", fingerprint="f", seq=1, state="firing", rule="error rate", severity="critical",
    labels={"model": "gpt-4o"}, starts_at=1_700_000_000.0, at=1_700_000_060.0, fired_at=1_700_000_060.0,
    aggregate="error_rate", lookback_s=300, op=">", threshold=0.05, value=0.25, n=120, summary="one in four fails",
)  # fmt: skip


class ListChannel:
    """Keeps what it is given; raises what it was told to raise first."""

    name = "list"

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.given: list[tuple[str, str]] = []

    def deliver(self, alert: Alert) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.given.append((alert.alert_id, alert.state))


def notifier_of(consumer: FakeConsumer, channel: ListChannel) -> Notifier:
    clock = ManualClock()
    intake = Intake(consumer, "t", clock)
    return Notifier(intake, channel, waits=lambda: iter([1.0] * 50), clock=clock, now=lambda: 0.0)


def wire(*changes: dict[str, Any]) -> list[bytes]:
    seqs = {"pending": 0, "firing": 1, "resolved": 2}
    return [
        encode(ALERT.model_copy(update={"seq": seqs[change.get("state", "firing")]} | change)) for change in changes
    ]


def test_firing_and_resolved_once_each() -> None:
    """Pending is no news, a repeated transition is none either."""
    states: tuple[dict[str, Any], ...] = tuple({"state": s} for s in ("pending", "firing", "firing", "resolved"))
    consumer = FakeConsumer({0: wire(*states, {"alert_id": "a2"}, *states[1:2]), 1: [b"{"]})
    channel = ListChannel()
    notifier_of(consumer, channel).step()
    assert channel.given == [("a1", "firing"), ("a1", "resolved"), ("a2", "firing")]
    assert consumer.offsets == {0: 6, 1: 1}


def test_an_episode_that_is_revived_is_told_again() -> None:
    """A late row ended it, another brings it back: the same episode, and people have been told that it is over."""
    states = ("firing", "resolved", "pending", "firing", "resolved", "firing")
    again = {5: 3}  # the last is a repetition of the fourth
    changes = tuple({"state": state, "seq": again.get(seq, seq)} for seq, state in enumerate(states))
    channel = ListChannel()
    notifier_of(FakeConsumer({0: wire(*changes)}), channel).step()
    assert [state for _, state in channel.given] == ["firing", "resolved", "firing", "resolved"]


@pytest.mark.parametrize(("committed", "told"), [({}, []), ({0: 0}, [("a1", "firing")])])
def test_a_new_notifier_does_not_tell_of_last_month(committed: dict[int, int], told: list[tuple[str, str]]) -> None:
    """The fake's alerts are of 1970. One that has been here before tells all that it has not told yet."""
    consumer = FakeConsumer({0: wire({"state": "pending"}, {})})
    consumer.offsets = dict(committed)
    channel, clock = ListChannel(), ManualClock()
    intake = Intake(consumer, "t", clock)
    notifier = Notifier(intake, channel, waits=lambda: iter([1.0] * 50), clock=clock, now=lambda: 1.7e9)
    notifier.step()
    assert channel.given == told
    assert consumer.offsets == {0: 2}
    assert notifier.passed_over == (0 if told else 2)


def test_commit_after_delivery() -> None:
    """What fails is tried again; committed only when it is delivered."""
    consumer = FakeConsumer({0: wire({})})
    channel = ListChannel(NotDelivered("down"), NotDelivered("still down"))
    notifier_of(consumer, channel).step()
    assert channel.given == [("a1", "firing")]
    assert consumer.commits == [{0: 1}]
    assert consumer.paused == set()


def test_refused_is_counted_and_passed() -> None:
    """One alert the channel will never take does not hold up the next."""
    consumer = FakeConsumer({0: wire({}, {"state": "resolved"})})
    notifier = notifier_of(consumer, channel := ListChannel(Refused("HTTP 400")))
    notifier.step()
    assert (notifier.refused, notifier.delivered) == (1, 1)
    assert channel.given == [("a1", "resolved")]
    assert consumer.offsets == {0: 2}


def test_stopped_before_delivery() -> None:
    """An undelivered alert is not committed, nor anything after it."""
    consumer = FakeConsumer({0: wire({}, {"alert_id": "a2"})})
    channel = ListChannel(*[NotDelivered("down")] * 100)
    notifier = notifier_of(consumer, channel)

    def second_poll() -> None:
        consumer.on_poll = notifier.stop

    consumer.on_poll = second_poll
    notifier.run()
    assert (channel.given, consumer.commits) == ([], [])


class Hook:
    """A webhook's receiver: answers with `statuses` one after the other, then 204."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.requests: list[tuple[str | None, bytes]] = []
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.requests.append((self.headers.get(SIGNATURE_HEADER), body))
                self.send_response(hook.statuses.pop(0) if hook.statuses else 204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/secret-path"


@pytest.fixture
def hook() -> Iterator[Hook]:
    hook = Hook()
    thread = threading.Thread(target=hook.server.serve_forever)
    thread.start()
    yield hook
    hook.server.shutdown()
    thread.join()
    hook.server.server_close()


def test_the_signature_is_what_the_docs_say(hook: Hook) -> None:
    """t and the HMAC-SHA256 of "t.body" with the secret, computed here by itself."""
    WebhookChannel(hook.url, "s3cret", clock=lambda: 1_700_000_099.9).deliver(ALERT)
    ((header, body),) = hook.requests
    expected = hmac.new(b"s3cret", b"1700000099." + body, hashlib.sha256).hexdigest()
    assert header == f"t=1700000099,v1={expected}"
    assert json.loads(body)["rule"] == "error rate"


def test_without_a_secret_nothing_is_signed(hook: Hook) -> None:
    """No header rather than one that anybody can make."""
    WebhookChannel(hook.url).deliver(ALERT)
    assert hook.requests[0][0] is None


@pytest.mark.parametrize(
    ("status", "error"), [(500, NotDelivered), (503, NotDelivered), (429, NotDelivered), (400, Refused), (410, Refused)]
)
def test_which_answers_are_final(hook: Hook, status: int, error: type[Exception]) -> None:
    """5xx and 429 come back, other 4xx are final; the path, which may be a secret, is not told."""
    hook.statuses = [status]
    with pytest.raises(error, match=f"127.0.0.1 answered HTTP {status}") as caught:
        WebhookChannel(hook.url).deliver(ALERT)
    assert "secret-path" not in str(caught.value)


def test_nobody_there_comes_back() -> None:
    """A refused connection is tried again."""
    with pytest.raises(NotDelivered, match="ConnectError"):
        WebhookChannel("http://127.0.0.1:1/").deliver(ALERT)


def test_the_console_says_it_all() -> None:
    """State, severity, rule, labels, value, threshold, since when."""
    out = io.StringIO()
    ConsoleChannel(Console(file=out, width=200)).deliver(ALERT)
    for part in ("FIRING", "critical", "error rate", "model=gpt-4o", "0.25", "> 0.05", "2023-11-14 22:13:20Z"):
        assert part in out.getvalue()


@pytest.mark.parametrize("severity", get_args(Severity))
def test_the_console_shows_every_severity(severity: Severity) -> None:
    """Each in a style of its own."""
    text = line_of(ALERT.model_copy(update={"severity": severity}))
    styles = {"info": "bold cyan", "warning": "bold yellow", "error": "bold dark_orange", "critical": "bold red"}
    assert [span.style for span in text.spans if text.plain[span.start : span.end] == f" {severity} "] == [
        styles[severity]
    ]


def test_the_console_is_not_commanded_by_an_alert() -> None:
    """Whatever labels and texts hold, the terminal gets ordinary characters, in the lines that are ours."""
    evil = "\x1b[2J\u202e\n\x9b\ud83d"
    alert = ALERT.model_copy(
        update={
            "rule": evil,
            "labels": {"model" + evil: evil},
            "summary": evil,
            "reason": evil,
            "event_id": evil,
            "op": evil,
        }
    )
    out = io.StringIO()
    ConsoleChannel(Console(file=out, width=200)).deliver(alert)
    lines = out.getvalue().splitlines()
    assert len(lines) == 4
    assert all(printable(line) == line for line in lines)
    shown = r"\x1b[2J\u202e\n\x9b\ud83d"
    assert f"critical {shown}  model{shown}={shown}  0.25 {shown} 0.05" in lines[0]
    assert lines[1] == lines[2] == f"    {shown}"


def test_no_channel_is_an_error() -> None:
    """A notifier that tells nobody is a mistake."""
    with pytest.raises(SettingError, match="CALLGAUGE_WEBHOOK_URL"):
        channels_of(load_settings())
    assert [channel.name for channel in channels_of(load_settings(notify_console=True, webhook_url="http://h/"))] == [
        "console",
        "webhook",
    ]
