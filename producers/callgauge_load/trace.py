"""Reads a recorded trace with the reader of its format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from callgauge.errors import TraceError
from callgauge.schema import Call
from callgauge_load import azure, calls, conversations, llmdrift, load_steps, mooncake, spans
from callgauge_load.rows import columns_of

__all__ = ["FORMATS", "read_trace"]

#: Format name -> reader.
FORMATS: dict[str, Callable[[Path], Iterator[Call]]] = {
    "azure-code": partial(azure.read_azure, part="code"),
    "azure-conv": partial(azure.read_azure, part="conv"),
    "llmdrift": llmdrift.read_llmdrift,
    "mooncake": mooncake.read_mooncake,
    "conversations": conversations.read_conversations,
    "spans": spans.read_spans,
    "load-steps": load_steps.read_load_steps,
    "calls": calls.read_calls,
}

_BY_COLUMNS = {
    "llmdrift": llmdrift.COLUMNS,
    "mooncake": mooncake.COLUMNS,
    "conversations": conversations.COLUMNS,
    "spans": spans.COLUMNS,
    "load-steps": load_steps.COLUMNS,
    "calls": calls.COLUMNS,
}


def read_trace(path: Path | str, format: str | None = None) -> Iterator[Call]:
    """The calls of a recorded trace, with the trace's own times.

    Args:
        path: CSV or JSON Lines (.jsonl, .ndjson), plain or gzipped (.gz).
        format: one of `FORMATS`. None: it is found from the header, and for Azure also from the file's name (which must
            hold code or conv).

    Raises:
        TraceError: at once if the header is unreadable or the format unknown; while rows are read if one is unreadable.
    """
    path = Path(path)
    columns = frozenset(columns_of(path))
    name = format or _format_of(path, columns)
    if name not in FORMATS:
        raise TraceError(f"{path}: no trace format {name!r}; there are {', '.join(FORMATS)}")
    return FORMATS[name](path)


def _format_of(path: Path, columns: frozenset[str]) -> str:
    for name, wanted in _BY_COLUMNS.items():
        if columns >= wanted:
            return name
    if columns >= azure.COLUMNS:
        parts = [part for part in azure.SERVICES if part in path.name.lower()]
        if len(parts) == 1:
            return f"azure-{parts[0]}"
        raise TraceError(f"{path}: the name does not say which Azure trace this is; give azure-code or azure-conv")
    raise TraceError(
        f"{path}, line 1: the columns {', '.join(sorted(columns))[:200]} are of no known trace;"
        f" known are {', '.join(FORMATS)}"
    )
