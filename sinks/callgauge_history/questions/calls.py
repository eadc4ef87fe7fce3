"""Single calls: found by who, what and when, page by page; the slowest and the dearest."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from callgauge.errors import QuestionError
from callgauge.line_texts import shown
from callgauge_history.questions.adjustments import latest_costs
from callgauge_history.questions.call_rows import ANSWERED, NO_STEPS
from callgauge_history.questions.labels import CALL_LABELS, Where, conditions
from callgauge_history.questions.period import Period
from callgauge_history.questions.reading import read
from callgauge_history.quoted import at
from callgauge_history.store import Ask

__all__ = ["CALL_COLUMNS", "CallPage", "StoredCall", "calls_within", "dearest", "find_calls", "priced", "slowest"]

_HOUR_MS = 3_600_000
_WITHIN = (
    "event_time >= fromUnixTimestamp64Milli({start_ms:Int64}) AND event_time < fromUnixTimestamp64Milli({end_ms:Int64})"
)


@dataclass(frozen=True)
class StoredCall:
    """A call as it is stored; see `callgauge.schema.Call`. Times are epoch ms; "" and None: not given. The cost is that
    of the last adjustment, if there is one."""

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
    sql = f"(SELECT * FROM calls FINAL WHERE {_WITHIN} AND {condition})"  # noqa: S608 (names of ours)
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
            return CallPage(tuple(priced(ask, found[:limit])), f"{last.end_ms}:{last.event_id}")
    return CallPage(tuple(priced(ask, found)), None)


def priced(ask: Ask, calls: Sequence[StoredCall]) -> list[StoredCall]:
    """The calls with what they cost by the last adjustment, in the same order.

    Raises:
        StoreError: the store cannot be asked.
    """
    now = latest_costs(ask, calls)
    return [dataclasses.replace(call, cost_usd=now.get(call.event_id, call.cost_usd)) for call in calls]


def _backwards(start_ms: int, end_ms: int) -> Iterator[Period]:
    """Parts of a period from its end on, each four times as long as the one before."""
    length_ms = _HOUR_MS
    while end_ms > start_ms:
        begin_ms = max(start_ms, end_ms - length_ms)
        yield Period(begin_ms, end_ms)
        end_ms, length_ms = begin_ms, length_ms * 4


def _read_cursor(cursor: str) -> tuple[int, str]:
    time, colon, event_id = cursor.partition(":")
    if not colon or not time.isdecimal():
        raise QuestionError(f"{shown(cursor)} is no cursor: give the one that came with the page before")
    return int(time), event_id


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
    adjusted = f"(SELECT event_id, event_time, cost_nano AS now_nano FROM cost_adjustments_latest WHERE {_WITHIN}) AS a"  # noqa: S608 (names of ours)
    now = "if(a.event_id = '', c.cost_nano, a.now_nano)"
    joined = f"LEFT JOIN {adjusted} ON a.event_id = c.event_id AND a.event_time = c.event_time"
    return _most(ask, period, where, limit, now, f"{now} IS NOT NULL", joined)


def _most(
    ask: Ask, period: Period, where: Where | None, limit: int, number: str, condition: str, joined: str = ""
) -> list[StoredCall]:
    """Those of which a number is largest.

    Args:
        number, condition: expressions on `calls AS c`, and on what is `joined`.
    """
    rows, parameters = calls_within(period, where)
    # Few columns of many calls first, then all columns of few.
    found = ask(
        f"SELECT c.service, c.model, c.event_id, toUnixTimestamp64Milli(c.ts) FROM {rows} AS c {joined} "  # noqa: S608 (names of ours)
        f"WHERE {condition} AND {NO_STEPS} ORDER BY {number} DESC, c.event_id LIMIT {{limit:UInt32}}",
        parameters | {"limit": limit},
    ).rows
    if not found:
        return []
    services, models, ids, starts = zip(*found, strict=True)
    of_key = (
        "service IN {services:Array(String)} AND model IN {models:Array(String)} AND event_id IN {ids:Array(String)} "
        f"AND ts IN ({', '.join(at(int(ms)) for ms in starts)})"
    )
    sql = f"SELECT {CALL_COLUMNS} FROM (SELECT * FROM calls FINAL PREWHERE {of_key} WHERE {_WITHIN})"  # noqa: S608 (names of ours)
    key = {"services": sorted(set(services)), "models": sorted(set(models)), "ids": list(ids)}
    calls = priced(ask, read(ask, StoredCall, sql, parameters | key))
    by_key = {(call.service, call.model, call.event_id, call.start_ms): call for call in calls}
    return [by_key[service, model, event_id, int(ms)] for service, model, event_id, ms in found]
