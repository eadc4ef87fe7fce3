"""Scores of a call whose text nobody sent: from its length and how it ended.

They have names of their own, so that a call whose content was sent too is not counted twice.
"""

from __future__ import annotations

from callgauge_quality.cut_off import is_cut_by_reason
from callgauge_quality.length import response_length

__all__ = ["BLOCKED", "scores_without_text"]

#: Finish reasons of the providers that mean a refusal or a filter, in small letters.
BLOCKED = frozenset({"content_filter", "refusal", "safety", "recitation", "prohibited_content", "blocklist", "spii"})


def scores_without_text(finish_reason: str, response_chars: int | None) -> dict[str, float]:
    """Name -> value, in the order of `names.BY_CALL`.

    >>> scores_without_text("length", None)
    {'cut_off': 1.0, 'blocked': 0.0}
    """
    found: dict[str, float] = {}
    chars = response_length(response_chars)
    if chars is not None:
        found["response_length"] = chars
    if finish_reason:
        found["cut_off"] = float(is_cut_by_reason(finish_reason))
        found["blocked"] = float(finish_reason.lower() in BLOCKED)
    return found
