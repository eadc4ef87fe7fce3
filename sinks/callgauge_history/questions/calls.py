"""Single calls: found by who, what and when, page by page; the slowest and the dearest."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from callgauge.errors import QuestionError
from callgauge.line_texts import shown
from callgauge_history.questions.call_rows import ANSWERED, NO_STEPS
from callgauge_history.questions.labels import CALL_LABELS, Where, conditions
from callgauge_history.questions.period import Period
from callgauge_history.questions.reading import read
from callgauge_history.store import Ask

__all__ = ["CALL_COLUMNS", "CallPage", "StoredCall", "calls_within", "dearest", "find_calls", "slowest"]

_HOUR_MS = 3_600_000


@dataclass(frozen=True)
class StoredCall:
    """A call as it is stored; see `callgauge.schema.Call`. Times are epoch ms; "" and None: not given."""

    event_id: str
    start_ms: int
    end_ms: int
    service: str
    environment: str
    feature: str
    endpoint: str
    operation: str
    name: str
    provider: str
    model: str
    response_model: str
    prompt_version: str
    variant: str
    user_id: str
    session_id: str
    trace_id: str
    span_id: str
    parent_span_id: str
    status: str
    error_type: str
    error_message: str
    http_status: int | None
    finish_reason: str
    latency_ms: float | None
    time_to_first_token_ms: float | None
    input_tokens: int | None
    output_tokens: int | None
    cache_hit: bool
    retry_count: int
    cost_usd: Decimal | None
    tags: Mapping[str, str]


_MADE = {"start_ms": "toUnixTimestamp64Milli(ts)", "end_ms": "event_time_ms", "cost_usd": "cost_nano"}
#: The SELECT list of a StoredCall.
CALL_COLUMNS = ", ".join(
    "cost_nano" if name == "cost_usd" else f"{_MADE[name]} AS {name}" if name in _MADE else name
    for name in (field.name for field in dataclasses.fields(StoredCall))
)


@dataclass(frozen=True)
class CallPage:
    """Some of the calls that were found, the newest first.

    Attributes:
        cursor: asks for the next page; None if this was the last.
    """

    calls: tuple[StoredCall, ...]
    cursor: str | None


def calls_within(period: Period, where: Where | None = None) -> tuple[str, dict[str, Any]]:
    """A subquery in brackets: the calls that ended in a period, each once; and its parameters.

    Raises:
        QuestionError: a name is no label of calls.
    """
    condition, parameters = conditions(where or {}, CALL_LABELS)
    # The partitions go by event_time, and a call starts before it ends.
    sql = (
        "(SELECT * FROM calls FINAL WHERE event_time >= fromUnixTimestamp64Milli({start_ms:Int64}) "  # noqa: S608 (names of ours)
        f"AND event_time < fromUnixTimestamp64Milli({{end_ms:Int64}}) AND {condition})"
    )
    return sql, parameters | {"start_ms": period.start_ms, "end_ms": period.end_ms}


def find_calls(
    ask: Ask, period: Period, where: Where | None = None, *, cursor: str | None = None, limit: int = 50
) -> CallPage:
    """The calls of a period with these labels, the newest first.

    The period is searched backwards, an hour at first, so that a page of a busy month does not read all of it.

    Args:
        where: labels of `CALL_LABELS`: user_id, status, service, model, ...
        cursor: of the page before.

    Raises:
        QuestionError: a name is no label of calls, or the cursor is none of ours.
        StoreError: the store cannot be asked.
    """
    found: list[StoredCall] = []
    before_ms, before_id = _read_cursor(cursor) if cursor else (period.end_ms, "")
    if before_ms < period.start_ms:
        return CallPage((), None)
    for part in _backwards(period.start_ms, max(period.start_ms + 1, min(period.end_ms, before_ms + 1))):
        rows, parameters = calls_within(part, where)
        sql = (
            f"SELECT {CALL_COLUMNS} FROM {rows} "  # noqa: S608 (names of ours)
            "WHERE (event_time_ms, event_id) < ({before_ms:Int64}, {before_id:String}) "
            "ORDER BY event_time_ms DESC, event_id DESC LIMIT {limit:UInt32}"
        )
        wanted = limit + 1 - len(found)
        page = {"before_ms": before_ms, "before_id": before_id, "limit": wanted}
        found += read(ask, StoredCall, sql, parameters | page)
        if len(found) > limit:
            last = found[limit - 1]
            return CallPage(tuple(found[:limit]), f"{last.end_ms}:{last.event_id}")
    return CallPage(tuple(found), None)


def _backwards(start_ms: int, end_ms: int) -> Iterator[Period]:
    """Parts of a period from its end on, each four times as long as the one before."""
    length_ms = _HOUR_MS
    while end_ms > start_ms:
        begin_ms = max(start_ms, end_ms - length_ms)
        yield Period(begin_ms, end_ms)
        end_ms, length_ms = begin_ms, length_ms * 4


def _read_cursor(cursor: str) -> tuple[int, str]:
    at, colon, event_id = cursor.partition(":")
    if not colon or not at.isdecimal():
        raise QuestionError(f"{shown(cursor)} is no cursor: give the one that came with the page before")
    return int(at), event_id


def slowest(ask: Ask, period: Period, where: Where | None = None, *, limit: int = 10) -> list[StoredCall]:
    """The calls that took longest, of those that were answered.

    Raises:
        QuestionError: a name is no label of calls.
        StoreError: the store cannot be asked.
    """
    return _most(ask, period, where, limit, "latency_us", f"{ANSWERED} AND latency_us IS NOT NULL")


def dearest(ask: Ask, period: Period, where: Where | None = None, *, limit: int = 10) -> list[StoredCall]:
    """The calls that cost most.

    Raises:
        QuestionError: a name is no label of calls.
        StoreError: the store cannot be asked.
    """
    return _most(ask, period, where, limit, "cost_nano", "cost_nano IS NOT NULL")


def _most(
    ask: Ask,
    period: Period,
    where: Where | None,
    limit: int,
    column: Literal["latency_us", "cost_nano"],
    condition: str,
) -> list[StoredCall]:
    rows, parameters = calls_within(period, where)
    # Few columns of many calls first, then all columns of few.
    sql = (
        f"SELECT {CALL_COLUMNS} FROM {rows} WHERE (service, model, ts, event_id) IN ("  # noqa: S608 (names of ours)
        f"SELECT service, model, ts, event_id FROM {rows} WHERE {condition} AND {NO_STEPS} "
        f"ORDER BY {column} DESC, event_id LIMIT {{limit:UInt32}}) "
        f"ORDER BY {column} DESC, event_id LIMIT {{limit:UInt32}}"
    )
    return read(ask, StoredCall, sql, parameters | {"limit": limit})
