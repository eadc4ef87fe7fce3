"""Format: whether an answer is what a program expects: JSON, and JSON that a schema allows.

    format_valid = 1 or 0;  no score where nothing is expected

Expected is what CALLGAUGE_QUALITY_EXPECT says for the service, else JSON where the answer begins as JSON does. A block
of code around it is taken off, since every client does so. The check is exact; there is no error to measure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from callgauge_quality.text import Text

__all__ = ["Check", "format_valid", "looks_like_json"]

#: Whether a decoded value is allowed: a JSON Schema, compiled.
Check = Callable[[Any], bool]
_FENCE = re.compile(r"^```(?:json)?\s*\n(.*?)\n?```$", re.DOTALL)
_JSON = re.compile(r"[{\[]\s*[\"'{\[\]}\d\-tfn]")
_decode = msgspec.json.Decoder().decode


def looks_like_json(answer: Text) -> bool:
    """Whether it begins as JSON does, in a block of code or not; "[Yes] ..." does not."""
    return _JSON.match(_inside(answer.raw)) is not None


def format_valid(answer: Text, *, expected: bool = False, check: Check | None = None) -> float | None:
    """1 or 0; None: nothing is expected.

    Args:
        expected: JSON is.
        check: what the JSON must fulfil.

    >>> format_valid(Text('{"city": "Bern"'))
    0.0
    """
    if not expected and not looks_like_json(answer):
        return None
    try:
        value = _decode(_inside(answer.raw).encode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError):
        return 0.0
    return float(check is None or check(value))


def _inside(raw: str) -> str:
    text = raw.strip()
    found = _FENCE.match(text) if text.startswith("```") else None
    return found[1].strip() if found else text
