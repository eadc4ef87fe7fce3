"""The stream that throughput benchmarks read: seeded calls on the wire, 80 series, about 545 bytes each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count as count_up
from itertools import islice
from typing import NamedTuple

from callgauge.schema import Call
from tests.random_calls import random_calls

__all__ = ["DISTINCT", "Message", "Template", "messages_of", "provider_of", "repeated", "template_of", "templates_of"]

DISTINCT = 50_000
_PROVIDERS = ("openai", "azure", "bedrock")
# what `random_calls` leaves out and real emitters fill in: with it a call has its size
_MORE = {
    "span_id": "00f067aa0ba902b7",
    "session_id": "session-4bf92f3577b34da6",
    "endpoint": "/v1/chat/completions",
    "user_id": "user-7f3a9c51e2",
    "response_model": "model-2025-01-31",
}

#: (key, value)
Message = tuple[bytes, bytes]


class Template(NamedTuple):
    """A call of which all is written but the beginning of its id and its time."""

    key: bytes
    event_id: str
    ts: float
    """Start of the call as it was made up, epoch seconds."""
    latency_s: float
    rest: str
    """The JSON after `ts`."""

    def message(self, number: int, ts: float) -> Message:
        """The call that starts at `ts`; its id begins with `number`."""
        return self.key, f'{{"event_id":"{number:x}-{self.event_id}","ts":{ts:.3f},{self.rest}'.encode()


def provider_of(model: str) -> str:
    """Who serves `model` ("model-<number>"): always the same, so that naming it too makes no more series."""
    return _PROVIDERS[int(model.rpartition("-")[2]) % len(_PROVIDERS)]


def messages_of(count: int, calls_per_s: float) -> list[Message]:
    """`count` calls of 8 services and 10 models, keyed by trace, in the order of their ends.

    One seeded stretch of 50,000 calls again and again, with new ids and later times.

    Args:
        count: how many.
        calls_per_s: calls that end per second: how dense the windows are, and so how many calls a row holds.
    """
    span_s = DISTINCT / calls_per_s
    return list(repeated(templates_of(span_s), span_s, count))


def templates_of(span_s: float) -> list[Template]:
    """The stretch: 50,000 calls whose ends are spread evenly over `span_s` seconds."""
    calls = random_calls(DISTINCT, seed=1, span_s=span_s)
    return [template_of(call, {**_MORE, "provider": provider_of(call.model)}) for call in calls]


def template_of(call: Call, update: dict[str, object], leave_out: frozenset[str] = frozenset()) -> Template:
    """A call of `random_calls` with other or more fields, and without some."""
    level = call.cache_level if call.cache_hit else None  # which an emitter tells of hits only
    whole = call.model_copy(update={"cache_level": level, **update})
    rest = whole.model_dump_json(exclude_defaults=True, exclude={"event_id", "ts", *leave_out})[1:]
    latency_s = (call.latency_ms or 0.0) / 1000
    # `random_calls` spreads starts; a call is sent when it ends, and so it is the ends that are in order here
    return Template(call.trace_id.encode(), call.event_id, call.ts - latency_s, latency_s, rest)


def repeated(stretch: Sequence[Template], span_s: float, count: int, shift_s: float = 0.0) -> Iterator[Message]:
    """`count` calls: the stretch again and again, each time `span_s` seconds later; all of it `shift_s` later."""
    return islice(
        (call.message(number, call.ts + span_s * number + shift_s) for number in count_up() for call in stretch), count
    )
