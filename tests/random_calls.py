"""Seeded random calls that use every field a row counts."""

from __future__ import annotations

import random
from collections.abc import Iterator

from callgauge.schema import CacheLevel, Call

__all__ = ["random_call", "random_calls"]

_ERRORS = ("rate_limit", "context_window_exceeded", "content_filter_blocked", "timeout", "provider_down", None)
_LEVELS: tuple[CacheLevel | None, ...] = ("exact", "semantic", None)


def random_calls(count: int, *, seed: int, start: float = 1_700_000_000.0, span_s: float = 60.0) -> Iterator[Call]:
    """`count` calls whose starts are spread evenly over `span_s` seconds from `start` (epoch seconds)."""
    rng = random.Random(seed)
    for i in range(count):
        yield random_call(rng, f"{seed:x}-{i:x}", start + span_s * i / count)


def random_call(rng: random.Random, event_id: str, ts: float) -> Call:
    status = rng.choices(("success", "error", "fallback", "cancelled"), (88, 8, 2, 2))[0]
    input_tokens = rng.randrange(10_000)
    output_tokens = rng.randrange(2_000)
    return Call(
        event_id=event_id,
        trace_id=f"t{rng.randrange(1 << 30):x}",
        ts=ts,
        service=f"service-{rng.randrange(8)}",
        model=f"model-{rng.randrange(10)}",
        provider=rng.choice(("openai", "azure", "bedrock")),
        latency_ms=rng.lognormvariate(6.5, 0.8),
        time_to_first_token_ms=rng.choice((None, rng.lognormvariate(5, 0.5))),
        status=status,  # type: ignore[arg-type]
        error_type=rng.choice(_ERRORS) if status == "error" else None,  # type: ignore[arg-type]
        http_status=429 if rng.random() < 0.1 and status != "success" else None,
        finish_reason=rng.choice(("stop", "length", "tool_calls", "")),
        stream=rng.random() < 0.5,
        cache_hit=rng.random() < 0.1,
        cache_level=_LEVELS[input_tokens % 3],
        retry_count=rng.choice((0, 0, 0, 1, 2)),
        input_tokens=input_tokens if rng.random() < 0.95 else None,
        output_tokens=output_tokens if rng.random() < 0.95 else None,
        cache_read_tokens=rng.choice((None, input_tokens // 2)),
        reasoning_tokens=rng.choice((None, output_tokens // 3)),
        cost_usd=rng.random() * 0.05 if rng.random() < 0.9 else None,
        rate_limit_limit_requests=1_000,
        rate_limit_remaining_requests=rng.randrange(1_001),
    )
