"""Slack: an incoming webhook, or the Web API.

An incoming webhook can only post. With a token of the Web API the end of an alert, and that somebody has acknowledged
it, is told in the thread of its message, and the message is edited to say so; a chart is put into the thread. With a
signing secret messages have buttons. About one message a second and channel is allowed; Slack says with 429 and
Retry-After when that was too much.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from callgauge_notify.grouping.notice import Item, Notice
from callgauge_notify.receivers.chart import Charts
from callgauge_notify.receivers.receiver import NOTHING_KEPT, Memory, NotDelivered, Refused
from callgauge_notify.receivers.slack_blocks import blocks_of, fallback_of
from callgauge_notify.receivers.web import Web, check_answer, retry_after_s
from callgauge_notify.receivers.words import template_values
from callgauge_notify.routing.receiver_kinds import SlackSpec
from callgauge_notify.routing.routes import OF_OWNER, Routing
from callgauge_notify.templates import rendered

__all__ = ["SlackApi", "SlackWebhook"]

log = logging.getLogger(__name__)

#: Errors of the Web API after which another attempt may help.
_TEMPORARY = {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}


class SlackWebhook:
    """Posts to an incoming webhook.

    Args:
        clock: epoch seconds.
    """

    one_by_one = False
    digests = True

    def __init__(self, spec: SlackSpec, web: Web, routing: Routing, clock: Callable[[], float] = time.time) -> None:
        self._spec = spec
        self._url = spec.url.get_secret_value()
        self._web = web
        self._routing = routing
        self._clock = clock
        self.pace_s = spec.pace

    def deliver(self, notice: Notice) -> Memory:
        """See `Receiver.deliver`."""
        body = _message(self._spec, self._routing, notice)
        answer = self._web.post(self._url, json.dumps(body).encode(), {})
        check_answer(
            self._url, answer.status_code, answer.headers, self._clock(), answer.text if answer.is_error else ""
        )
        return NOTHING_KEPT


class SlackApi:
    """Posts, threads and edits by the Web API.

    Args:
        clock: epoch seconds.
    """

    one_by_one = False
    digests = True

    def __init__(
        self,
        spec: SlackSpec,
        web: Web,
        routing: Routing,
        charts: Charts,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._spec = spec
        self._web = web
        self._routing = routing
        self._charts = charts
        self._clock = clock
        self._api_url = spec.api_url.get_secret_value().rstrip("/") + "/"
        # Attempts are ours (`delivery.attempts`), so the client makes none of its own.
        self._client = WebClient(spec.token.get_secret_value(), base_url=self._api_url, timeout=10, retry_handlers=[])
        self.pace_s = spec.pace

    def deliver(self, notice: Notice) -> Memory:
        """See `Receiver.deliver`."""
        self._web.check(self._api_url)
        kept: dict[str, dict[str, str]] = {}
        known: dict[tuple[str, str], list[Item]] = {}
        for item in notice.items:
            if "ts" in item.memory:
                known.setdefault((item.memory["channel"], item.memory["ts"]), []).append(item)
        fresh = [item for item in notice.items if item.news and ("ts" not in item.memory or item.news[0] == "firing")]
        if fresh:
            channel, ts = self._post(replace(notice, items=tuple(fresh)))
            kept |= {item.alert.alert_id: {"channel": channel, "ts": ts} for item in fresh}
        for (channel, ts), items in known.items():
            self._follow_up(notice, channel, ts, [item for item in items if item not in fresh])
        return kept

    def _post(self, notice: Notice) -> tuple[str, str]:
        with _errors(self._clock):
            answer = self._client.chat_postMessage(channel=self._channel(notice), **self._content(notice))
        channel, ts = str(answer["channel"]), str(answer["ts"])
        self._add_chart(notice, channel, ts)
        return channel, ts

    def _add_chart(self, notice: Notice, channel: str, ts: str) -> None:
        """Put the chart into the thread. The message is there already, so a failure is only logged."""
        chart = self._charts.of(notice) if self._spec.chart else b""
        if not chart:
            return
        try:
            with _errors(self._clock):
                self._client.files_upload_v2(channel=channel, thread_ts=ts, content=chart, filename="chart.png")
        except (NotDelivered, Refused) as error:
            log.warning("%s: the chart was not taken: %s", self._spec.name, error)

    def _follow_up(self, notice: Notice, channel: str, ts: str, items: list[Item]) -> None:
        """Tell in the thread what is new of the alerts of a message; edit the message when all of them are over, or one
        was acknowledged."""
        news = [item for item in items if item.news or notice.repeats]
        if not news:
            return
        told = replace(notice, items=tuple(news))
        with _errors(self._clock):
            content = self._content(told, buttons=notice.repeats)
            self._client.chat_postMessage(channel=channel, thread_ts=ts, reply_broadcast=notice.repeats, **content)
            over = all(item.alert.state == "resolved" for item in items)
            if over or any("acknowledged" in item.news for item in items):
                self._client.chat_update(channel=channel, ts=ts, **self._content(replace(notice, items=tuple(items))))

    def _content(self, notice: Notice, *, buttons: bool = True) -> dict[str, Any]:
        return _message(self._spec, self._routing, notice, buttons=buttons)

    def _channel(self, notice: Notice) -> str:
        if self._spec.channel != OF_OWNER:
            return self._spec.channel
        channel = self._routing.owner(notice.items[0].alert).channel
        if not channel:
            raise Refused(f"{self._spec.name}: the alert's owner has no channel; add it to CALLGAUGE_OWNERS_FILE")
        return channel


def _message(spec: SlackSpec, routing: Routing, notice: Notice, *, buttons: bool = True) -> dict[str, Any]:
    owner = routing.owner(notice.items[0].alert)
    values = template_values(notice, owner)
    title, text = rendered(spec.title, values, ""), rendered(spec.text, values, "")
    buttons = buttons and bool(spec.signing_secret.get_secret_value())
    return {"text": fallback_of(notice), "blocks": blocks_of(notice, title, text, owner, buttons=buttons)}


@contextmanager
def _errors(clock: Callable[[], float]) -> Iterator[None]:
    """What Slack's client raises, as a receiver's errors. Its messages may hold the request, so they are not told."""
    try:
        yield
    except SlackApiError as error:
        answer: Any = error.response
        what = str(answer.get("error") or "no reason given")
        told = f"Slack answered HTTP {answer.status_code}: {what}"
        if answer.status_code == 429 or answer.status_code >= 500 or what in _TEMPORARY:
            wait = answer.headers.get("Retry-After") or answer.headers.get("retry-after") or ""
            raise NotDelivered(told, retry_after_s(str(wait), clock())) from None
        raise Refused(told) from None
    except (SlackClientError, OSError) as error:
        raise NotDelivered(f"Slack: {type(error).__name__}") from None
