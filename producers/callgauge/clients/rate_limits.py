"""Rate limits, as the headers of an answer tell them."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["rate_limits_of"]

#: Field -> the headers that tell it; the first that is there counts. Anthropic's plain tokens are the tightest limit.
_HEADERS = {
    f"rate_limit_{kind}_{what}": (
        f"x-ratelimit-{kind}-{what}",
        f"anthropic-ratelimit-{what}-{kind}",
        *([f"anthropic-ratelimit-input-tokens-{kind}"] if what == "tokens" else []),
    )
    for kind in ("limit", "remaining")
    for what in ("requests", "tokens")
}


def rate_limits_of(headers: Mapping[str, str]) -> dict[str, int]:
    """The rate limits in headers whose names are read whatever their case; what is no number is left out.

    >>> rate_limits_of({"x-ratelimit-remaining-tokens": "149984"})
    {'rate_limit_remaining_tokens': 149984}
    """
    found: dict[str, int] = {}
    for field, names in _HEADERS.items():
        text = next((value for name in names if (value := headers.get(name)) is not None), "")
        if text.isascii() and text.isdecimal():
            found[field] = int(text)
    return found
