"""Calls as they are on the bus, one JSON object a line: what a consumer of `llm.calls` prints."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from callgauge.codec import read
from callgauge.errors import DecodeError, TraceError
from callgauge.schema import Call
from callgauge_load.rows import is_json, json_lines

__all__ = ["COLUMNS", "read_calls"]

COLUMNS = frozenset({"event_id", "ts"})


def read_calls(path: Path) -> Iterator[Call]:
    """The calls in the order of the file, read as leniently as from the bus. Empty lines are passed over.

    Raises:
        TraceError: the file cannot be read, or a line is no call.
    """
    if not is_json(path):
        raise TraceError(f"{path}: calls are read from JSON Lines; give a .jsonl or .ndjson file, plain or as .gz")
    for number, line in json_lines(path):
        try:
            yield read(Call, line.encode())
        except DecodeError as error:
            raise TraceError(f"{path}, line {number}: no call ({error}); repair or remove the line") from None
