"""A dialect as a table: which attribute of the emitter becomes which field of a call, and how it is read.

Several attributes may become one field: the first of the table that is there counts, whatever their order in the
message. What a table does not name is left over, for tags (`tags_of`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

__all__ = ["Lookup", "Row", "first_of", "flag", "is_seconds", "ms_of_seconds", "no_text", "read_attributes", "whole"]


_MOST_S = 1e15


def whole(value: Any) -> Any:
    """The value as it is."""
    return value


def first_of(value: Any) -> Any:
    """The first of a list; a value that is none, as it is."""
    if isinstance(value, (list, tuple)):
        return value[0] if value else None
    return value


def ms_of_seconds(value: Any) -> Any:
    """Seconds as milliseconds; what is no number of seconds, as it is."""
    return value * 1e3 if is_seconds(value) else value


def is_seconds(value: Any) -> bool:
    """Whether a value is a number that may be reckoned with as seconds: no flag, and none of hundreds of digits."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _MOST_S


def flag(value: Any) -> Any:
    """True, or nothing: a call is not streamed unless it says so."""
    return True if value is True or value in ("true", "True", 1) else None


def no_text(value: Any) -> Any:
    """The value, unless it is empty text."""
    return None if value == "" else value


class Row(NamedTuple):
    """One line of a table."""

    field: str
    """A field of `Call`; one with an underscore before it is a hint that the dialect makes a field of."""
    names: tuple[str, ...]
    """The emitter's attributes, the one that counts most first."""
    read: Callable[[Any], Any] = no_text
    """Makes the field's value of the attribute's; None: there is none."""
    note: str = ""
    """For the documentation: what else is to know."""


class Lookup:
    """Some tables, turned round: attribute -> field, its rank among those of the same field, and what reads it."""

    def __init__(self, *tables: Iterable[Row]) -> None:
        self.of: dict[str, tuple[str, int, Callable[[Any], Any]]] = {}
        ranks: dict[str, int] = {}
        for row in (row for table in tables for row in table):
            for name in row.names:
                if name not in self.of:
                    ranks[row.field] = ranks.get(row.field, 0) + 1
                    self.of[name] = (row.field, ranks[row.field], row.read)


def read_attributes(lookup: Lookup, attributes: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields that attributes become, and the attributes that are left over."""
    fields: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    ranks: dict[str, int] = {}
    of = lookup.of
    for name, value in attributes.items():
        found = of.get(name)
        if found is None:
            rest[name] = value
            continue
        field, rank, read = found
        if field in ranks and ranks[field] < rank:
            continue
        value = read(value)
        if value is not None:
            fields[field] = value
            ranks[field] = rank
    return fields, rest
