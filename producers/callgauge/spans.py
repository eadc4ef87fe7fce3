"""Spans: the steps of a trace around its calls, such as `with gauge.tool("search"): ...`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar, overload

from callgauge.field_reading import text_reader
from callgauge.ids import new_span_id, new_trace_id
from callgauge.inheriting import inherited
from callgauge.log_once import LogOnce
from callgauge.operations import CHAIN, EXECUTE_TOOL, RETRIEVAL
from callgauge.timing import TimedCall, current
from callgauge.trace_context import SpanContext, format_traceparent, parse_traceparent

__all__ = ["Measuring", "Span", "SpanMaker"]

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])

_text_of = text_reader(256)


class Measuring(NamedTuple):
    """What a Gauge gives to whatever measures for it."""

    emit: Callable[..., str]
    clock: Callable[[], float]
    timer: Callable[[], float]
    defaults: Mapping[str, Any]
    log: LogOnce


class Span(TimedCall):
    """One step of a trace: a context manager, and a decorator. It is emitted as a `Call` when it ends.

    Calls and spans that begin inside, in the same thread or task, become its children. A thread that is started inside
    knows nothing of it: give the span to it, and use `span.chain(...)` and the like there.

    It is measured, and fails, as `TimedCall` says.
    """

    _is_call = False

    def __init__(
        self,
        measuring: Measuring,
        fields: dict[str, Any],
        parent: SpanContext | None,
        begins_trace: bool,
        within: TimedCall | None = None,
    ) -> None:
        """`parent`: the caller's span, or that of `within`, a span of this process; both None: the current one."""
        super().__init__(measuring.emit, fields, measuring.clock, measuring.timer, measuring.defaults)
        self._measuring = measuring
        self._parent = parent
        self._begins_trace = begins_trace
        self._within = within

    @property
    def trace_id(self) -> str:
        """The id of the trace; "" before the span has begun."""
        return self.scope.trace_id if self.scope else ""

    @property
    def span_id(self) -> str:
        """The span's own id; "" before it has begun."""
        return self.scope.span_id if self.scope else ""

    @property
    def traceparent(self) -> str:
        """The W3C header for requests to other services; "" before the span has begun."""
        return format_traceparent(self.scope) if self.scope else ""

    def chain(self, name: str = "", /, **fields: Any) -> Span:
        """A step inside this span, in whatever thread."""
        return self._child(CHAIN, name, fields)

    def retrieval(self, name: str = "", /, **fields: Any) -> Span:
        """A search for documents inside this span, in whatever thread."""
        return self._child(RETRIEVAL, name, fields)

    def tool(self, name: str = "", /, **fields: Any) -> Span:
        """A tool that is run inside this span, in whatever thread."""
        return self._child(EXECUTE_TOOL, name, fields)

    def _child(self, operation: str, name: str, fields: dict[str, Any]) -> Span:
        return Span(self._measuring, {"operation": operation, "name": name, **fields}, self.scope, False, self)

    @property
    def _span(self) -> TimedCall | None:
        return self

    def _place(self) -> None:
        within = self._within
        if within is None and not self._begins_trace and (inside := current()) is not None:
            within = inside._span
        parent = self._parent or (within.scope if within is not None else None)
        own, _ = _text_of(given) if (given := self._fields.get("trace_id")) is not None else (None, None)
        trace_id = own or (parent.trace_id if parent else new_trace_id())
        self.scope = SpanContext(trace_id, new_span_id(), parent.sampled if parent else True)
        self._fields["trace_id"], self._fields["span_id"] = self.scope[:2]
        if parent is not None and parent.trace_id == trace_id:
            self._fields.setdefault("parent_span_id", parent.span_id)
            if within is not None:
                self._fields = inherited(self._fields, within._fields)

    def _another(self, function: Callable[..., Any]) -> Span:
        fields = dict(self._fields)
        fields["name"] = fields.get("name") or getattr(function, "__qualname__", type(function).__qualname__)
        return Span(self._measuring, fields, self._parent, self._begins_trace, self._within)


class SpanMaker:
    """Makes spans of one operation: `with gauge.tool("search"):`, `@gauge.tool("search")`, or just `@gauge.tool`."""

    def __init__(self, operation: str, measuring: Measuring, begins_trace: bool = False) -> None:
        self._operation = operation
        self._measuring = measuring
        self._begins_trace = begins_trace

    @overload
    def __call__(self, name: str = "", /, *, traceparent: str | None = None, **fields: Any) -> Span: ...

    @overload
    def __call__(self, function: FunctionT, /) -> FunctionT: ...

    def __call__(self, name: Any = "", /, *, traceparent: str | None = None, **fields: Any) -> Any:
        """A span, or the function that is given, with a span around each run of it.

        Args:
            name: of the step; of a decorated function by default its own.
            traceparent: the header of the request that is being served, whose trace goes on. One that is not valid is
                ignored, with a line in the log; then a new trace begins, as without one.
            fields: of the `Call` that is emitted.
        """
        parent = self._parent_of(traceparent)
        given = {"operation": self._operation, "name": "" if callable(name) else name, **fields}
        span = Span(self._measuring, given, parent, self._begins_trace or bool(traceparent))
        return span(name) if callable(name) else span

    def _parent_of(self, traceparent: object) -> SpanContext | None:
        if traceparent is None or traceparent == "":
            return None
        parent = parse_traceparent(traceparent)
        if parent is None:
            self._measuring.log.warn(
                "traceparent", "a traceparent is not valid, a new trace begins: %.80r", traceparent
            )
        return parent
