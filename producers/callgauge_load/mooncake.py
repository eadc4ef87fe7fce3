"""The Mooncake traces: an hour of multi-turn requests to a long-context chat service, with token counts.

Source: kvcache-ai/Mooncake (FAST'25), Apache-2.0. The data have times from their start, no model and no latency: they
are put at START_S, and latencies are *simulated* (tag latency=simulated).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from callgauge.schema import Call
from callgauge_load.azure import LatencyModel
from callgauge_load.rows import read_rows

__all__ = ["COLUMNS", "START_S", "read_mooncake"]

COLUMNS = frozenset({"timestamp", "input_length", "output_length", "hash_ids"})

START_S = 1_767_225_600.0
"""2026-01-01 UTC, for traces that have no date."""


def read_mooncake(path: Path) -> Iterator[Call]:
    """The calls in the order of the file (by their starts).

    Raises:
        TraceError: the file or a row cannot be read.
    """
    latency = LatencyModel()
    for row in read_rows(path, COLUMNS):
        event_id = row.event_id()
        tokens = row.count("input_length"), row.count("output_length")
        ttft_ms, latency_ms = latency.draw(event_id.int, *tokens)
        yield row.call(
            event_id=str(event_id),
            ts=START_S + row.number("timestamp") / 1e3,
            service="mooncake",
            model="mooncake",
            input_tokens=tokens[0],
            output_tokens=tokens[1],
            stream=True,
            time_to_first_token_ms=ttft_ms,
            latency_ms=latency_ms,
            tags={"latency": "simulated"},
        )
