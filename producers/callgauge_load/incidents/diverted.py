"""Calls that take another way: answered by fallbacks, stopped by circuit breakers, tried again and again."""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b

import numpy as np

from callgauge_load.incidents.failing import failing
from callgauge_load.incidents.kind import Hit, Kind
from callgauge_load.made.batch import ERROR, ERROR_TYPES, FALLBACK, SUCCESS, Array, Batch
from callgauge_load.made.calls import NOTHING

__all__ = ["KINDS", "copied"]

# Of calls that a breaker stops, so many have no fallback.
_STOPPED_SHARE = 0.3
# A copy of a call begins so long after it, at most.
_AFTER_S = 20.0


def _fallbacks(hit: Hit) -> Batch:
    return _diverted(hit, hit.chosen(hit.severity) & _answered(hit.batch), 1_200.0)


def _answered(batch: Batch) -> Array:
    return (batch.status == SUCCESS) & ~batch.cache_hit  # type: ignore[no-any-return]


def _diverted(hit: Hit, chosen: Array, first_ms: float) -> Batch:
    """The chosen calls fail first, for about `first_ms`; then the fallback of their route answers."""
    batch, spare = hit.batch, np.arange(len(hit.world.routes))
    for service in hit.world.services:
        spare[list(service.routes)] = service.fallback
    wait_ms = first_ms * hit.rng.lognormal(0, 0.2, int(chosen.sum()))
    return batch.put(
        chosen,
        status=FALLBACK,
        answered=spare[batch.route[chosen]],
        latency_ms=batch.latency_ms[chosen] + wait_ms,
        ttft_ms=batch.ttft_ms[chosen] + wait_ms,
    )


def _broken(hit: Hit) -> Batch:
    stopped = hit.chosen(hit.severity) & _answered(hit.batch)
    lost = stopped & hit.chosen(_STOPPED_SHARE)
    return _diverted(hit, stopped & ~lost, 1.0).put(
        lost,
        status=ERROR,
        error=ERROR_TYPES.index("provider_down"),
        http_status=-1,
        latency_ms=hit.rng.uniform(0.5, 2.0, int(lost.sum())),
        **NOTHING,
    )


def copied(hit: Hit, batch: Batch, chosen: Array, times: float) -> Batch:
    """The batch, and copies of the chosen calls, so that there are `times` as many, each a few seconds later."""
    whole, part = divmod(times - 1, 1)
    parts = [batch]
    for nth in range(1, int(whole) + 2):
        which = np.flatnonzero(chosen & hit.chosen(1.0 if nth <= whole else part))
        copy = batch.take(which)
        digest = blake2b(f"{hit.number} {nth}".encode(), digest_size=8).digest()
        after_s = np.minimum(hit.rng.uniform(0, _AFTER_S, len(copy)), 0.99 * hit.left_s[which])
        id_high = copy.id_high + np.uint64(int.from_bytes(digest, "big"))
        parts.append(replace(copy, id_high=id_high, start_s=copy.start_s + after_s))
    return Batch.joined(parts)


_half_fail = failing("provider_down", 503, 800.0)


def _retried(hit: Hit) -> Batch:
    failed = _half_fail(replace(hit, severity=0.5))
    which = (failed.status == ERROR) & ~failed.cache_hit
    failed = failed.put(which, retries=hit.rng.integers(1, 6, int(which.sum())))
    return copied(hit, failed, which, hit.severity)


KINDS = (
    Kind(
        "fallback_storm", _fallbacks, 0.6, 0.05, 1.0, "share of calls that are answered by a fallback", ("provider",),
        ("fallback_rate", "latency_p95_ms", "ttft_p95_ms"),
        "{percent} of the calls to {scope} are answered by a fallback, after a failure of their first choice."
        " Look at why the first choice fails; fallbacks may cost more.",
    ),
    Kind(
        "breaker_opens", _broken, 1.0, 0.1, 1.0, "share of calls that the breaker stops", ("provider",),
        ("fallback_rate", "error_rate", "errors", "success_rate", "error_rate.provider_down", "breaker_opens"),
        "circuit breakers for {scope} are open: {percent} of its calls go to fallbacks or fail at once. They close"
        " by themselves when it answers again.", opens_breakers=True,
    ),
    Kind(
        "retry_storm", _retried, 5.0, 1.5, 50.0, "how many calls each failing call becomes", ("service",),
        ("calls", "calls_per_s", "error_rate", "errors", "success_rate", "error_rate.provider_down", "retries_mean"),
        "{scope} sends each failing call again, {severity:g} times in all. Make its retries back off, with a limit.",
    ),
)  # fmt: skip
