"""Which operation a span is: a call of a model, whose tokens count, or something around it."""

from __future__ import annotations

from typing import Any

from callgauge.operations import STEPS
from callgauge_gateway.dialects import openinference, openllmetry

__all__ = ["is_model_call", "operation_of"]

_DEFAULT = "chain"


def operation_of(fields: dict[str, Any]) -> str:
    """The operation, from the hints in a span's fields, which are taken out: OpenTelemetry's word goes first.

    Without any it is a chat if it names a model, else a chain.
    """
    named = fields.pop("_operation", None)
    openinference_kind = fields.pop("_openinference_kind", None)
    traceloop_kind = fields.pop("_traceloop_kind", None)
    request_type = fields.pop("_request_type", None)
    if isinstance(named, str):
        return named
    if isinstance(openinference_kind, str):
        return openinference.SPAN_KINDS.get(openinference_kind.upper(), _DEFAULT)
    if isinstance(request_type, str) and request_type in openllmetry.REQUEST_TYPES:
        return openllmetry.REQUEST_TYPES[request_type]
    if isinstance(traceloop_kind, str):
        return openllmetry.SPAN_KINDS.get(traceloop_kind, _DEFAULT)
    return "chat" if fields.get("model") or fields.get("response_model") else _DEFAULT


def is_model_call(operation: str) -> bool:
    """Whether a model was called: its tokens count, and cost something."""
    return operation not in STEPS
