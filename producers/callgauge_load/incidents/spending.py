"""Calls that cost more: loops, caches that stop to work, tokens that are counted wrong."""

from __future__ import annotations

import numpy as np

from callgauge_load.incidents.diverted import copied
from callgauge_load.incidents.kind import Hit, Kind
from callgauge_load.made.batch import Batch

__all__ = ["KINDS"]

# How fast answers come that the cache gave before, ms per token.
_TOKEN_MS = 25.0


def _loop(hit: Hit) -> Batch:
    return copied(hit, hit.batch, np.ones(len(hit.batch), dtype=np.bool_), hit.severity)


def _no_cache(hit: Hit) -> Batch:
    lost = hit.chosen(hit.severity)
    tokens_ms = np.maximum(hit.batch.output_tokens, 1) * _TOKEN_MS
    batch = hit.batch.put(lost, cache_read_tokens=0)
    answered = lost & batch.cache_hit
    return batch.put(answered, cache_hit=False, latency_ms=(500.0 + tokens_ms)[answered])


def _miscounted(hit: Hit) -> Batch:
    batch = hit.batch
    wrong = (batch.output_tokens >= 0) & ~batch.cache_hit
    return batch.put(wrong, cache_read_tokens=(batch.input_tokens[wrong] * (1 + hit.severity)).astype(np.int64) + 1)


_COST = ("cost_usd", "cost_mean_usd", "cost_p95_usd")

KINDS = (
    Kind(
        "cost_loop", _loop, 10.0, 2.0, 200.0, "times as many calls", ("service", "feature"),
        (*_COST, "calls", "calls_per_s", "tokens", "input_tokens", "output_tokens"),
        "{scope} calls {severity:g} times as often as usual, and spends as much more. Look for a loop; set a budget.",
    ),
    Kind(
        "cache_collapse", _no_cache, 1.0, 0.1, 1.0, "share of cached prompts and answers that are not found any more",
        ("service",), (*_COST, "cache_hit_rate", "cached_token_share", "latency_p50_ms"),
        "the caches of {scope} do not find {percent} of what they held: calls cost more and take longer. Look at what"
        " changed at the beginning of prompts, and at the cache.",
    ),
    Kind(
        "token_bug", _miscounted, 0.5, 0.0, 10.0, "share by which cached tokens exceed the input", ("service",),
        ("token_violations", "cached_token_share", *_COST),
        "{scope} counts more cached tokens than input tokens: its costs are wrong. Mend the emitter"
        " (input_tokens includes cached ones).",
    ),
)  # fmt: skip
