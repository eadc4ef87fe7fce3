"""Draws the calls of one service in one slot of time, as they are when nothing is wrong."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import Any

import numpy as np

from callgauge_load.made.arrivals import arrivals, traffic_at
from callgauge_load.made.batch import CANCELLED, ERROR, ERROR_TYPES, FINISHES, SUCCESS, Array, Batch
from callgauge_load.made.figures import FIGURES
from callgauge_load.made.weather import wavering
from callgauge_load.made.world import Service, World

__all__ = ["calls_of", "token_lengths"]

# Failures of a quiet day: which, how often among them, with what HTTP status, after how long (median ms).
_FAILURES = (
    ("provider_down", 0.3, 503, 1_500.0),
    ("rate_limit", 0.25, 429, 200.0),
    ("timeout", 0.2, -1, 60_000.0),
    ("invalid_response", 0.15, 200, 4_000.0),
    ("content_filter_blocked", 0.1, 400, 700.0),
)
_CANCELLED_SHARE = 0.008
# How much speeds waver, quickly and slowly, and the share of failures, which come in bunches: assumed.
_SPEED_QUICK, _SPEED_SLOW, _FAILURES_QUICK = 0.08, 0.08, 0.7
# TTFT by traffic relative to the mean: as measured from there on, a little less below.
_LOAD = np.array([[0.0, 0.8], *FIGURES["load"]])


def calls_of(world: World, number: int, slot: int, start_s: float, end_s: float, run: str) -> Batch:
    """The calls of service `number` that begin in the slot [start_s, end_s): a function of its arguments alone.

    Args:
        run: makes the event ids those of this run.
    """
    service = world.services[number]
    rng = np.random.default_rng([world.seed, 2, number, slot])
    start = arrivals(service, start_s, end_s, rng)
    n = len(start)
    route = np.array(service.routes)[rng.choice(len(service.routes), n, p=service.route_shares)]
    input_tokens, output_tokens = (token_lengths(service.workload, name, rng.random(n)) for name in ("input", "output"))
    stream = rng.random(n) < service.stream_share
    load = traffic_at(service, start) / service.per_s
    ttft, latency = _speeds(world, route, output_tokens, load, rng)
    slowness = _slowness(world, service, route, start)
    prompt_cached = rng.random(n) < service.prompt_cache_share
    high = int.from_bytes(blake2b(f"{run} {number} {slot}".encode(), digest_size=8).digest(), "big")
    drawn = Batch(
        id_high=np.full(n, high, dtype=np.uint64),
        id_low=np.arange(n, dtype=np.uint64),
        start_s=start,
        skew_s=np.zeros(n),
        latency_ms=latency * slowness,
        ttft_ms=np.where(stream, ttft * slowness, np.nan),
        service=np.full(n, number),
        route=route,
        answered=route,
        feature=_zipf(len(service.features), 1.0, rng.random(n)),
        version=(rng.random(n) < 0.8).astype(np.int64),
        user=_zipf(service.users, service.user_exponent, rng.random(n)),
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cache_read_tokens=np.where(prompt_cached, (input_tokens * rng.uniform(0.5, 0.9, n)).astype(np.int64), 0),
        reasoning_tokens=(output_tokens * 0.6).astype(np.int64) if "r1" in service.workload else np.full(n, -1),
        cost_usd=np.full(n, np.nan),
        status=np.full(n, SUCCESS),
        error=np.zeros(n, dtype=np.int64),
        http_status=np.full(n, 200),
        finish=rng.choice([FINISHES.index(name) for name in ("stop", "tool_calls", "length")], n, p=[0.85, 0.12, 0.03]),
        stream=stream,
        cache_hit=np.zeros(n, dtype=np.bool_),
        retries=(rng.random(n) < 0.01).astype(np.int64),
        limit_used=np.clip(0.3 * load + rng.normal(0, 0.02, n), 0.0, 0.85),
        quality=np.where(rng.random(n) < service.judged_share, rng.beta(18, 3, n), np.nan),
    )
    return _failing(_from_cache(drawn, service, rng), service, rng)


def token_lengths(workload: str, name: str, shares: Array) -> Array:
    """Token counts at these shares (0..1) of the workload's distribution: its quantiles, linear in ln between them."""
    quantiles = np.log(np.maximum(FIGURES["tokens"][workload][name], 1))
    lengths: Array = np.exp(np.interp(shares, np.linspace(0, 1, len(quantiles)), quantiles))
    return lengths.astype(np.int64)


def _speeds(world: World, route: Array, output_tokens: Array, load: Array, rng: Any) -> tuple[Array, Array]:
    """(TTFT, latency) in ms: latency = TTFT + (output - 1) * time between tokens; TTFT grows with the load."""
    keys = ("ttft_ms", "ttft_sigma", "token_ms", "token_sigma")
    speed = np.array([[each.speed[key] for key in keys] for each in world.routes])[route]
    factor = np.interp(load, _LOAD[:, 0], _LOAD[:, 1])
    ttft = speed[:, 0] * factor * rng.lognormal(0, speed[:, 1])
    return ttft, ttft + np.maximum(output_tokens - 1, 0) * speed[:, 2] * rng.lognormal(0, speed[:, 3])


def _slowness(world: World, service: Service, route: Array, at_s: Array) -> Array:
    """How many times as slow as usual the route of each call is."""
    factors = np.ones(len(route))
    for number in service.routes:
        own = route == number
        factors[own] = wavering(world.routes[number].noise, at_s[own], _SPEED_QUICK, _SPEED_SLOW)
    return factors


def _from_cache(batch: Batch, service: Service, rng: Any) -> Batch:
    hit = rng.random(len(batch)) < service.answer_cache_share
    latency = rng.uniform(4, 25, len(batch))[hit]
    return batch.put(hit, cache_hit=True, latency_ms=latency, ttft_ms=np.nan, cache_read_tokens=0)


def _failing(batch: Batch, service: Service, rng: Any) -> Batch:
    n = len(batch)
    left = (rng.random(n) < _CANCELLED_SHARE) & ~batch.cache_hit
    batch = batch.put(left, status=CANCELLED, finish=0, http_status=-1, quality=np.nan)
    share = service.error_share * wavering(service.noise + 1, batch.start_s, _FAILURES_QUICK)
    failed = (rng.random(n) < share) & ~batch.cache_hit & ~left
    which = rng.choice(len(_FAILURES), n, p=[share for _, share, _, _ in _FAILURES])[failed]
    median = np.array([ms for _, _, _, ms in _FAILURES])[which]
    return batch.put(
        failed,
        status=ERROR,
        error=np.array([ERROR_TYPES.index(name) for name, *_ in _FAILURES])[which],
        http_status=np.array([http for _, _, http, _ in _FAILURES])[which],
        latency_ms=median * rng.lognormal(0, 0.1, len(which)),
        **NOTHING,
    )


#: What a failed call does not have.
NOTHING: dict[str, Any] = {
    "ttft_ms": np.nan,
    "output_tokens": -1,
    "reasoning_tokens": -1,
    "cache_read_tokens": 0,
    "finish": 0,
    "quality": np.nan,
}


def _zipf(count: int, exponent: float, shares: Array) -> Array:
    """Places 0..count-1 with chances proportional to 1 / (place + 1)^exponent."""
    return np.searchsorted(_zipf_sums(count, exponent), shares)


@lru_cache(maxsize=1_024)
def _zipf_sums(count: int, exponent: float) -> Array:
    sums = np.cumsum(1.0 / np.arange(1, count + 1) ** exponent)
    return sums / sums[-1]  # type: ignore[no-any-return]
