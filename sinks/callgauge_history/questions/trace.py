"""One trace: its steps and calls as a tree, and which of them the whole waited for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from callgauge_history.questions.calls import CALL_COLUMNS, StoredCall, priced
from callgauge_history.questions.critical_path import Piece, Span, critical_path
from callgauge_history.questions.reading import read
from callgauge_history.questions.source import between
from callgauge_history.store import Ask
from callgauge_history.tiers.usage import DAY_MS

__all__ = ["Node", "Trace", "trace", "tree_of"]

_MOST_SPANS = 10_000


@dataclass(frozen=True)
class Node:
    """A step or a call of a trace.

    Attributes:
        critical_ms: how much of its own time the whole trace waited for.
    """

    call: StoredCall
    children: tuple[Node, ...]
    critical_ms: float


@dataclass(frozen=True)
class Trace:
    """A trace.

    Attributes:
        roots: what has no parent here, in order of time; usually one.
        critical_path: of the longest root: (event id, from, until) in epoch ms, in order of time.
        cost_usd, input_tokens, output_tokens: of all its calls.
    """

    trace_id: str
    roots: tuple[Node, ...]
    critical_path: tuple[Piece, ...]
    spans: int
    start_ms: int
    end_ms: int
    cost_usd: Decimal
    input_tokens: int
    output_tokens: int
    errors: int


def trace(ask: Ask, trace_id: str) -> Trace | None:
    """The trace with this id; None if nothing is stored of it. Of a larger one the first 10,000 spans are shown.

    Raises:
        StoreError: the store cannot be asked.
    """
    if not trace_id:
        return None
    days = ask(_DAYS, {"trace_id": trace_id}).rows
    within = " OR ".join(between(int(day), int(day) + DAY_MS, "event_time") for [day] in days)
    # Without a day: calls of before there was a table of them, or nothing.
    calls = _calls_of(ask, trace_id, f"({within})" if days else "1")
    return tree_of(trace_id, priced(ask, calls)) if calls else None


#: On which days a trace has calls, epoch ms.
_DAYS = """
SELECT toInt64(toUnixTimestamp(toDateTime(day, 'UTC'))) * 1000 AS start
FROM trace_days WHERE trace = sipHash64({trace_id:String}) GROUP BY day ORDER BY day"""


def _calls_of(ask: Ask, trace_id: str, within: str) -> list[StoredCall]:
    # FINAL does not use the index on trace_id, so the copies of a call are told apart here, as it does: by the key, of
    # which the one with the largest version stays. Copies of a call are of one trace.
    copies = f"SELECT *, version FROM calls WHERE {within} AND trace_id = {{trace_id:String}}"  # noqa: S608 (numbers of ours)
    sql = (
        f"SELECT {CALL_COLUMNS} FROM ({copies} ORDER BY version DESC LIMIT 1 BY service, model, ts, event_id) "  # noqa: S608 (names of ours)
        f"ORDER BY ts, event_id LIMIT {_MOST_SPANS}"
    )
    return read(ask, StoredCall, sql, {"trace_id": trace_id})


def tree_of(trace_id: str, calls: Sequence[StoredCall]) -> Trace:
    """Join calls by their spans. A call whose parent is not here, or below itself, is a root.

    Args:
        calls: at least one, in order of time.
    """
    by_id = {call.event_id: call for call in calls}
    of_span = {call.span_id: call.event_id for call in reversed(calls) if call.span_id}
    parents = {call.event_id: of_span.get(call.parent_span_id, "") for call in calls}
    children: dict[str, list[str]] = defaultdict(list)
    for event_id, parent in parents.items():
        children["" if _is_circular(event_id, parents) else parent].append(event_id)
    spans = {event_id: Span(call.start_ms, _end_ms(call)) for event_id, call in by_id.items()}
    longest = max(children[""], key=lambda key: (spans[key].end_ms - spans[key].start_ms, key))
    path = critical_path(longest, spans, children)
    waited: dict[str, float] = defaultdict(float)
    for piece in path:
        waited[piece.key] += piece.end_ms - piece.start_ms
    return Trace(
        trace_id=trace_id,
        roots=tuple(_node(key, by_id, children, waited) for key in children[""]),
        critical_path=tuple(path),
        spans=len(calls),
        start_ms=min(call.start_ms for call in calls),
        end_ms=max(call.end_ms for call in calls),
        cost_usd=sum((call.cost_usd for call in calls if call.cost_usd is not None), Decimal(0)),
        input_tokens=sum(call.input_tokens or 0 for call in calls),
        output_tokens=sum(call.output_tokens or 0 for call in calls),
        errors=sum(call.status == "error" for call in calls),
    )


def _end_ms(call: StoredCall) -> float:
    return call.start_ms + (call.latency_ms or 0.0)


def _is_circular(event_id: str, parents: dict[str, str]) -> bool:
    """Whether a call is its own ancestor: broken ids, of which one must be the root."""
    seen, at = {event_id}, parents[event_id]
    while at and at not in seen:
        seen.add(at)
        at = parents[at]
    return at == event_id


def _node(root: str, calls: dict[str, StoredCall], children: dict[str, list[str]], waited: dict[str, float]) -> Node:
    """The tree below a call, without recursion: a chain of agents may be deeper than Python's stack."""
    order, at = [root], 0
    while at < len(order):
        order += children.get(order[at], ())
        at += 1
    made: dict[str, Node] = {}
    for key in reversed(order):
        below = tuple(made[child] for child in children.get(key, ()))
        made[key] = Node(calls[key], below, waited.get(key, 0.0))
    return made[root]
