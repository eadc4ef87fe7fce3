"""When a span began is read as nanoseconds, and as what else it can only be."""

from __future__ import annotations

from typing import Any

import pytest

from callgauge.mending import MENDED
from tests.unit.producers.gateway.dialects.spans import MS, START, call, event

CHAT = {"gen_ai.request.model": "m"}


@pytest.mark.parametrize(
    ("per_second", "mark"),
    [
        (10**9, None),
        (10**6, "ts: read as microseconds"),
        (10**3, "ts: read as milliseconds"),
        (1, "ts: read as seconds"),
    ],
)
def test_times_of_another_unit_are_understood(per_second: int, mark: str | None) -> None:
    """And the call says so: a window of January 1970 helps nobody."""
    start = 1_700_000_000 * per_second
    found = call(CHAT, start_ns=start, end_ns=start + 2 * per_second)
    assert (found["ts"], found["latency_ms"]) == (1_700_000_000.0, 2_000.0)
    assert found["tags"].get(MENDED) == mark


@pytest.mark.parametrize(
    ("start_ns", "end_ns", "expected"),
    [
        (0, START, {}),
        (2**64 - 1, 2**64 - 1, {}),
        (START, START - 1, {"ts": START / 1e9}),
        (START, START, {"ts": START / 1e9, "latency_ms": 0.0}),
    ],
)
def test_what_is_no_time_is_left_out(start_ns: int, end_ns: int, expected: dict[str, Any]) -> None:
    """The clock stands for a time that is none, and nothing for a span that ends before it starts."""
    found = call(CHAT, start_ns=start_ns, end_ns=end_ns)
    assert {name: found[name] for name in ("ts", "latency_ms") if name in found} == expected


def test_the_first_token_is_of_the_same_unit() -> None:
    """As the span's own times."""
    chunk = event("gen_ai.content.completion.chunk", 100)
    assert call(CHAT, events=[chunk])["time_to_first_token_ms"] == 100.0
    in_ms = chunk._replace(time_ns=chunk.time_ns // MS)
    found = call(CHAT, events=[in_ms], start_ns=START // MS, end_ns=START // MS + 250)
    assert found["time_to_first_token_ms"] == 100.0
