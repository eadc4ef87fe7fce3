"""What a measured call learns from the answer, whichever API it is of."""

from __future__ import annotations

from typing import Any, Protocol

from callgauge.clients.parts import part
from callgauge.clients.said import Said

__all__ = ["Answer", "openai_tokens"]


class Answer(Protocol):
    """Reads one answer, whole or chunk by chunk.

    Attributes:
        fields: what is known of the call so far, by the names of `Call`.
        ended: whether the answer has come to the end that the provider gave it.
        said: gathers what the model writes; None: nobody wants it.
    """

    fields: dict[str, Any]
    ended: bool
    said: Said | None

    def take(self, body: Any) -> None:
        """Read a whole answer."""

    def take_chunk(self, chunk: Any) -> bool:
        """Read one chunk of a stream. True if it brings something that the model wrote."""


def openai_tokens(usage: Any, read: str, written: str) -> dict[str, Any]:
    """The token counts in a usage of OpenAI, which counts cached tokens inside the input, as we do.

    Args:
        read, written: what the API calls the two sides: prompt and completion, or input and output.
    """
    found = {
        "input_tokens": part(usage, f"{read}_tokens"),
        "output_tokens": part(usage, f"{written}_tokens"),
        "cache_read_tokens": part(usage, f"{read}_tokens_details", "cached_tokens"),
        "cache_write_tokens": part(usage, f"{read}_tokens_details", "cache_write_tokens"),
        "reasoning_tokens": part(usage, f"{written}_tokens_details", "reasoning_tokens"),
    }
    return {name: count for name, count in found.items() if count is not None}
