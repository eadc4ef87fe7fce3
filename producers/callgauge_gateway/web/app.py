"""The web application: which path is read by what, and how it is answered."""

from __future__ import annotations

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from callgauge.printable import printable
from callgauge_gateway.batch import Batch, Refusal
from callgauge_gateway.otlp.answer import logs_answer, traces_answer
from callgauge_gateway.web.answers import JSON, PROTOBUF, failed, outcome, why_refused
from callgauge_gateway.web.endpoint import Endpoint, Guards, Received, content_type_of
from callgauge_gateway.web.readers import Readers, is_json, is_otlp_metrics

__all__ = ["make_app"]

#: So much of a path or method that there is not is told.
_LONGEST_PATH = 100


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
    routes.append(Route("/health", _health))
    paths = ", ".join(route.path for route in routes)
    # With a slash at the end too: a redirect of a POST is followed by few, and may lead from TLS to none.
    routes += [Route(f"{route.path}/", route.endpoint, methods=list(route.methods or ())) for route in routes]

    def refused(request: Request, error: Exception) -> Response:
        return _refused(request, error, paths)

    return Starlette(routes=routes, exception_handlers={HTTPException: refused})


def _refused(request: Request, error: Exception, paths: str) -> Response:
    """A path or method that there is not."""
    if not isinstance(error, HTTPException):
        raise error
    path = printable(request.url.path[:_LONGEST_PATH])
    allowed = ", ".join(sorted((error.headers or {}).get("Allow", "").split(", ")))
    if error.status_code == 404:
        why = f"there is no path {path}; there are {paths}"
    elif error.status_code == 405:
        why = f"{path} takes {allowed}, not {printable(request.method[:_LONGEST_PATH])}"
    else:
        why = error.detail
    response = failed(error.status_code, why, protobuf=content_type_of(request) == PROTOBUF)
    response.headers.update({"Allow": allowed} if allowed else {})
    return response


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
