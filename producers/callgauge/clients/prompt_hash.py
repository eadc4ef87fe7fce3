"""A hash of what a model was asked: the same for the same prompt, in every process and whatever else the request says.

Only the hash leaves the process.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec

__all__ = ["prompt_hash", "prompt_of"]

#: What of a request is its prompt: chat completions, responses, messages, embeddings, text completions.
_PROMPT = ("messages", "instructions", "system", "input", "prompt")


def prompt_hash(body: Any) -> str:
    """32 hexadecimal digits; "" for a request without a prompt, or with one that is not JSON.

    >>> prompt_hash({"messages": [{"role": "user", "content": "hi"}], "model": "a"})
    'c9188370d465ae7d54a455afb799934d'
    """
    asked = prompt_of(body)
    if not asked:
        return ""
    try:
        return blake2b(_encode(asked), digest_size=16).hexdigest()
    except (TypeError, ValueError, RecursionError):  # something that is not JSON, such as an iterator or a file
        return ""


def prompt_of(body: Any) -> dict[str, Any]:
    """What of a request is its prompt."""
    if not isinstance(body, dict):
        return {}
    # What a caller left out is no None here, but an object of the library that says so.
    return {name: value for name in _PROMPT if isinstance(value := body.get(name), (str, list, tuple, dict))}


def _as_sent(value: Any) -> Any:
    """A message or block that a caller took from an answer, as the library sends it."""
    if hasattr(type(value), "model_dump"):
        return value.model_dump(mode="json", exclude_unset=True, by_alias=True)
    raise TypeError


# Members in the order of their names: two mappings of the same content have the same hash.
_encode = msgspec.json.Encoder(order="sorted", enc_hook=_as_sent).encode
