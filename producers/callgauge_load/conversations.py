"""Calls of coding conversations with measured TTFT and total time, by the shape of semianalysisai's cc-traces.

The conversations have no common clock: here all begin at `mooncake.START_S`. A TTFT that is missing stays so.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from callgauge.schema import Call
from callgauge_load.mooncake import START_S
from callgauge_load.rows import read_rows

__all__ = ["COLUMNS", "read_conversations"]

COLUMNS = frozenset({"conversation", "turn", "model", "offset_s", "ttft_s", "total_s", "input_tokens", "output_tokens"})


def read_conversations(path: Path) -> Iterator[Call]:
    """The calls in the order of the file: conversation by conversation.

    Raises:
        TraceError: the file or a row cannot be read.
    """
    for row in read_rows(path, COLUMNS):
        yield row.call(
            event_id=str(row.event_id()),
            ts=START_S + row.number("offset_s"),
            service="coding",
            model=row.text("model"),
            session_id=row.text("conversation"),
            input_tokens=row.count("input_tokens"),
            output_tokens=row.count("output_tokens"),
            stream=row.cells.get("request_type") == "s",
            time_to_first_token_ms=row.number("ttft_s") * 1e3 if row.cells["ttft_s"] else None,
            latency_ms=row.number("total_s") * 1e3,
            tags={"turn": row.text("turn")},
        )
