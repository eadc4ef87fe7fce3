"""Which attributes may hold what people wrote or models answered. They are left out of tags, since calls hold no text.

Names decide, and length: what is unknown and long is left out too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

__all__ = ["LONGEST_TAG", "MOST_TAGS", "holds_content", "tags_of"]

#: Unknown attributes that are kept as tags: how many, and the characters of a value.
MOST_TAGS, LONGEST_TAG = 64, 256

# A part of a name, between dots, underscores and the like, that says so.
_WORDS = frozenset(
    {
        *("message", "messages", "prompt", "prompts", "completion", "completions", "content", "contents", "text"),
        *("input", "inputs", "output", "outputs", "argument", "arguments", "result", "results", "query", "question"),
        *("answer", "document", "documents", "body", "instruction", "instructions", "system_instructions", "embedding"),
        *("embeddings", "stacktrace", "traceback", "value", "values", "parameters", "definition", "definitions"),
        *("schema", "functions", "choices", "description", "explanation", "statement"),
    }
)
# Names of secrets: nobody's tag.
_SECRETS = frozenset(
    {"password", "secret", "authorization", "cookie", "credential", "credentials", "apikey", "headers"}
)
_PARTS = re.compile(r"[._\-/ \[\]]+|(?<=[a-z])(?=[A-Z])")


@lru_cache(maxsize=4_096)
def holds_content(name: str) -> bool:
    """Whether an attribute of this name may hold content or a secret.

    >>> holds_content("gen_ai.input.messages"), holds_content("gen_ai.request.temperature")
    (True, False)
    """
    parts = {part.lower() for part in _PARTS.split(name)}
    return bool(parts & (_WORDS | _SECRETS)) or {"api", "key"} <= parts


def tags_of(attributes: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """Attributes as tags, within limits and without content.

    Numbers, flags and short text are kept, lists of them as JSON; objects are left out.
    """
    tags: dict[str, str] = {}
    for name, value in attributes:
        if len(tags) >= MOST_TAGS:
            break
        if len(name) > LONGEST_TAG or holds_content(name):
            continue
        text = _text_of(value)
        if text is not None:
            tags[name] = text
    return tags


def _text_of(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (list, tuple)) and len(value) <= LONGEST_TAG:
        if any(isinstance(part, (list, tuple, Mapping)) for part in value):
            return None
        value = json.dumps(value, default=str, separators=(",", ":"), ensure_ascii=False)
    return value if isinstance(value, str) and 0 < len(value) <= LONGEST_TAG else None
