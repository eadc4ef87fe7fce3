"""From the rows of a statement to typed results."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeVar

from callgauge_history.store import Ask

__all__ = ["decimal_usd", "read"]

Record = TypeVar("Record")


def read(ask: Ask, kind: type[Record], sql: str, parameters: Mapping[str, Any], **more: Any) -> list[Record]:
    """One record for each row: its fields are the columns, and what is given in `more`.

    A column `x_nano` becomes the field `x_usd`.
    """
    result = ask(sql, dict(parameters))
    return [kind(**dict(map(_field, result.columns, row)), **more) for row in result.rows]


def _field(column: str, value: Any) -> tuple[str, Any]:
    if column.endswith("_nano"):
        return f"{column.removesuffix('_nano')}_usd", decimal_usd(value)
    return column, value


def decimal_usd(nano: int | None) -> Decimal | None:
    """Dollars, exactly.

    >>> decimal_usd(1_500)
    Decimal('0.000001500')
    """
    return None if nano is None else Decimal(int(nano)).scaleb(-9)
