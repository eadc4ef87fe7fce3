"""`instrument(client, gauge=gauge)`: from then on each call of the client is measured and emitted."""

from __future__ import annotations

import contextvars
import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from callgauge.clients.calls import Calls
from callgauge.clients.measured_call import MeasuredCall
from callgauge.clients.providers import library_of

if TYPE_CHECKING:
    from callgauge.gauge import Gauge

__all__ = ["faults_of", "instrument"]

ClientT = TypeVar("ClientT")
#: Attribute of a client under which we keep what measures it.
_CALLS = "_callgauge_calls"


def instrument(client: ClientT, *, gauge: Gauge, ask_stream_usage: bool = False, **labels: Any) -> ClientT:
    """Measure each model call of a client, and emit it.

        client = instrument(OpenAI(), gauge=gauge, feature="search")

    The client is changed in place and returned. It is used as before and does as before: results, exceptions and
    requests are the same. Measured are chat completions, responses, embeddings and text completions of OpenAI's
    clients, and messages of Anthropic's; whole, streamed, parsed or raw. Copies of the client, such as `with_options`
    makes, are measured too. To instrument a client again changes the gauge and the labels.

    A call is emitted when its answer is complete. A stream that is closed or forgotten before its end is emitted with
    the finish reason `abandoned`, as cancelled.

    Args:
        client: OpenAI, AsyncOpenAI, Anthropic, AsyncAnthropic, or those of a platform (Azure, Bedrock, Vertex, ...).
        gauge: what emits the calls.
        ask_stream_usage: add `stream_options.include_usage` to streamed chat completions that do not say whether they
            want it: without, OpenAI tells no tokens of a stream. The chunk that comes for it is not handed on.
        labels: fields of `Call` that all calls of this client have; they go before what is seen of a call.

    Raises:
        TypeError: it is a client of another kind.
    """
    if not library_of(type(client)) or not all(callable(getattr(client, name, None)) for name in ("request", "copy")):
        raise TypeError(
            f"instrument takes a client of openai or anthropic, such as OpenAI(), and not {type(client).__qualname__}"
        )
    _measure(client, Calls(gauge, labels, ask_stream_usage=ask_stream_usage))
    return client


def faults_of(client: object) -> int:
    """How often something of ours failed while this client's calls were measured; 0 for one that is not."""
    calls: Calls | None = vars(client).get(_CALLS)
    return calls.faults.count if calls else 0


def _measure(client: Any, calls: Calls) -> None:
    is_new = _CALLS not in vars(client)
    setattr(client, _CALLS, calls)
    if is_new:
        hooked = _async_request if inspect.iscoroutinefunction(client.request) else _request
        client.request = hooked(client, client.request)
        client.copy = _copy(client, client.copy)
        client.with_options = _copy(client, client.with_options)
        if hasattr(client, "_process_response"):
            client._process_response = _process_response(client._process_response)


class _Answered:
    """The HTTP response that a request led to, which the library hands on within itself only."""

    def __init__(self) -> None:
        self.response: Any = None
        self.retries: int | None = None


#: Of the request that is under way in this thread or task. It outlives the request in copies of the context, so
#: nothing may hang on it when the request is over.
_answered: contextvars.ContextVar[_Answered | None] = contextvars.ContextVar("callgauge_answered", default=None)


def _process_response(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def process(*args: Any, **kwargs: Any) -> Any:
        if (answered := _answered.get()) is not None:
            answered.response, answered.retries = kwargs.get("response"), kwargs.get("retries_taken")
        return original(*args, **kwargs)

    return process


class _Request:
    """Around one request of the library: knows the response that it led to, and tells how it ended."""

    def __init__(self, calls: Calls, call: MeasuredCall) -> None:
        self._calls = calls
        self._call = call
        self._answered = _Answered()
        self._outer: _Answered | None = None

    def __enter__(self) -> _Request:
        self._outer = _answered.get()
        _answered.set(self._answered)
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        _answered.set(self._outer)
        if error is not None:
            self._calls.failed(self._call, self._answered.response, self._answered.retries, error)
            self._answered.response = None

    def gave(self, result: Any) -> Any:
        """The request led to `result`, which is returned."""
        response, self._answered.response = self._answered.response, None
        self._calls.answered(self._call, response, self._answered.retries, result)
        return result


def _request(client: Any, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def request(*args: Any, **kwargs: Any) -> Any:
        calls: Calls = getattr(client, _CALLS)
        if (call := calls.begin(client, *args, **kwargs)) is None:
            return original(*args, **kwargs)
        with _Request(calls, call) as measured:
            result = original(*args, **kwargs)
        return measured.gave(result)

    return request


def _async_request(client: Any, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    async def request(*args: Any, **kwargs: Any) -> Any:
        calls: Calls = getattr(client, _CALLS)
        if (call := calls.begin(client, *args, **kwargs)) is None:
            return await original(*args, **kwargs)
        with _Request(calls, call) as measured:
            result = await original(*args, **kwargs)
        return measured.gave(result)

    return request


def _copy(client: Any, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def copy(*args: Any, **kwargs: Any) -> Any:
        made, calls = original(*args, **kwargs), getattr(client, _CALLS)
        calls.faults.guard("a copy was instrumented", _measure, made, calls)
        return made

    return copy
