"""What a Gauge offers to make traces of."""

from __future__ import annotations

from abc import ABC, abstractmethod

from callgauge.operations import CHAIN, EXECUTE_TOOL, RETRIEVAL
from callgauge.spans import Measuring, SpanMaker
from callgauge.timing import TimedCall, current, last_call
from callgauge.trace_context import format_traceparent

__all__ = ["Tracing"]


class Tracing(ABC):
    """A part of `Gauge`."""

    @abstractmethod
    def _for_spans(self) -> Measuring:
        """What spans are measured and emitted by."""

    @property
    def trace(self) -> SpanMaker:
        """The whole of a request: a new trace, or that of `traceparent`. See `SpanMaker` for how to use it."""
        return SpanMaker(CHAIN, self._for_spans(), begins_trace=True)

    @property
    def chain(self) -> SpanMaker:
        """A step of the trace that this thread or task is in."""
        return SpanMaker(CHAIN, self._for_spans())

    @property
    def retrieval(self) -> SpanMaker:
        """A search for documents, a step of the trace that this thread or task is in."""
        return SpanMaker(RETRIEVAL, self._for_spans())

    @property
    def tool(self) -> SpanMaker:
        """A tool that is run, a step of the trace that this thread or task is in."""
        return SpanMaker(EXECUTE_TOOL, self._for_spans())

    @property
    def current(self) -> TimedCall | None:
        """The innermost call or span whose block, or decorated function, this thread or task is in."""
        return current()

    @property
    def last_call(self) -> TimedCall | None:
        """The call that ended last in this thread or task, also one of an instrumented client: for its `ref`."""
        return last_call()

    @property
    def traceparent(self) -> str:
        """The W3C header for requests that are made here; "" outside of any span."""
        inside = current()
        return format_traceparent(inside.scope) if inside is not None and inside.scope is not None else ""
