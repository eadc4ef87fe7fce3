"""Single calls and traces."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, get_type_hints

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field, create_model

from callgauge_console.parts import Given
from callgauge_console.web.access import Reader
from callgauge_console.web.filters import Filter
from callgauge_console.web.problems import ProblemError
from callgauge_console.web.span import Span
from callgauge_history.questions.calls import StoredCall, find_calls
from callgauge_history.questions.period import Period
from callgauge_history.questions.trace import Node, trace

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["calls"])

_Values = list[Annotated[str, Query(max_length=256)]]


def _wire(kind: Any) -> Any:
    """Money is exact in the history, and a number in JSON."""
    return float | None if kind == Decimal | None else dict[str, str] if "Mapping" in str(kind) else kind


_FIELDS: dict[str, Any] = {name: (_wire(kind), ...) for name, kind in get_type_hints(StoredCall).items()}
#: A call as it is stored; the fields are the history's.
CallView: Any = create_model("CallView", **_FIELDS)


class CallPage(BaseModel):
    """Calls, the newest first."""

    calls: list[CallView]
    cursor: str | None = Field(description="Asks for the next page; null: this was the last.")


class SpanView(BaseModel):
    """A step or call of a trace."""

    call: CallView
    depth: int
    parent: str = Field(description="The event_id of its parent here; empty: it has none.")
    critical_ms: float = Field(description="How much of its own time the whole trace waited for.")
    critical: list[tuple[float, float]] = Field(description="When that was: from, until; epoch ms.")


class TraceView(BaseModel):
    """A trace: its spans in the order in which a tree is read."""

    trace_id: str
    start_ms: int
    end_ms: int
    errors: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    spans: list[SpanView]


@router.get("/calls")
def calls(
    parts: Given,
    grant: Reader,
    span: Span,
    where: Filter,
    user: Annotated[_Values, Query(max_length=100)] = [],  # noqa: B006
    session: Annotated[_Values, Query(max_length=100)] = [],  # noqa: B006
    status: Annotated[_Values, Query(max_length=10, description="success, error, fallback, cancelled.")] = [],  # noqa: B006
    error_type: Annotated[_Values, Query(max_length=20)] = [],  # noqa: B006
    cursor: Annotated[str | None, Query(max_length=200, description="From the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> CallPage:
    """The calls that ended in this time, with these labels, user, status; page by page."""
    more = {"user_id": user, "session_id": session, "status": status, "error_type": error_type}
    wanted = where | {name: values for name, values in more.items() if values}
    found = find_calls(parts.store.query, Period(span.start_ms, span.end_ms), wanted, cursor=cursor, limit=limit)
    return CallPage(calls=[_view(each) for each in found.calls], cursor=found.cursor)


@router.get("/traces/{trace_id:path}")
def one_trace(parts: Given, grant: Reader, trace_id: Annotated[str, Path(max_length=256)]) -> TraceView:
    """One trace: its steps and calls, and which of them the whole waited for."""
    found = trace(parts.store.query, trace_id)
    if found is None or not all(grant.sees(_labels(each)) for each, _, _ in _flat(found.roots)):
        raise ProblemError(404, f"nothing is stored of the trace {trace_id!r}")
    return TraceView(
        trace_id=found.trace_id,
        start_ms=found.start_ms,
        end_ms=found.end_ms,
        errors=found.errors,
        input_tokens=found.input_tokens,
        output_tokens=found.output_tokens,
        cost_usd=float(found.cost_usd),
        spans=[
            SpanView(
                call=_view(node.call),
                depth=depth,
                parent=parent,
                critical_ms=node.critical_ms,
                critical=[(p.start_ms, p.end_ms) for p in found.critical_path if p.key == node.call.event_id],
            )
            for node, depth, parent in _flat(found.roots)
        ],
    )


def _flat(roots: tuple[Node, ...]) -> Iterator[tuple[Node, int, str]]:
    """Each node before its children, with its depth and its parent."""
    left = [(root, 0, "") for root in reversed(roots)]
    while left:
        node, depth, parent = left.pop()
        yield node, depth, parent
        left += [(child, depth + 1, node.call.event_id) for child in reversed(node.children)]


def _labels(node: Node) -> dict[str, str]:
    return {name: value for name, value in vars(node.call).items() if isinstance(value, str)}


def _view(call: StoredCall) -> Any:
    return CallView(**dataclasses.asdict(call))
