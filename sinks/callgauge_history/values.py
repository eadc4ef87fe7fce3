"""Values of a query's result as Python has them: exact decimals, ISO times."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from callgauge_history.store import QueryResult

__all__ = ["column_names", "typed_rows"]

_TYPE = re.compile(r"(\w+)\s*(?:\((.*)\))?", re.DOTALL)
_ZONE = re.compile(r"'([^']*)'")

Reading = Callable[[Any], Any]


def typed_rows(result: QueryResult) -> list[list[Any]]:
    """The rows: `Decimal` for a decimal, ISO 8601 for a date with a time.

    A time has the offset of its column's time zone; if the column's type names none, it is the server's, and the time
    has no offset. All else is as JSON has it.
    """
    readings = [_reading(kind) for kind in result.types] or [_same] * len(result.columns)
    return [[reading(value) for reading, value in zip(readings, row, strict=True)] for row in result.rows]


def column_names(result: QueryResult) -> list[str]:
    """The names of the columns, made different: the second `a` is `a_2`."""
    taken: set[str] = set()
    names = []
    for name in result.columns:
        number, free = 1, name
        while free in taken:
            number += 1
            free = f"{name}_{number}"
        taken.add(free)
        names.append(free)
    return names


def _same(value: Any) -> Any:
    return value


def _reading(kind: str) -> Reading:
    """How a value of a ClickHouse type is read. Types that are not known here are left as JSON has them."""
    found = _TYPE.fullmatch(kind.strip())
    name, inner = (found[1], found[2] or "") if found else ("", "")
    match name:
        case "Nullable" | "LowCardinality":
            return _reading(inner)
        case "SimpleAggregateFunction":
            return _reading(_arguments(inner)[-1])
        case "Array":
            return _each(_reading(inner))
        case "Map":
            return _values(_reading(_arguments(inner)[1]))
        case "Tuple":
            return _places([_reading(_without_name(part)) for part in _arguments(inner)])
        case "DateTime" | "DateTime64":
            return _iso(_ZONE.search(inner))
        case _ if name.startswith("Decimal"):
            return lambda value: Decimal(str(value)) if value is not None else None
    return _same


def _each(reading: Reading) -> Reading:
    return lambda values: [reading(value) for value in values] if isinstance(values, list) else values


def _values(reading: Reading) -> Reading:
    return lambda found: {key: reading(value) for key, value in found.items()} if isinstance(found, dict) else found


def _places(readings: list[Reading]) -> Reading:
    def read(values: Any) -> Any:
        if isinstance(values, dict):  # a server may give a named tuple as an object
            return {key: reading(values[key]) for reading, key in zip(readings, values, strict=True)}
        return [reading(value) for reading, value in zip(readings, values, strict=True)] if values else values

    return read


def _iso(zone: re.Match[str] | None) -> Reading:
    zone_name = zone[1].replace("\\", "") if zone else ""

    def read(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            at = datetime.fromisoformat(value)
            offset = "" if not zone_name else _offset(at, zone_name)
        except (ValueError, KeyError, OSError):  # no time that Python knows, or a time zone that is not installed
            return value
        return value.replace(" ", "T") + offset

    return read


def _offset(at: datetime, zone_name: str) -> str:
    """As in "+02:00"; "Z" for UTC."""
    zone = UTC if zone_name in ("UTC", "Etc/UTC") else ZoneInfo(zone_name)
    return "Z" if zone is UTC else at.replace(tzinfo=zone).isoformat()[-6:]


def _arguments(text: str) -> list[str]:
    """The arguments of a type, parted at the commas that lie in no brackets and no quotes."""
    parts, depth, quote, start = [], 0, "", 0
    for place, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'`":
            quote = character
        elif character in "()":
            depth += 1 if character == "(" else -1
        elif character == "," and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    return [part.strip() for part in [*parts, text[start:]]]


def _without_name(part: str) -> str:
    """The type of a tuple's element, which may have a name before it."""
    name = re.match(r"(`[^`]*`|\w+)\s+(?=\w)", part)
    return part[name.end() :] if name else part
