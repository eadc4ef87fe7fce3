"""Slack, against stubs that refuse what Slack's documentation does not allow."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from callgauge_notify.grouping.notice import Notice
from callgauge_notify.receivers.chart import Charts
from callgauge_notify.receivers.receiver import NotDelivered, Refused
from callgauge_notify.receivers.slack import SlackApi, SlackWebhook
from callgauge_notify.receivers.slack_blocks import blocks_of
from callgauge_notify.routing.owners import Owner, Owners
from callgauge_notify.routing.receiver_kinds import ConsoleSpec, SlackSpec
from callgauge_notify.routing.routes import Routing
from tests.unit.sinks.notify.alerts import T0, acknowledged, alert, notice
from tests.unit.sinks.notify.http_stub import Answer, Request, Stub, local_web, serving
from tests.unit.sinks.notify.wire_formats import SLACK, checked, slack_api_fields, slack_api_problem

ROUTING = Routing(
    {"console": ConsoleSpec(name="console")}, (), owners=Owners((Owner(service="chat", team="a", channel="#a"),))
)


@pytest.fixture
def webhook() -> Iterator[Stub]:
    with serving(Stub(checked(SLACK))) as stub:
        yield stub


@pytest.fixture
def api() -> Iterator[Stub]:
    with serving(Stub(slack_api_problem)) as stub:
        stub.otherwise = lambda request: posted(request, len(stub.requests))
        yield stub


def posted(request: Request, number: int) -> Answer:
    answer = {"ok": True, "channel": "C1", "ts": slack_api_fields(request).get("ts", f"170000000{number}.0001")}
    return Answer(200, json.dumps(answer).encode(), {"Content-Type": "application/json"})


def webhook_of(stub: Stub, **changes: Any) -> SlackWebhook:
    return SlackWebhook(SlackSpec(name="s", url=SecretStr(stub.url), **changes), local_web(), ROUTING, lambda: T0)


def api_of(stub: Stub, channel: str = "#alerts", chart: bytes = b"", secret: str = "") -> SlackApi:
    url, signing = SecretStr(f"http://127.0.0.1:{stub.port}/api"), SecretStr(secret)
    spec = SlackSpec(name="s", token=SecretStr("xoxb-1"), channel=channel, api_url=url, signing_secret=signing)
    return SlackApi(spec, local_web(), ROUTING, Charts(draw=lambda notice: chart), lambda: T0)


def test_a_message_of_an_incoming_webhook(webhook: Stub) -> None:
    """Headline, a section for each alert, route and owner below."""
    webhook_of(webhook).deliver(notice(alert(severity="critical", runbook="https://wiki/slow")))
    body = webhook.requests[0].json
    assert body["text"] == "[FIRING] slow (service=chat)"
    header, section, context = body["blocks"]
    assert header["text"]["text"] == "[FIRING] slow (service=chat)"
    assert section["text"]["text"] == (
        "🔴 *slow* firing (critical)  service=chat\n"
        "p95 latency of service=chat over 5m is 3.5 s (120 calls; alert when above 2 s)\n"
        "since 2023-11-14 22:13:20Z\n"
        "runbook: https://wiki/slow"
    )
    assert context["elements"][0]["text"] == "callgauge, route all, owner a"
    assert webhook.problems == []


def test_limits_are_kept_in_a_storm(webhook: Stub) -> None:
    """5,000 alerts with huge texts: 43 blocks; the last section says how many more."""
    storm = [alert(summary="x<&>" * 2_000, labels={"service": f"s{n}" * 100}) for n in range(5_000)]
    webhook_of(webhook).deliver(notice(*storm, groups=312))
    assert webhook.problems == []
    body = webhook.requests[0].json
    assert body["text"] == "[FIRING 5000, 312 groups] slow".replace("FIRING 5000", "FIRING 5000")
    assert body["blocks"][-2]["text"]["text"] == "_and 4,960 more (4,960 firing, 0 resolved)_"


def test_texts_of_others_call_nobody() -> None:
    """Slack's control characters are escaped, line breaks and escapes of terminals too."""
    made = alert(summary="<!channel> & <@U1>", labels={"service": "a\x1b[31m\nb"})
    section = blocks_of(notice(made))[1]["text"]["text"]
    assert "&lt;!channel&gt; &amp; &lt;@U1&gt;" in section
    assert "service=a\\x1b[31m b" in section


