"""Requests to one vLLM server under growing load: TTFT and total time at twelve levels.

Source: liao4s/BurstGPT_test, MIT (example/LICENSE); BurstGPT's conversations replayed. The clock is monotonic, so the
calls lie in 1970 until they are moved (`retime`). Answers were measured in characters, not in tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from callgauge.schema import Call
from callgauge_load.rows import read_rows

__all__ = ["COLUMNS", "read_load_steps"]

COLUMNS = frozenset({"load_scale", "finish_time_s", "ttft_s", "total_s", "input_tokens", "output_chars"})


def read_load_steps(path: Path) -> Iterator[Call]:
    """The calls in the order of the file: level by level.

    Raises:
        TraceError: the file or a row cannot be read.
    """
    for row in read_rows(path, COLUMNS):
        total_s = row.number("total_s")
        yield row.call(
            event_id=str(row.event_id()),
            ts=row.number("finish_time_s") - total_s,
            service="vllm",
            model="vllm",
            input_tokens=row.count("input_tokens"),
            response_chars=row.count("output_chars"),
            stream=True,
            time_to_first_token_ms=row.number("ttft_s") * 1e3,
            latency_ms=total_s * 1e3,
            tags={"load_scale": row.text("load_scale")},
        )
