"""Providers that fail: down, partly down, refusing, timing out, filtering."""

from __future__ import annotations

from callgauge_load.incidents.kind import Effect, Hit, Kind
from callgauge_load.made.batch import ERROR, ERROR_TYPES, FINISHES, Batch
from callgauge_load.made.calls import NOTHING

__all__ = ["KINDS"]


def failing(
    error: str, http_status: int, median_ms: float, *, retries: int = 0, limit: bool = False, finish: str = ""
) -> Effect:
    """The effect that a share (the severity) of calls to the provider fails so."""

    def effect(hit: Hit) -> Batch:
        asked = ~hit.batch.cache_hit
        batch = hit.batch.put(asked, limit_used=1.0) if limit else hit.batch
        failed = hit.chosen(hit.severity) & asked
        spread = hit.rng.lognormal(0, 0.2 if median_ms < 60_000 else 0.005, int(failed.sum()))
        return batch.put(
            failed,
            **NOTHING
            | {
                "status": ERROR,
                "error": ERROR_TYPES.index(error),
                "http_status": http_status,
                "latency_ms": median_ms * spread,
                "retries": retries,
                "finish": FINISHES.index(finish),
            },
        )

    return effect


_down = failing("provider_down", 503, 1_500.0, retries=2)
_SHARE = "share of calls that fail"
_ERRORS = ("error_rate", "errors", "error_rate.provider_down", "success_rate", "retries_mean")

KINDS = (
    Kind(
        "provider_down", _down, 1.0, 0.5, 1.0, _SHARE, ("provider",), _ERRORS,
        "{scope} is down: {percent} of its calls fail with HTTP 503. Send its traffic to another provider.", hard=True,
    ),
    Kind(
        "provider_partial", _down, 0.3, 0.02, 0.9, _SHARE, ("provider",), _ERRORS,
        "{scope} is partly down: {percent} of its calls fail with HTTP 503, in all regions. Consider a fallback.",
        hard=True,
    ),
    Kind(
        "region_down", _down, 1.0, 0.1, 1.0, _SHARE, ("provider", "region"), _ERRORS,
        "{scope} is down: {percent} of its calls fail with HTTP 503, other regions work. Send its traffic there.",
        hard=True,
    ),
    Kind(
        "rate_limiting", failing("rate_limit", 429, 200.0, retries=2, limit=True), 0.4, 0.05, 1.0,
        "share of calls that are refused", ("provider",),
        ("error_rate", "errors", "success_rate", "error_rate.rate_limit", "rate_limited_rate", "rate_limit_used",
         "rate_limit_headroom", "retries_mean"),
        "{scope} refuses {percent} of the calls for their rate (HTTP 429). Slow down, or ask for a higher limit.",
        hard=True,
    ),
    Kind(
        "timeouts", failing("timeout", -1, 60_000.0), 0.5, 0.05, 1.0, "share of calls that time out", ("provider",),
        ("error_rate", "errors", "success_rate", "error_rate.timeout"),
        "{scope} does not answer {percent} of the calls within 60 s. Send its traffic elsewhere, or time out earlier.",
        hard=True,
    ),
    Kind(
        "content_filter", failing("content_filter_blocked", 400, 700.0, finish="content_filter"), 0.2, 0.02, 1.0,
        "share of calls that are blocked", ("service",),
        ("error_rate", "errors", "success_rate", "error_rate.content_filter_blocked"),
        "the content filter blocks {percent} of the calls of {scope}. Look for new prompts, users, or rules.",
    ),
)  # fmt: skip
