"""The web application: which path is read by what, and how it is answered."""

from __future__ import annotations

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from callgauge_gateway.batch import Batch, Refusal
from callgauge_gateway.otlp.answer import logs_answer, traces_answer
from callgauge_gateway.web.answers import JSON, PROTOBUF, outcome, why_refused
from callgauge_gateway.web.endpoint import Endpoint, Guards, Received
from callgauge_gateway.web.readers import Readers, is_json, is_otlp_metrics

__all__ = ["make_app"]


def make_app(guards: Guards, readers: Readers) -> Starlette:
    """Make the application."""
    ours = {
        "calls": readers.calls,
        **{name: readers.judgements(name) for name in ("scores", "feedback", "outcomes")},
        "marks": readers.marks,
        "litellm": readers.litellm,
    }
    endpoints = {name: Endpoint(guards, read, _outcome) for name, read in ours.items()} | {
        "metrics": Endpoint(guards, readers.metrics, _metrics_outcome),
        "traces": Endpoint(guards, readers.traces, _otlp(traces_answer)),
        "logs": Endpoint(guards, readers.logs, _otlp(logs_answer)),
    }
    routes = [Route(f"/v1/{name}", endpoint.__call__, methods=["POST"]) for name, endpoint in endpoints.items()]
    return Starlette(routes=[*routes, Route("/health", _health)])


async def _health(_: Request) -> Response:
    return Response(b'{"status":"ok"}', media_type=JSON)


def _outcome(_: Received, batch: Batch, refusals: list[Refusal]) -> Response:
    return outcome(batch, refusals)


def _metrics_outcome(received: Received, batch: Batch, refusals: list[Refusal]) -> Response:
    if not is_otlp_metrics(received):
        return outcome(batch, refusals)
    return Response(b"{}" if is_json(received) else b"", media_type=JSON if is_json(received) else PROTOBUF)


def _otlp(answer: Callable[..., bytes]) -> Callable[[Received, Batch, list[Refusal]], Response]:
    """Answers an export in the form that it came in: 200, and what was refused of it."""

    def told(received: Received, _: Batch, refusals: list[Refusal]) -> Response:
        as_json = is_json(received)
        body = answer(len(refusals), why_refused(refusals), as_json=as_json)
        return Response(body, media_type=JSON if as_json else PROTOBUF)

    return told
