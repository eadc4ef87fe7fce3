"""OpenTelemetry spans of LLM calls, one a row: start, duration, status, tokens. A failed span has no tokens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from callgauge.schema import Call
from callgauge_load.rows import read_rows

__all__ = ["COLUMNS", "read_spans"]

COLUMNS = frozenset(
    {
        "start_time_unix_s",
        "duration_ms",
        "is_error",
        "model",
        "input_tokens",
        "output_tokens",
        "conversation",
        "span_id",
    }
)


def read_spans(path: Path) -> Iterator[Call]:
    """The calls at the spans' own times, in the order of the file. A model "azure/name" is name, of provider azure.

    Raises:
        TraceError: the file or a row cannot be read.
    """
    for row in read_rows(path, COLUMNS):
        failed = row.text("is_error") == "1"
        provider, _, model = row.text("model").rpartition("/")
        yield row.call(
            event_id=str(row.event_id()),
            span_id=row.text("span_id"),
            session_id=row.text("conversation"),
            ts=row.number("start_time_unix_s"),
            latency_ms=row.number("duration_ms"),
            service="agent",
            provider=provider,
            model=model,
            input_tokens=None if failed else row.count("input_tokens"),
            output_tokens=None if failed else row.count("output_tokens"),
            status="error" if failed else "success",
            error_type="other" if failed else None,
            finish_reason=row.cells.get("finish_reason") or "",
        )
