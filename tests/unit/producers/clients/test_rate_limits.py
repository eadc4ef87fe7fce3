"""Rate limits are read from headers of either library."""

from __future__ import annotations

import pytest

from callgauge.clients.rate_limits import rate_limits_of


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({}, {}),
        ({"x-ratelimit-limit-requests": "60"}, {"rate_limit_limit_requests": 60}),
        ({"x-ratelimit-remaining-tokens": "-1"}, {}),
        ({"x-ratelimit-remaining-tokens": "12.5"}, {}),
        ({"x-ratelimit-remaining-tokens": "٣"}, {}),
        ({"anthropic-ratelimit-requests-remaining": "7"}, {"rate_limit_remaining_requests": 7}),
        ({"anthropic-ratelimit-input-tokens-limit": "9"}, {"rate_limit_limit_tokens": 9}),
        (
            {"anthropic-ratelimit-input-tokens-limit": "9", "anthropic-ratelimit-tokens-limit": "8"},
            {"rate_limit_limit_tokens": 8},
        ),
    ],
)
def test_rate_limits(headers: dict[str, str], found: dict[str, int]) -> None:
    """What is no number is left out; Anthropic's tightest limit counts."""
    assert rate_limits_of(headers) == found
