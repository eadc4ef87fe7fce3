"""Answers of OpenAI's embeddings."""

from __future__ import annotations

from typing import Any

from callgauge.clients.parts import part
from callgauge.clients.said import Said

__all__ = ["EmbeddingsAnswer"]


class EmbeddingsAnswer:
    """See `Answer`. There is no output and no finish reason, and no stream."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self.ended = False
        self.said: Said | None = None

    def take(self, body: Any) -> None:
        """See `Answer.take`."""
        found = {"response_model": part(body, "model"), "input_tokens": part(body, "usage", "prompt_tokens")}
        self.fields |= {name: value for name, value in found.items() if value is not None}
        self.ended = True

    def take_chunk(self, chunk: Any) -> bool:
        """See `Answer.take_chunk`."""
        return False
