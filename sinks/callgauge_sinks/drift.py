"""Compares the rows of an insert that was refused with the table as it is: has somebody changed the schema?"""

from __future__ import annotations

import re
from collections.abc import Mapping

import pyarrow as pa

from callgauge.errors import StoreError
from callgauge_sinks.delivery import StoreLike

__all__ = ["SchemaDrift", "check_schema", "drift_of"]


class SchemaDrift(StoreError):
    """A table is not as the migrations made it."""


_WRAPPED = re.compile(r"^(?:LowCardinality|Nullable|SimpleAggregateFunction)\((?:\w+, )?(.*)\)$")


def check_schema(store: StoreLike, schemas: Mapping[str, pa.Schema], error: StoreError) -> None:
    """Look for a reason why an insert was refused.

    Args:
        schemas: table -> the schema of its rows.

    Raises:
        SchemaDrift: a table lacks a column or has another type there; the message says what to do.
        StoreUnavailable: the store does not answer.
    """
    for table, schema in schemas.items():
        if problems := drift_of(schema, store.columns(table)):
            raise SchemaDrift(
                f"the table {table} is not as callgauge made it: {'; '.join(problems)}. Undo that change, then start "
                f"again: nothing is lost, the records are read again ({error})"
            ) from error


def drift_of(schema: pa.Schema, columns: Mapping[str, str]) -> list[str]:
    """What is wrong with a table's columns (name -> ClickHouse's type), a line each. More columns are not wrong."""
    if not columns:
        return ["there is no such table: `callgauge sinks` makes it when it starts"]
    problems = []
    for field in schema:
        if field.name not in columns:
            problems.append(f"it has no column {field.name} ({_family(field.type)})")
        elif not _fits(field.type, columns[field.name]):
            problems.append(f"its column {field.name} is {columns[field.name]} instead of {_family(field.type)}")
    return problems


def _family(kind: pa.DataType) -> str:
    """What ClickHouse calls types of this kind."""
    types = pa.types
    if types.is_dictionary(kind):
        kind = kind.value_type
    for is_it, name in (
        (types.is_string, "String"), (types.is_boolean, "Bool"), (types.is_integer, "an integer"),
        (types.is_floating, "Float64"), (types.is_timestamp, "DateTime64"), (types.is_map, "Map"),
        (types.is_list, "Array"),
    ):  # fmt: skip
        if is_it(kind):
            return name
    return str(kind)


_FITS = {
    "String": r"(Fixed)?String|Enum\d*",
    "Bool": r"Bool|UInt8",
    "an integer": r"U?Int\d+",
    "Float64": r"Float\d+|Decimal\d*",
    "DateTime64": r"DateTime(64)?",
    "Map": r"Map",
    "Array": r"Array",
}


def _fits(kind: pa.DataType, column: str) -> bool:
    while wrapped := _WRAPPED.match(column):
        column = wrapped[1]
    wanted = _FITS.get(_family(kind))
    return wanted is None or re.match(rf"(?:{wanted})\b", column) is not None
