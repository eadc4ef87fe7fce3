"""Why calls fail, and at which provider."""

from __future__ import annotations

from dataclasses import dataclass

from callgauge_history.questions.labels import Where
from callgauge_history.questions.period import Period
from callgauge_history.questions.reading import read
from callgauge_history.questions.source import choose
from callgauge_history.store import Ask

__all__ = ["ErrorShare", "error_breakdown"]


@dataclass(frozen=True)
class ErrorShare:
    """Failed calls of one type at one provider.

    Attributes:
        error_type: as `schema.ErrorType`; "other" where none was given.
        calls: all calls at this provider.
        rate: errors / calls.
    """

    provider: str
    error_type: str
    errors: int
    calls: int
    rate: float


def error_breakdown(ask: Ask, period: Period, where: Where | None = None, *, limit: int = 1_000) -> list[ErrorShare]:
    """Failed calls by provider and type of error, the most first.

    Raises:
        QuestionError: a name is no label.
        StoreError: the store cannot be asked.
    """
    source = choose(ask, period, ["provider"], where)
    sql = f"""
        SELECT provider, error.1 AS error_type, error.2 AS errors, calls, errors / calls AS rate
        FROM (
            SELECT toString(r.provider) AS provider, sum(r.n) AS calls, sumMap(r.errors) AS by_type
            FROM {source.rows(["provider", "n", "errors"])} AS r GROUP BY r.provider
        )
        ARRAY JOIN CAST(by_type, 'Array(Tuple(String, Int64))') AS error
        WHERE errors > 0
        ORDER BY errors DESC, provider, error_type LIMIT {{limit:UInt32}}"""  # noqa: S608 (names of ours)
    return read(ask, ErrorShare, sql, source.all_parameters | {"limit": limit})