def test_templates_of_the_receiver(webhook: Stub) -> None:
    """Title and text of the routes file; one that fails does not hold the message back."""
    texts = {"title": "{{ firing|length }} on {{ owner.team }}", "text": "{{ first.rule }}: <{{ first.severity }}>"}
    webhook_of(webhook, **texts).deliver(notice(alert()))
    header, section, _ = webhook.requests[0].json["blocks"]
    assert (header["text"]["text"], section["text"]["text"]) == ("1 on a", "slow: &lt;warning&gt;")
    webhook_of(webhook, text="{{ first.nothing.more }}").deliver(notice(alert()))
    assert "the template of this receiver failed" in webhook.requests[1].json["blocks"][1]["text"]["text"]


def test_answers_of_an_incoming_webhook(webhook: Stub) -> None:
    """429 after what it says; 404 no_service never; the URL, which is the secret, is not told."""
    webhook.answers = [Answer(429, b"", {"Retry-After": "30"}), Answer(404, b"no_service")]
    with pytest.raises(NotDelivered) as caught:
        webhook_of(webhook).deliver(notice(alert()))
    assert caught.value.retry_after_s == 30.0
    with pytest.raises(Refused, match="HTTP 404: no_service") as refused:
        webhook_of(webhook).deliver(notice(alert()))
    assert "secret-path" not in str(refused.value)


def calls_of(stub: Stub) -> list[tuple[str, dict[str, str]]]:
    kept = ("channel", "ts", "thread_ts")
    return [
        (
            request.path.rsplit("/", 1)[1],
            {name: value for name, value in slack_api_fields(request).items() if name in kept},
        )
        for request in stub.requests
    ]


def known(made: Notice, memory: dict[str, str]) -> Notice:
    return dataclasses.replace(made, items=tuple(dataclasses.replace(item, memory=memory) for item in made.items))


def test_the_end_is_told_in_the_thread_and_the_message_is_edited(api: Stub) -> None:
    """Of a message with two alerts it is edited when the second one is over."""
    receiver = api_of(api)
    two = [alert(), alert(labels={"service": "search"})]
    memory = receiver.deliver(notice(*two))
    assert memory == {each.alert_id: {"channel": "C1", "ts": "1700000001.0001"} for each in two}
    kept = dict(memory[two[0].alert_id])
    still = dataclasses.replace(notice(two[1]).items[0], news=(), memory=kept)
    over = dataclasses.replace(notice(alert("resolved")).items[0], memory=kept)
    receiver.deliver(notice(over, still))
    receiver.deliver(known(notice(alert("resolved", labels={"service": "search"})), kept))
    thread = {"channel": "C1", "thread_ts": "1700000001.0001"}
    assert calls_of(api) == [
        ("chat.postMessage", {"channel": "#alerts"}),
        ("chat.postMessage", thread),
        ("chat.postMessage", thread),
        ("chat.update", {"channel": "C1", "ts": "1700000001.0001"}),
    ]
    assert slack_api_fields(api.requests[3])["text"] == "[RESOLVED] slow (service=search)"
    assert api.problems == []


def buttons_in(blocks: list[dict[str, Any]]) -> list[tuple[str, str]]:
    elements = (each for block in blocks if block["type"] == "actions" for each in block["elements"])
    return [(each["action_id"], each["value"]) for each in elements]


def test_acknowledging_is_told_in_the_thread_and_the_message_is_edited(api: Stub) -> None:
    """It says who; the thread has no buttons, the message no longer the one to acknowledge."""
    receiver = api_of(api, secret="s")
    kept = dict(receiver.deliver(notice(alert()))[alert().alert_id])
    receiver.deliver(known(notice(acknowledged(alert(), why="on it")), kept))
    assert [name for name, _ in calls_of(api)] == ["chat.postMessage", "chat.postMessage", "chat.update"]
    first, thread, edited = (slack_api_fields(request) for request in api.requests)
    assert thread["text"] == edited["text"] == "[ACKNOWLEDGED] slow (service=chat)"
    assert "acknowledged by ann at 2023-11-14 22:14:50Z: on it" in edited["blocks"][1]["text"]["text"]
    found = [[name for name, _ in buttons_in(each["blocks"])] for each in (first, thread, edited)]
    assert found == [["acknowledge", "resolve", "silence_1h"], [], ["resolve", "silence_1h"]]
    assert api.problems == []


