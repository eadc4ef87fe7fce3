"""Answers that change although nothing fails: another model behind the name, a worse prompt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from callgauge_load.incidents.failing import failing
from callgauge_load.incidents.kind import Hit, Kind
from callgauge_load.made.batch import ERROR, FINISHES, SUCCESS, Batch
from callgauge_load.made.messages import QUALITY

__all__ = ["KINDS"]

# Of a swapped model's answers, so many are refusals, of so many tokens.
_REFUSED_SHARE, _REFUSAL_TOKENS = 0.15, 18


def _swapped(hit: Hit) -> Batch:
    batch = hit.batch
    answered = (batch.status == SUCCESS) & ~batch.cache_hit
    refused = answered & hit.chosen(_REFUSED_SHARE)
    shorter = np.maximum(1, (batch.output_tokens * (1 - hit.severity)).astype(np.int64))
    tokens = np.where(refused, np.minimum(batch.output_tokens, _REFUSAL_TOKENS), shorter)
    first_ms = np.where(np.isnan(batch.ttft_ms), 0.0, batch.ttft_ms)
    share = tokens / np.maximum(batch.output_tokens, 1)
    latency = first_ms + (batch.latency_ms - first_ms) * share
    reasoning = np.minimum(batch.reasoning_tokens, tokens)
    batch = batch.put(
        answered, output_tokens=tokens[answered], latency_ms=latency[answered], reasoning_tokens=reasoning[answered]
    )
    return batch.put(refused, finish=FINISHES.index("refusal"), quality=batch.quality[refused] * 0.3)


_unreadable = failing("invalid_response", 200, 4_000.0)


def _worse(hit: Hit) -> Batch:
    failed = _unreadable(replace(hit, severity=hit.severity / 3))
    judged = (failed.status != ERROR) & ~np.isnan(failed.quality)
    return failed.put(judged, quality=failed.quality[judged] * (1 - hit.severity))


KINDS = (
    Kind(
        "model_swap", _swapped, 0.5, 0.1, 0.95, "share by which answers get shorter", ("model",),
        ("output_tokens_mean", "output_tokens_p50", "output_tokens_p90", "output_tokens_p95", "output_tokens",
         "latency_p50_ms", "latency_mean_ms", "cost_mean_usd", f"score.{QUALITY}.mean"),
        "{scope} is another model than before, although its name is the same: answers are {percent} shorter and more of"
        " them are refusals. Compare qualities, pin a version, and ask the provider.", slow=True,
    ),
    Kind(
        "prompt_regression", _worse, 0.3, 0.05, 0.9, "share by which quality falls; a third of it: unreadable answers",
        ("service", "prompt_version"),
        (f"score.{QUALITY}.mean", "error_rate", "errors", "error_rate.invalid_response", "success_rate"),
        "the prompt of {scope} is worse: quality is {percent} lower, more answers cannot be read. Roll it back.",
        slow=True,
    ),
)  # fmt: skip
