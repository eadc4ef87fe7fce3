"""The stream that throughput benchmarks read: seeded calls on the wire, 80 series, about 545 bytes each."""

from __future__ import annotations

from tests.random_calls import random_calls

__all__ = ["messages_of", "provider_of"]

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


def provider_of(model: str) -> str:
    """Who serves `model` ("model-<number>"): always the same, so that naming it too makes no more series."""
    return _PROVIDERS[int(model.rpartition("-")[2]) % len(_PROVIDERS)]


def messages_of(count: int, calls_per_s: float) -> list[tuple[bytes, bytes]]:
    """(key, value) of `count` calls of 8 services and 10 models, keyed by trace, in the order of their ends.

    One seeded stretch of 50,000 calls again and again, with new ids and later times.

    Args:
        count: how many.
        calls_per_s: calls that end per second: how dense the windows are, and so how many calls a row holds.
    """
    span_s = DISTINCT / calls_per_s
    stretch = []
    for call in random_calls(DISTINCT, seed=1, span_s=span_s):
        whole = call.model_copy(update={**_MORE, "provider": provider_of(call.model)})
        value = whole.model_dump_json(exclude_defaults=True, exclude={"event_id", "ts"})
        # `random_calls` spreads starts; a call is sent when it ends, and so it is the ends that are in order here
        stretch.append((call.trace_id.encode(), call.event_id, call.ts - call.latency_ms / 1000, value[1:]))
    return [
        (key, f'{{"event_id":"{number:x}-{event_id}","ts":{ts + span_s * number:.3f},{rest}'.encode())
        for number in range(-(-count // DISTINCT))
        for key, event_id, ts, rest in stretch
    ][:count]
