"""The stream of the growth benchmark: as many series as asked for, in events as large as asked for.

Series number k has model k % 10, service k // 10 % 10 and feature k // 100: in 10 series there is one service, in
1,000 there are ten features, in 100,000 a thousand. Every series gets as many calls as every other, in random order,
which is the worst case: real traffic has a few busy series and many quiet ones, so that an open block holds fewer.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache

from tests.bench.stream import DISTINCT, Template, provider_of, template_of
from tests.random_calls import random_calls

__all__ = ["labels_of", "wide_templates"]

_VERSIONS = 5
#: What an event smaller than its natural size does without.
_DETAILS = frozenset(
    {"rate_limit_limit_requests", "rate_limit_remaining_requests", "cache_read_tokens", "reasoning_tokens"}
    | {"stream", "retry_count"}
)
_SAMPLE = 2_000  # calls by which the natural size is known
_WORDS = tuple(f"{random.Random(number).getrandbits(24):06x}" for number in range(512))


def labels_of(number: int) -> dict[str, str]:
    """The labels of a series; no two series have the same in `service,feature,provider,model`."""
    model = f"model-{number % 10}"
    feature = number // 100
    return {
        "service": f"service-{number // 10 % 10}",
        "feature": f"feature-{feature}",
        "provider": provider_of(model),
        "model": model,
        "prompt_version": f"v{feature % _VERSIONS}",
    }


@lru_cache(maxsize=1)
def wide_templates(series: int, size_bytes: int, calls_per_s: float) -> tuple[tuple[Template, ...], float]:
    """A stretch for `repeated`, and how many seconds of event time it is.

    Args:
        series: distinct labels; all of them occur in it.
        size_bytes: mean size of a value. What is missing is filled up with a tag, which the rollup passes over.
        calls_per_s: calls that end per second of event time.

    Raises:
        ValueError: a call cannot be that small.
    """
    distinct = max(DISTINCT, series)
    span_s = distinct / calls_per_s
    numbers = [at % series for at in range(distinct)]
    random.Random(series).shuffle(numbers)
    for leave_out in (frozenset[str](), _DETAILS):
        bare = _templates(numbers[:_SAMPLE], span_s * _SAMPLE / distinct, leave_out)
        mean = sum(len(call.message(0, call.ts)[1]) for call in bare) / len(bare)
        if mean < size_bytes * 1.05:
            break
    else:
        raise ValueError(f"a call of {size_bytes} bytes: the smallest have {mean:.0f}")
    return tuple(_filled(_templates(numbers, span_s, leave_out), round(size_bytes - mean))), span_s


def _templates(numbers: Sequence[int], span_s: float, leave_out: frozenset[str]) -> list[Template]:
    """A call of each of these series, spread evenly over `span_s` seconds."""
    calls = random_calls(len(numbers), seed=1, span_s=span_s)
    return [
        template_of(call, {**labels_of(number), "latency_ms": round(call.latency_ms or 0.0, 3)}, leave_out)
        for call, number in zip(calls, numbers, strict=True)
    ]


def _filled(stretch: list[Template], missing: int) -> list[Template]:
    """Each call with a tag that makes it `missing` bytes longer; as it is where that is too few for a tag."""
    room = missing - len(',"tags":{"note":""}')
    if room < 0:
        return stretch
    rng = random.Random(room)
    words = -(-room // 7)
    notes = (" ".join(rng.choices(_WORDS, k=words))[:room].ljust(room, ".") for _ in stretch)
    return [
        call._replace(rest=f'{call.rest[:-1]},"tags":{{"note":"{note}"}}}}')
        for call, note in zip(stretch, notes, strict=True)
    ]
