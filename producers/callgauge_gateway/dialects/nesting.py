"""Counts tokens once where spans of model calls lie inside each other.

A framework's span of a chat often has the client's own span inside it, with the same tokens. The inner one is the call;
what is around it becomes a chain, without tokens. Spans end, and are exported, from the inside outwards, so it is
enough to remember which spans have a model call in them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from callgauge_gateway.dialects.operation import is_model_call
from callgauge_gateway.dialects.span import Span
from callgauge_gateway.dialects.span_calls import TOKENS

__all__ = ["Nesting", "inside_out"]

_MOST = 100_000
_COUNTS = ("input_tokens", "output_tokens")


def inside_out(spans: list[Span]) -> list[Span]:
    """Spans in an order in which each comes before the one around it."""
    return sorted(spans, key=lambda span: (span.end_ns, -span.start_ns))


class Nesting:
    """Remembers around which model calls spans lie, of the newest hundred thousand."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._around: OrderedDict[tuple[str, str], None] = OrderedDict()

    def pass_on(self, span: Span) -> None:
        """A span that is not ours: what is around it is around what is in it."""
        if (span.trace_id, span.span_id) in self._around:
            self._remember(span)

    def count_once(self, span: Span, call: dict[str, Any]) -> None:
        """Take the tokens from a call that has another one inside it; else remember what is around it."""
        if (span.trace_id, span.span_id) in self._around:
            self._remember(span)
            if is_model_call(call["operation"]):
                call["operation"] = "chain"
                for name in TOKENS:
                    call.pop(name, None)
        elif is_model_call(call["operation"]) and _is_counted(call):
            self._remember(span)

    def _remember(self, span: Span) -> None:
        if not span.parent_span_id:
            return
        place = (span.trace_id, span.parent_span_id)
        self._around[place] = None
        self._around.move_to_end(place)
        if len(self._around) > self._most:
            self._around.popitem(last=False)


def _is_counted(call: Mapping[str, Any]) -> bool:
    """Whether it tells of tokens, or why there are none."""
    return call.get("status") == "error" or any(call.get(name) is not None for name in _COUNTS)
