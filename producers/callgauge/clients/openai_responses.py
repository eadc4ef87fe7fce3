"""Answers of OpenAI's responses API."""

from __future__ import annotations

from typing import Any

from callgauge.clients.answer import openai_tokens
from callgauge.clients.failures import failure_of_code
from callgauge.clients.parts import items, part
from callgauge.clients.said import Said

__all__ = ["ResponsesAnswer"]

_LAST = frozenset({"response.completed", "response.failed", "response.incomplete", "response.cancelled"})


class ResponsesAnswer:
    """See `Answer`. The finish reason is the status, or the reason why the answer is incomplete."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self.ended = False
        self.said: Said | None = None

    def take(self, body: Any) -> None:
        """See `Answer.take`. One that runs in the background is answered at once, as queued and without usage."""
        self._read(body)
        if self.said is not None:
            self.said.add_blocks(items(body, "output"))
        self.ended = True

    def take_chunk(self, chunk: Any) -> bool:
        """See `Answer.take_chunk`."""
        kind = part(chunk, "type")
        if not isinstance(kind, str):
            return False
        if kind == "error":
            self.ended = True
            self.fields |= failure_of_code(part(chunk, "code"))
        elif kind in _LAST:
            self._read(part(chunk, "response"))
            self.ended = True
        elif kind == "response.created":
            if model := part(chunk, "response", "model"):
                self.fields["response_model"] = model
        else:
            self._read_said(kind, chunk)
            return kind.endswith(".delta")
        return False

    def _read_said(self, kind: str, chunk: Any) -> None:
        if self.said is None:
            return
        if kind in ("response.output_text.delta", "response.refusal.delta"):
            self.said.add(part(chunk, "delta"))
        elif kind == "response.output_item.added" and part(chunk, "item", "type") == "function_call":
            self.said.add_tool(part(chunk, "output_index"), part(chunk, "item", "name"), None)
        elif kind == "response.function_call_arguments.delta":
            self.said.add_tool(part(chunk, "output_index"), None, part(chunk, "delta"))

    def _read(self, response: Any) -> None:
        if model := part(response, "model"):
            self.fields["response_model"] = model
        self.fields |= openai_tokens(part(response, "usage"), "input", "output")
        status = part(response, "status")
        if reason := part(response, "incomplete_details", "reason") or status:
            self.fields["finish_reason"] = reason
        if status == "failed":
            self.fields |= failure_of_code(part(response, "error", "code"))
        elif status == "cancelled":
            self.fields["status"] = "cancelled"
