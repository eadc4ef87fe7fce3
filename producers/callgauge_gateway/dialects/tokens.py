"""One meaning of token counts: input includes what was cached, output includes reasoning."""

from __future__ import annotations

from typing import Any

from callgauge_gateway.dialects.marks import mark_mended

__all__ = ["normalise_tokens"]


def normalise_tokens(fields: dict[str, Any]) -> None:
    """Add what a count must include where it cannot: more was cached than the whole input, say.

    Then the emitter counted beside and not inside, as Anthropic's API does. The tag `callgauge.mended` says so.
    """
    cached = _count(fields, "cache_read_tokens") + _count(fields, "cache_write_tokens")
    if cached and "input_tokens" in fields and cached > _count(fields, "input_tokens"):
        fields["input_tokens"] = _count(fields, "input_tokens") + cached
        mark_mended(fields, "input_tokens: the cached ones were not in it, and were added")
    reasoning = _count(fields, "reasoning_tokens")
    if reasoning and "output_tokens" in fields and reasoning > _count(fields, "output_tokens"):
        fields["output_tokens"] = _count(fields, "output_tokens") + reasoning
        mark_mended(fields, "output_tokens: the reasoning ones were not in it, and were added")


def _count(fields: dict[str, Any], name: str) -> int:
    value = fields.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
