"""Writes made-up calls, and the scores of some, as messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from callgauge_load.made.batch import ERROR_TYPES, FALLBACK, FINISHES, STATUSES, Array, Batch
from callgauge_load.made.labels import label_codes, labels_of
from callgauge_load.made.world import World

__all__ = ["LIMIT", "QUALITY", "call_messages", "event_ids", "ids_of", "judged", "remaining", "score_messages"]

#: The rate limit of every route, in requests.
LIMIT = 10_000
#: The name of the scores.
QUALITY = "quality"

_encode = msgspec.json.Encoder().encode
_HEX = np.array([f"{byte:02x}".encode() for byte in range(256)]).view(np.uint8).reshape(256, 2)


def ids_of(batch: Batch) -> Array:
    """The event ids as ASCII, 32 hexadecimal digits each, shape (n, 32)."""
    halves = np.column_stack([batch.id_high, batch.id_low]).astype(">u8").view(np.uint8).reshape(-1, 16)
    return _HEX[halves].reshape(-1, 32)


def event_ids(batch: Batch) -> list[str]:
    """The event ids."""
    text = ids_of(batch).tobytes().decode()
    return [text[at : at + 32] for at in range(0, len(text), 32)]


def call_messages(world: World, batch: Batch) -> Iterator[tuple[bytes, bytes]]:
    """(key, JSON) of each call."""
    labels = _Labels(world)
    rows = zip(
        event_ids(batch),
        label_codes(world, batch).tolist(),
        (batch.start_s + batch.skew_s).round(6).tolist(),
        batch.latency_ms.round(3).tolist(),
        batch.ttft_ms.round(3).tolist(),
        batch.route.tolist(),
        batch.user.tolist(),
        batch.input_tokens.tolist(),
        batch.output_tokens.tolist(),
        batch.cache_read_tokens.tolist(),
        batch.reasoning_tokens.tolist(),
        batch.cost_usd.tolist(),
        batch.status.tolist(),
        batch.error.tolist(),
        batch.http_status.tolist(),
        batch.finish.tolist(),
        batch.stream.tolist(),
        batch.cache_hit.tolist(),
        batch.semantic.tolist(),
        batch.retries.tolist(),
        remaining(batch).tolist(),
        strict=True,
    )
    for (
        event_id, code, ts, latency, ttft, route, user, input_tokens, output_tokens, cached, reasoning, cost, status,
        error, http_status, finish, stream, cache_hit, semantic, retries, left,
    ) in rows:  # fmt: skip
        call: dict[str, Any] = {"event_id": event_id, "ts": ts, **labels[code]}
        call["user_id"] = f"user-{user}"
        call["latency_ms"] = latency
        call["input_tokens"], call["cache_read_tokens"] = input_tokens, cached
        if ttft == ttft:
            call["time_to_first_token_ms"] = ttft
        if output_tokens >= 0:
            call["output_tokens"] = output_tokens
        if reasoning >= 0:
            call["reasoning_tokens"] = reasoning
        if cost == cost:
            call["cost_usd"], call["price_source"] = cost, "made up"
        call["status"] = STATUSES[status]
        if error:
            call["error_type"] = ERROR_TYPES[error]
        if http_status >= 0:
            call["http_status"] = http_status
        if finish:
            call["finish_reason"] = FINISHES[finish]
        if status == FALLBACK:
            call["fallback_from"] = world.routes[route].provider
        if retries:
            call["retry_count"] = retries
        call["stream"], call["cache_hit"] = stream, cache_hit
        if cache_hit:
            call["cache_level"] = "semantic" if semantic else "exact"
        call["rate_limit_limit_requests"], call["rate_limit_remaining_requests"] = LIMIT, left
        yield event_id.encode(), _encode(call)


def remaining(batch: Batch) -> Array:
    """Requests that are left of the rate limit."""
    return ((1 - batch.limit_used) * LIMIT).astype(np.int64)


def judged(batch: Batch) -> Batch:
    """The calls that a judge has seen."""
    return batch.take(~np.isnan(batch.quality))


def score_messages(world: World, batch: Batch) -> Iterator[tuple[bytes, bytes]]:
    """(key, JSON) of the score of each call, all of them judged, made when the call ends."""
    labels = _Labels(world)
    rows = zip(
        event_ids(batch),
        label_codes(world, batch).tolist(),
        (batch.sent_s + batch.skew_s).round(6).tolist(),
        batch.quality.round(4).tolist(),
        strict=True,
    )
    for event_id, code, ts, value in rows:
        score_id = f"{event_id}-{QUALITY}"
        score = {"kind": "score", "score_id": score_id, "ts": ts, "name": QUALITY, "value": value, "origin": "judge"}
        whole = labels[code]
        score |= {
            "event_id": event_id,
            "service": whole["service"],
            "labels": {name: text for name, text in whole.items() if name != "service"},
        }
        yield event_id.encode(), _encode(score)


class _Labels(dict[int, dict[str, str]]):
    """Code -> labels, each found out once."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def __missing__(self, code: int) -> dict[str, str]:
        self[code] = labels_of(self._world, code)
        return self[code]
