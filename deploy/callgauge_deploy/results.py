"""Prints the result of a query."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console

from callgauge.printable import printable
from callgauge_deploy.formats import Format, Rows, csv_lines, json_lines, ndjson_lines, tsv_lines, vertical_lines
from callgauge_deploy.tables import draw_table

__all__ = ["print_rows"]

_WRITERS: Mapping[str, Callable[[Sequence[str], Rows], Iterator[str]]] = {
    "tsv": tsv_lines,
    "json": json_lines,
    "ndjson": ndjson_lines,
    "vertical": vertical_lines,
}


def print_rows(
    names: Sequence[str],
    rows: Sequence[Sequence[Any]],
    how: Format | None = None,
    *,
    bold: Sequence[bool] | None = None,
    console: Console | None = None,
) -> None:
    """Print rows on standard output.

    Args:
        how: a table on a terminal and tab-separated lines elsewhere, if None.
        bold: for each row, whether it is bold in a table.
    """
    console = console or Console()
    how = how or ("table" if console.is_terminal else "tsv")
    if how == "table":
        draw_table(console, names, rows, bold)
        return
    if how == "csv":
        # A program gets the values as they are; a terminal must not act on them.
        lines = csv_lines(names, rows, printable if sys.stdout.isatty() else str)
    else:
        lines = _WRITERS[how](names, rows)
    for line in lines:
        console.file.write(line)
