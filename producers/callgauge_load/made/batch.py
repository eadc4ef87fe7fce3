"""Calls as columns, before they are written as messages: one array per quantity, all of one length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from callgauge.schema import ErrorType
from callgauge_load.made.world import World

__all__ = [
    "CANCELLED",
    "ERROR",
    "ERROR_TYPES",
    "FALLBACK",
    "FINISHES",
    "STATUSES",
    "SUCCESS",
    "Array",
    "Batch",
    "priced",
]

Array = npt.NDArray[Any]

STATUSES = ("success", "error", "fallback", "cancelled")
SUCCESS, ERROR, FALLBACK, CANCELLED = range(4)
#: The empty one: none.
ERROR_TYPES = ("", *get_args(ErrorType))
FINISHES = ("", "stop", "length", "tool_calls", "content_filter", "refusal")

# A cache that looks for requests of the same meaning computes an embedding first: its answers take at least so long.
_SEMANTIC_MS = 12.0

# A cached token costs a tenth.
_CACHED = 0.1


@dataclass(frozen=True)
class Batch:
    """`n` calls. A number that a call does not have is NaN (floats) or -1 (whole numbers)."""

    id_high: Array
    """The two halves of the event id."""
    id_low: Array
    start_s: Array
    """Epoch seconds, by a true clock."""
    skew_s: Array
    """What the emitter's clock is ahead."""
    latency_ms: Array
    ttft_ms: Array
    service: Array
    """Place in `World.services`; `route` and `answered` in `World.routes`, `feature`, `version` alike."""
    route: Array
    answered: Array
    feature: Array
    version: Array
    user: Array
    input_tokens: Array
    output_tokens: Array
    cache_read_tokens: Array
    reasoning_tokens: Array
    cost_usd: Array
    status: Array
    """Place in STATUSES; `error` in ERROR_TYPES, `finish` in FINISHES."""
    error: Array
    http_status: Array
    finish: Array
    stream: Array
    cache_hit: Array
    retries: Array
    limit_used: Array
    """Share of the provider's rate limit that is used up."""
    quality: Array
    """What a judge says of the answer, 0..1."""

    def __len__(self) -> int:
        return len(self.start_s)

    @property
    def semantic(self) -> Array:
        """Of answers from the cache, whether it was one of the same meaning; shape (n,)."""
        return self.latency_ms >= _SEMANTIC_MS

    @property
    def sent_s(self) -> Array:
        """When the call ends and its event is sent, epoch seconds by a true clock."""
        return self.start_s + self.latency_ms / 1e3

    def take(self, which: Array) -> Batch:
        """Some of the calls, by a mask or by places."""
        return Batch(*(getattr(self, column.name)[which] for column in fields(self)))

    def put(self, which: Array, **values: Any) -> Batch:
        """With other values for the calls of a mask."""
        changed = {}
        for name, value in values.items():
            changed[name] = getattr(self, name).copy()
            changed[name][which] = value
        return replace(self, **changed)

    @staticmethod
    def joined(batches: Sequence[Batch]) -> Batch:
        """One after the other; at least one."""
        if len(batches) == 1:
            return batches[0]
        names = [column.name for column in fields(Batch)]
        return Batch(*(np.concatenate([getattr(batch, name) for batch in batches]) for name in names))


def priced(batch: Batch, world: World) -> Batch:
    """With `cost_usd`: by the answering model's prices, 0 for an answer from the cache, none for a failure."""
    prices = np.array([(route.input_usd, route.output_usd) for route in world.routes]) / 1e6
    of = prices[batch.answered]
    cached = np.clip(batch.cache_read_tokens, 0, batch.input_tokens)
    cost = (batch.input_tokens - (1 - _CACHED) * cached) * of[:, 0] + np.maximum(batch.output_tokens, 0) * of[:, 1]
    cost = np.where(batch.cache_hit, 0.0, cost)
    return replace(batch, cost_usd=np.where(batch.output_tokens < 0, np.nan, cost.round(9)))
