"""The HTTP server that takes Slack's and PagerDuty's requests. Off unless CALLGAUGE_TWO_WAY_PORT is set.

    POST /slack        interactivity request URL of the Slack app
    POST /pagerduty    URL of a webhook subscription (version 3)

Put a proxy with TLS in front of it. A request without a right signature is answered 401 and changes nothing. 2xx means
that the broker has the action, or that there is nothing to do; 503 asks to try again.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from callgauge.errors import SettingError
from callgauge.settings import Settings
from callgauge_notify.receivers.receiver import NotDelivered, Refused
from callgauge_notify.receivers.web import Web
from callgauge_notify.routing.receiver_kinds import PagerDutySpec, SlackSpec
from callgauge_notify.routing.routes import Routing
from callgauge_notify.two_way.desk import Answer, Desk
from callgauge_notify.two_way.pagerduty import did_in, is_from_pagerduty
from callgauge_notify.two_way.slack import Click, clicks_in, is_from_slack

__all__ = ["Secrets", "TwoWayServer", "make_app", "secrets_of"]

T = TypeVar("T")
log = logging.getLogger(__name__)

#: Slack sends the whole message along, percent-encoded.
_MOST_BYTES, _BODY_S, _AT_ONCE = 2 << 20, 10.0, 64


@dataclass(frozen=True, slots=True)
class Secrets:
    """What requests are verified with, by the name of the receiver whose messages or incidents they are about."""

    slack: Mapping[str, SecretStr] = field(default_factory=dict)
    pagerduty: Mapping[str, SecretStr] = field(default_factory=dict)


def secrets_of(routing: Routing) -> Secrets:
    """Those of the receivers.

    Raises:
        SettingError: no receiver has one.
    """
    specs = routing.receivers.values()
    slack = {spec.name: spec.signing_secret for spec in specs if isinstance(spec, SlackSpec)}
    pagerduty = {spec.name: spec.webhook_secret for spec in specs if isinstance(spec, PagerDutySpec)}
    given = [{name: one for name, one in each.items() if one.get_secret_value()} for each in (slack, pagerduty)]
    if not any(given):
        raise SettingError(
            "CALLGAUGE_TWO_WAY_PORT is set, but no receiver has a secret to verify requests with: set signing_secret "
            "of a slack receiver or webhook_secret of a pagerduty receiver (or CALLGAUGE_SLACK_SIGNING_SECRET, "
            "CALLGAUGE_PAGERDUTY_WEBHOOK_SECRET)"
        )
    return Secrets(*given)


class _Refused(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def make_app(secrets: Secrets, desk: Desk, web: Web, now: Callable[[], float] = time.time) -> Starlette:
    """The app.

    Args:
        web: for answers to people in Slack.
        now: epoch seconds.
    """

    async def slack(request: Request) -> Response:
        body = await _body(request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        receiver = next((n for n, s in secrets.slack.items() if is_from_slack(s, headers, body, now())), None)
        if receiver is None:
            raise _Refused(401, "the signature is not Slack's, or older than five minutes")
        answers = [(click, await run_in_threadpool(desk.click, click, receiver)) for click in _read(clicks_in, body)]
        tell = BackgroundTask(run_in_threadpool, _reply, web, answers)
        return Response(status_code=200 if all(answer.taken for _, answer in answers) else 503, background=tell)

    async def pagerduty(request: Request) -> Response:
        body, header = await _body(request), request.headers.get("x-pagerduty-signature", "")
        receiver = next((n for n, s in secrets.pagerduty.items() if is_from_pagerduty(s, header, body)), None)
        if receiver is None:
            raise _Refused(401, "the signature is not PagerDuty's")
        did = _read(did_in, body)
        answer = Answer("nothing to do") if did is None else await run_in_threadpool(desk.did, did, receiver)
        return JSONResponse({"told": answer.told}, 200 if answer.taken else 503)

    async def refused(request: Request, error: Exception) -> Response:
        status = error.status if isinstance(error, _Refused) else 500
        log.warning("%s: HTTP %d: %s", request.url.path, status, error)
        return JSONResponse({"error": str(error)}, status)

    routes = [Route("/slack", slack, methods=["POST"]), Route("/pagerduty", pagerduty, methods=["POST"])]
    return Starlette(routes=routes, exception_handlers={_Refused: refused})


async def _body(request: Request) -> bytes:
    body = b""
    try:
        async with asyncio.timeout(_BODY_S):
            async for part in request.stream():
                body += part
                if len(body) > _MOST_BYTES:
                    raise _Refused(413, f"the body is larger than {_MOST_BYTES:,} bytes")
    except TimeoutError:
        raise _Refused(408, f"the body did not come within {_BODY_S:g} s") from None
    return body


def _read(read: Callable[[bytes], T], body: bytes) -> T:
    try:
        return read(body)
    except (ValueError, RecursionError) as error:
        raise _Refused(400, f"the body cannot be read: {type(error).__name__}") from None


def _reply(web: Web, answers: list[tuple[Click, Answer]]) -> None:
    """Tell those who clicked what became of it; only they see it. That fails without harm."""
    for click, answer in answers:
        if click.reply_to:
            text = {"response_type": "ephemeral", "replace_original": False, "text": answer.told}
            try:
                web.post(click.reply_to, json.dumps(text).encode(), {})
            except (NotDelivered, Refused) as error:
                log.warning("somebody in Slack was not told what became of a click: %s", error)


class TwoWayServer:
    """The server as a worker. It listens as soon as it is made.

    Raises:
        SettingError: it cannot listen there, or no receiver has a secret.
    """

    def __init__(self, settings: Settings, routing: Routing, desk: Desk, web: Web) -> None:
        app = make_app(secrets_of(routing), desk, web)
        self._socket = _listen(settings.two_way_host, settings.two_way_port)
        self.port = self._socket.getsockname()[1]
        config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", limit_concurrency=_AT_ONCE)
        self._server = uvicorn.Server(config)
        self.ready = threading.Event()

    def run(self) -> None:
        """Serve until `stop` is called."""
        self.ready.set()
        self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """Finish the current requests, then end. To be called from another thread."""
        self._server.should_exit = True


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise SettingError(
            f"cannot listen on {host}:{port}: {error.strerror}; change CALLGAUGE_TWO_WAY_HOST or CALLGAUGE_TWO_WAY_PORT"
        ) from error
    listener.listen(128)
    return listener
