"""Writes rows as text: for other programs (CSV, JSON, tab-separated), or each row on lines of its own (vertical).

JSON and CSV hold the values exactly. The others are for eyes and simple tools: control characters are escaped, so a row
is always one line.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Literal

from callgauge.printable import json_printable, printable

__all__ = ["Format", "csv_lines", "json_lines", "json_of", "ndjson_lines", "text_of", "tsv_lines", "vertical_lines"]

Format = Literal["table", "tsv", "csv", "json", "ndjson", "vertical"]

Rows = Iterable[Sequence[Any]]


def json_of(value: Any) -> str:
    """A value as JSON. Decimals and integers of any size are exact numbers; NaN and infinities are null.

    >>> json_of({"n": 18446744073709551615, "cost": Decimal("0.10"), "rate": float("nan")})
    '{"n": 18446744073709551615, "cost": 0.10, "rate": null}'
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json_of(str(key))}: {json_of(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(json_of, value)) + "]"
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() else "null"
    if isinstance(value, float) and not math.isfinite(value):
        return "null"
    return json_printable(json.dumps(value, ensure_ascii=False))


def text_of(value: Any) -> str:
    """A value as exact text: nothing for NULL, true and false, a float's shortest form, lists and maps as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return json_of(value)


def json_lines(names: Sequence[str], rows: Rows) -> Iterator[str]:
    """An array of objects, one in a line."""
    before = "["
    for row in ndjson_lines(names, rows):
        yield before + "\n  " + row.rstrip("\n")
        before = ","
    yield "[]\n" if before == "[" else "\n]\n"


def ndjson_lines(names: Sequence[str], rows: Rows) -> Iterator[str]:
    """An object a line."""
    for row in rows:
        yield json_of(dict(zip(names, row, strict=True))) + "\n"


def csv_lines(names: Sequence[str], rows: Rows, shown: Callable[[str], str] = str) -> Iterator[str]:
    """RFC 4180: the names, then a record each, CRLF after each. `shown` is applied to every text."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for row in (names, *rows):
        writer.writerow([shown(text_of(value)) for value in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def tsv_lines(names: Sequence[str], rows: Rows) -> Iterator[str]:
    """The names, then a row a line, parted by tabs. Tabs and line breaks of a value are shown as escapes."""
    for row in (names, *rows):
        yield "\t".join(printable(text_of(value)) for value in row) + "\n"


def vertical_lines(names: Sequence[str], rows: Rows) -> Iterator[str]:
    """A value a line, with the name of its column before it; nothing is cut, however long."""
    shown = [printable(name) for name in names]
    width = max(map(len, shown), default=0)
    for number, row in enumerate(rows, 1):
        yield f"row {number}\n"
        for name, value in zip(shown, row, strict=True):
            yield f"  {name:<{width}}  {printable(text_of(value))}".rstrip() + "\n"
