"""Answers of OpenAI's chat completions, and of the older text completions."""

from __future__ import annotations

from typing import Any

from callgauge.clients.answer import openai_tokens
from callgauge.clients.parts import first, items, part
from callgauge.clients.said import Said

__all__ = ["ChatAnswer", "is_usage_chunk"]

#: What of a delta the model wrote. Compatible servers call their reasoning by one of the last two.
_WRITTEN = ("content", "tool_calls", "refusal", "function_call", "audio", "reasoning_content", "reasoning")


class ChatAnswer:
    """See `Answer`. A stream has ended with its finish reason; usage comes after it, in a chunk without choices."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self.ended = False
        self.said: Said | None = None
        self._wrote = False

    def take(self, body: Any) -> None:
        """See `Answer.take`."""
        self._read_model(body)
        self._read_usage(body)
        self._read_finish(first(body, "choices"))
        self._read_said(first(body, "choices"), "message")

    def take_chunk(self, chunk: Any) -> bool:
        """See `Answer.take_chunk`. The chunk that only names the role brings nothing."""
        self._read_model(chunk)
        self._read_usage(chunk)
        choices = items(chunk, "choices")
        for choice in choices:
            self._read_finish(choice)
        self._read_said(first(chunk, "choices"), "delta")
        if self._wrote:
            return True
        self._wrote = any(map(_is_written, choices))
        return self._wrote

    def _read_said(self, choice: Any, where: str) -> None:
        if self.said is not None and not part(choice, "index"):  # of several answers the first
            self.said.add(part(choice, "text"))
            self.said.add_chat(part(choice, where))

    def _read_model(self, body: Any) -> None:
        if "response_model" not in self.fields and (model := part(body, "model")):
            self.fields["response_model"] = model

    def _read_usage(self, body: Any) -> None:
        if (usage := part(body, "usage")) is not None:
            self.fields |= openai_tokens(usage, "prompt", "completion")

    def _read_finish(self, choice: Any) -> None:
        if (reason := part(choice, "finish_reason")) is not None:
            self.fields.setdefault("finish_reason", reason)
            self.ended = True


def _is_written(choice: Any) -> bool:
    if part(choice, "text"):  # text completions
        return True
    delta = part(choice, "delta")
    return delta is not None and any(part(delta, name) for name in _WRITTEN)


def is_usage_chunk(chunk: Any) -> bool:
    """Whether a chunk is the one that comes only since usage was asked for."""
    return part(chunk, "choices") == [] and part(chunk, "usage") is not None
