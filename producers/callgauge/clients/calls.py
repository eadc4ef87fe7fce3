"""Begins and ends the measuring of a client's requests. Nothing here raises into the host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from callgauge.clients.answer import Answer
from callgauge.clients.faults import Faults
from callgauge.clients.measured_call import MeasuredCall
from callgauge.clients.parts import part
from callgauge.clients.prompt_hash import prompt_hash, prompt_of
from callgauge.clients.providers import endpoint_of, provider_of
from callgauge.clients.routes import Route, route_of
from callgauge.clients.said import Said
from callgauge.clients.stream_usage import ask_usage, taker
from callgauge.clients.unfinished import emit_at_exit
from callgauge.clients.watched_bodies import is_response, is_stream, json_of, watch_response, watch_stream
from callgauge.content.snapshot import snapshot

if TYPE_CHECKING:
    from callgauge.gauge import Gauge

__all__ = ["Calls"]


class Calls:
    """What measures the calls of a client and its copies.

    Args:
        labels: fields of each `Call`.
        ask_stream_usage: see `instrument`.
    """

    def __init__(self, gauge: Gauge, labels: Mapping[str, Any], *, ask_stream_usage: bool) -> None:
        self._gauge = gauge
        self._labels = {name: value for name, value in labels.items() if value is not None}
        self._ask_stream_usage = ask_stream_usage
        self.faults = Faults()

    def begin(self, client: Any, *args: Any, **kwargs: Any) -> MeasuredCall | None:
        """Begin to measure a request, given as the library gives it; None for one that calls no model."""
        try:
            options = kwargs["options"] if "options" in kwargs else args[1]
            route = route_of(options.method, options.url)
            if route is None:
                return None
            body = options.json_data if isinstance(options.json_data, dict) else {}
            fields = {**self._fields(client, route, options.url, body), **self._labels}
            answer = route.answer()
            fields |= self.faults.guard("its prompt was read", self._content, fields, body, answer) or {}
            call = MeasuredCall(self._gauge.call(**fields), answer, self._labels, self.faults, self._gauge._timer)
            call.hides_usage = self._ask_stream_usage and ask_usage(route, options)
            return call
        except Exception as error:
            self.faults.note("it began", error)
            return None

    def failed(self, call: MeasuredCall, response: Any, retries: int | None, error: BaseException) -> None:
        """The request raised `error`; `response` is the answer, if one came that could not be used."""
        if response is not None:
            call.received(response, retries)
            self._read_refused(call, response)
        call.failed(error)

    def answered(self, call: MeasuredCall, response: Any, retries: int | None, result: Any) -> None:
        """The request led to `result`: an answer, a stream of chunks, or a response that is still to be read."""
        try:
            if response is None:
                response = part(result, "http_response") or part(result, "response")
            if response is not None:
                call.received(response, retries)
            if is_stream(result):
                watch_stream(result, call, taker(call))
                emit_at_exit(call)
            elif is_response(result):
                watch_response(result, call, taker(call))
                emit_at_exit(call)
            else:
                call.take(result)
                call.finished()
        except Exception as error:
            call.fault("its result was looked at", error)
            call.finished()

    def _fields(self, client: Any, route: Route, url: str, body: Mapping[str, Any]) -> dict[str, Any]:
        kind: Any = type(client)
        base_url, guard = client.base_url, self.faults.guard
        return {
            "operation": route.operation,
            "model": model if isinstance(model := body.get("model"), str) else "",
            "provider": guard("the provider was looked up", provider_of, kind, base_url.host),
            "endpoint": guard("the endpoint was read", endpoint_of, base_url, url),
            "stream": body.get("stream") is True,
            "prompt_hash": guard("the prompt was hashed", prompt_hash, body),
        }

    def _content(self, fields: Mapping[str, Any], body: Mapping[str, Any], answer: Answer) -> dict[str, Any]:
        """The prompt, where the content of calls is asked for; the answer then gathers what the model writes."""
        contents = self._gauge._contents
        if not contents.wants(fields.get("service") or self._gauge._service):
            return {}
        answer.said = Said(contents.most)
        asked = prompt_of(body)
        prompt = asked if len(asked) > 1 else next(iter(asked.values()), None)
        return {"prompt": snapshot(prompt, contents.most)}

    def _read_refused(self, call: MeasuredCall, response: Any) -> None:
        """An answer that the client refused was paid for all the same."""
        try:
            if response.is_closed and response.status_code < 400:
                call.take(json_of(response.content))
        except Exception as error:
            call.fault("a refused answer was read", error)