def test_buttons_within_slacks_limits(webhook: Stub) -> None:
    """Only with a signing secret, only of what fires, each with the alert's id; a storm fits."""
    over = alert("resolved", labels={"service": "over"})
    webhook_of(webhook).deliver(notice(alert()))
    signed = webhook_of(webhook, signing_secret=SecretStr("s"))
    signed.deliver(notice(alert(), over))
    signed.deliver(notice(*(alert(labels={"service": f"s{number}"}) for number in range(500))))
    webhook_of(webhook, signing_secret=SecretStr("s"), text="own {{ first.rule }}").deliver(notice(alert()))
    plain, two, storm, own = (buttons_in(request.json["blocks"]) for request in webhook.requests)
    assert plain == []
    assert two == own == [(name, alert().alert_id) for name in ("acknowledge", "resolve", "silence_1h")]
    assert len(storm) == 60
    assert webhook.problems == []


def test_what_is_new_is_a_new_message(api: Stub) -> None:
    """Also if other alerts of the group have one."""
    old = dataclasses.replace(notice(alert()).items[0], news=(), memory={"channel": "C1", "ts": "1.1"})
    memory = api_of(api).deliver(notice(alert(labels={"service": "search"}), old))
    assert (len(memory), calls_of(api)) == (1, [("chat.postMessage", {"channel": "#alerts"})])


def test_the_owners_channel(api: Stub) -> None:
    """channel: owner. Whoever has none is an error that says what to do."""
    api_of(api, "owner").deliver(notice(alert()))
    assert calls_of(api) == [("chat.postMessage", {"channel": "#a"})]
    with pytest.raises(Refused, match="add it to CALLGAUGE_OWNERS_FILE"):
        api_of(api, "owner").deliver(notice(alert(labels={"service": "nobodys"})))


@pytest.mark.parametrize(
    ("answer", "error", "told"),
    [
        (Answer(200, b'{"ok":false,"error":"channel_not_found"}'), Refused, "channel_not_found"),
        (Answer(200, b'{"ok":false,"error":"internal_error"}'), NotDelivered, "internal_error"),
        (Answer(429, b'{"ok":false,"error":"ratelimited"}', {"Retry-After": "9"}), NotDelivered, "ratelimited"),
        (Answer(503, b"<html>"), NotDelivered, "Slack"),
    ],
)
def test_errors_of_the_web_api(api: Stub, answer: Answer, error: type[Exception], told: str) -> None:
    """The token is never told."""
    api.answers = [answer]
    with pytest.raises(error, match=told) as caught:
        api_of(api).deliver(notice(alert()))
    assert "xoxb" not in str(caught.value)
    if answer.status == 429:
        assert getattr(caught.value, "retry_after_s", None) == 9.0


def test_nobody_there_comes_back() -> None:
    """A refused connection is tried again."""
    spec = SlackSpec(name="s", token=SecretStr("x"), channel="c", api_url=SecretStr("http://127.0.0.1:1/"))
    with pytest.raises(NotDelivered, match="Slack: "):
        SlackApi(spec, local_web(), ROUTING, Charts()).deliver(notice(alert()))


def test_the_chart_is_put_into_the_thread() -> None:
    """By Slack's three steps: ask for a place, send the bytes there, share it. If Slack refuses, the message counts."""
    with serving(Stub()) as stub:

        def answer(request: Request) -> Answer:
            method = request.path.rsplit("/", 1)[1]
            place = {"ok": True, "upload_url": f"http://127.0.0.1:{stub.port}/bytes", "file_id": "F1"}
            answers = {"files.getUploadURLExternal": place, "files.completeUploadExternal": {"ok": True, "files": []}}
            made = answers.get(method) or {"ok": True, "channel": "C1", "ts": "1.1"}
            return Answer(200, json.dumps(made).encode(), {"Content-Type": "application/json"})

        stub.otherwise = answer
        api_of(stub, chart=b"\x89PNG").deliver(notice(alert()))
        sent = {request.path.rsplit("/", 1)[1]: request for request in stub.requests}
        assert list(sent) == [
            "chat.postMessage", "files.getUploadURLExternal", "bytes", "files.completeUploadExternal",
        ]  # fmt: skip
        assert sent["bytes"].body == b"\x89PNG"
        shared = slack_api_fields(sent["files.completeUploadExternal"])
        assert (shared["channel_id"], shared["thread_ts"]) == ("C1", "1.1")
        refused = Answer(200, b'{"ok":false,"error":"missing_scope"}', {"Content-Type": "application/json"})
        stub.otherwise = lambda request: refused if "files." in request.path else answer(request)
        assert api_of(stub, chart=b"\x89PNG").deliver(notice(alert())) == {
            alert().alert_id: {"channel": "C1", "ts": "1.1"}
        }
