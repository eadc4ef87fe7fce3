"""Answers of Anthropic's messages.

Its `input_tokens` are those that are neither read from the cache nor written to it; ours are the sum of the three.
"""

from __future__ import annotations

from typing import Any

from callgauge.clients.parts import items, part
from callgauge.clients.said import Said

__all__ = ["MessagesAnswer"]

_INPUT = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


class MessagesAnswer:
    """See `Answer`. In a stream `message_start` has the input, and `message_delta` the stop reason and the output."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self.ended = False
        self.said: Said | None = None
        self._input: dict[str, Any] = {}

    def take(self, body: Any) -> None:
        """See `Answer.take`."""
        self._read_model(body)
        usage = part(body, "usage")
        self._read_input(usage)
        self._read_output(usage)
        self._read_stop(body)
        if self.said is not None:
            self.said.add_blocks(items(body, "content"))

    def take_chunk(self, chunk: Any) -> bool:
        """See `Answer.take_chunk`. The output that `message_start` names is a placeholder and is not taken."""
        kind = part(chunk, "type")
        if kind == "message_start":
            message = part(chunk, "message")
            self._read_model(message)
            self._read_input(part(message, "usage"))
        elif kind == "message_delta":
            usage = part(chunk, "usage")
            self._read_input(usage)
            self._read_output(usage)
            self._read_stop(part(chunk, "delta"))
        elif kind == "message_stop":
            self.ended = True
        if self.said is not None:
            self._read_said(self.said, kind, chunk)
        return bool(kind == "content_block_delta")

    def _read_said(self, said: Said, kind: Any, chunk: Any) -> None:
        if kind == "content_block_start" and part(chunk, "content_block", "type") in ("tool_use", "server_tool_use"):
            said.add_tool(part(chunk, "index"), part(chunk, "content_block", "name"), None)
        elif kind == "content_block_delta":
            said.add(part(chunk, "delta", "text"))
            if (piece := part(chunk, "delta", "partial_json")) is not None:
                said.add_tool(part(chunk, "index"), None, piece)

    def _read_model(self, message: Any) -> None:
        if model := part(message, "model"):
            self.fields["response_model"] = model

    def _read_input(self, usage: Any) -> None:
        found = {name: count for name in _INPUT if (count := part(usage, name)) is not None}
        if not found:
            return
        self._input |= found
        if all(type(count) is int for count in self._input.values()):
            self.fields["input_tokens"] = sum(self._input.values())
        for ours, theirs in (("cache_read_tokens", _INPUT[1]), ("cache_write_tokens", _INPUT[2])):
            if theirs in self._input:
                self.fields[ours] = self._input[theirs]

    def _read_output(self, usage: Any) -> None:
        if (written := part(usage, "output_tokens")) is not None:
            self.fields["output_tokens"] = written
        if (thought := part(usage, "output_tokens_details", "thinking_tokens")) is not None:
            self.fields["reasoning_tokens"] = thought

    def _read_stop(self, of: Any) -> None:
        reason = part(of, "stop_reason")
        if reason is None:
            return
        self.ended = True
        self.fields["finish_reason"] = reason
        if reason == "model_context_window_exceeded":
            self.fields |= {"status": "error", "error_type": "context_window_exceeded"}
