"""POST /v1/query: any question in SQL. It only reads, and its time, rows and memory are limited."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from callgauge.errors import StoreError
from callgauge_console.parts import Given
from callgauge_console.web.access import Admin
from callgauge_console.web.problems import ProblemError
from callgauge_history.sql import MAX_SQL_BYTES, refusal_of
from callgauge_history.store import StoreUnavailable

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["query"])

_Value = str | int | float


class Statement(BaseModel):
    """One statement that reads."""

    sql: str = Field(min_length=1, max_length=MAX_SQL_BYTES)
    parameters: dict[str, _Value | list[str] | list[int]] = Field(
        default={}, max_length=1_000, description="The values of each {name:Type} in it."
    )


class Rows(BaseModel):
    """Its result. Decimals are texts; NaN and infinities are null."""

    columns: list[str]
    types: list[str] = Field(description="ClickHouse's types of the columns.")
    rows: list[list[Any]]


@router.post("/query")
def query(parts: Given, grant: Admin, asked: Statement) -> Rows:
    """Ask in SQL (SELECT, WITH, SHOW, DESCRIBE, EXPLAIN, EXISTS): at most 60 s, 1,000,000 rows and 2 GB of memory."""
    if (refusal := refusal_of(asked.sql)) is not None:
        raise ProblemError(403, refusal)
    try:
        found = parts.store.query(asked.sql, asked.parameters)
    except StoreUnavailable:
        raise
    except StoreError as error:
        raise ProblemError(400, str(error)) from error
    return Rows(columns=found.columns, types=found.types, rows=found.rows)
