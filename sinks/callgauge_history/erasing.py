"""Removes what is stored of a user: calls, the steps of their traces, scores, content, alerts, dead letters.

Rows that are found by the user's calls go first, the calls last: if it is interrupted, doing it again does the rest.
Windows hold no user. What the bus holds goes when its retention is over; so do rows that a sink would store from there
again, which happens only if its offsets are set back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from callgauge.errors import StoreError
from callgauge.topics import Topic, Topics
from callgauge_history.cluster import local_name
from callgauge_history.quoted import quoted
from callgauge_history.store import Ask, Parameters, QueryResult

__all__ = ["Erased", "Remaining", "erase", "found_of", "remaining"]


class _Changes(Protocol):
    def command(self, sql: str) -> None: ...
    def query(self, sql: str, parameters: Parameters | None = None) -> QueryResult: ...


@dataclass(frozen=True)
class Erased:
    """Rows of one table that are the user's."""

    table: str
    rows: int


@dataclass(frozen=True)
class Remaining:
    """A topic that may hold the user's records, and until when, epoch seconds; None: until the key is written again."""

    topic: str
    until: float | None


def _conditions(user: str) -> list[tuple[str, str, str]]:
    """What is found, in which table, and by which condition, in the order in which it is removed."""
    name = quoted(user)
    calls = f"SELECT event_id FROM calls WHERE user_id = {name}"  # noqa: S608 (quoted)
    traces = f"SELECT trace_id FROM calls WHERE user_id = {name} AND trace_id != ''"  # noqa: S608
    of_calls = f"event_id IN ({calls}) OR trace_id IN ({traces})"
    return [
        ("scores", "scores", of_calls),
        ("content", "content", of_calls),
        ("cost_adjustments", "cost_adjustments", f"user_id = {name}"),
        ("usage_1h", "usage_1h", f"user_id = {name}"),
        ("usage_1d", "usage_1d", f"user_id = {name}"),
        ("alert_actions", "alert_actions",
         f"fingerprint IN (SELECT fingerprint FROM alerts WHERE labels['user_id'] = {name})"),  # noqa: S608
        ("alerts", "alerts", f"labels['user_id'] = {name}"),
        ("dead_letters", "dead_letters", f"position(tryBase64Decode(raw), {name}) > 0"),
        ("trace_days", "trace_days", f"trace IN (SELECT sipHash64(trace_id) FROM ({traces}))"),  # noqa: S608
        ("steps of traces", "calls", f"user_id = '' AND trace_id IN ({traces})"),
        ("calls", "calls", f"user_id = {name}"),
    ]  # fmt: skip


def found_of(ask: Ask, user: str) -> list[Erased]:
    """How many rows there are of a user, as they are stored (a row that came twice may count twice).

    Raises:
        StoreError: the store cannot be asked.
    """
    return [
        Erased(what, int(ask(f"SELECT count() FROM {table} WHERE {condition}").rows[0][0]))  # noqa: S608
        for what, table, condition in _conditions(user)
    ]


def erase(store: _Changes, user: str, cluster: str = "") -> list[Erased]:
    """Remove a user's rows, and make sure that none is left. Returns how many there were.

    Args:
        cluster: the name of ClickHouse's cluster; "": a single server.

    Raises:
        StoreError: the store refused; or rows are still found, as when they are stored at the same time.
    """
    if not user:
        raise StoreError("name a user: calls without a user cannot be told apart")
    before = found_of(store.query, user)
    for (_, table, condition), found in zip(_conditions(user), before, strict=True):
        if found.rows:
            deletes = f"DELETE FROM {local_name(table, cluster)} WHERE {condition}"  # noqa: S608 (quoted)
            store.command(f"{deletes} SETTINGS lightweight_deletes_sync = 2")  # returns when every replica has done it
    left = [each for each in found_of(store.query, user) if each.rows]
    if left:
        told = ", ".join(f"{each.rows} in {each.table}" for each in left)
        raise StoreError(f"rows of this user are still there ({told}): are calls of the user still coming? Erase again")
    return before


def remaining(ask: Ask, topics: Topics, user: str, now: float) -> list[Remaining]:
    """Which topics may still hold something, judged by the user's last call that is stored; to be asked before erasing.

    Args:
        now: epoch seconds.
    """
    sql = f"SELECT count(), toUnixTimestamp64Milli(max(event_time)) FROM calls WHERE user_id = {quoted(user)}"  # noqa: S608
    [[calls, last_ms]] = ask(sql).rows
    if not int(calls):
        return []
    last = min(int(last_ms) / 1000, now)
    held: Sequence[Topic] = (topics.calls, topics.scores, topics.content, topics.dead)
    ends = [(topic.name, last + (topic.retention_ms or 0) / 1000) for topic in held]
    found = [Remaining(name, until) for name, until in ends if until > now]
    alerts = f"SELECT count() FROM alerts WHERE labels['user_id'] = {quoted(user)}"  # noqa: S608
    if int(ask(alerts).rows[0][0]):
        found.append(Remaining(topics.alerts.name, now + (topics.alerts.retention_ms or 0) / 1000))
        found.append(Remaining(topics.notified.name, None))
    return found
