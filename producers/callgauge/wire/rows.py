"""Sums over the events of one block, series and window: what `llm.windows` holds beside the records of control."""

# ruff: noqa: RUF012 (each message has its own copy of a default)

from __future__ import annotations

from typing import Literal

from callgauge.wire.message import Message

__all__ = ["Histogram", "Measure", "ScoreRow", "SignedHistogram", "WindowRow"]


class Histogram(Message):
    """OpenTelemetry's exponential histogram, sparse: bucket i counts values in (base^i, base^(i+1)],
    base = 2^(2^-scale). `zero_count` counts values of 0. Buckets' keys are decimal strings (JSON has no others)."""

    scale: int
    zero_count: int = 0
    buckets: dict[str, int] = {}


class SignedHistogram(Histogram):
    """The same for values of both signs: `negative` counts -v in OpenTelemetry's buckets of negative values."""

    negative: dict[str, int] = {}


class Measure(Message):
    """One measured quantity over a row's events, in the units of `counted.MEASURES`; only things that add up."""

    count: int
    """Events that carried the quantity; those without are in the row's `n` alone."""
    sum: int
    sum_sq: int
    min: int
    max: int
    max_event_id: str
    """The event of the largest value; of several the one with the lowest offset."""
    histogram: Histogram


class WindowRow(Message):
    """Aggregates of one series over one window, from the events of one block.

    Identity = (grouping, series_id, window_start_ms, source, block, epoch); `n` is its version: keep the row with the
    largest `n` per identity, add rows of different identities. Two rows of equal identity and `n` are equal.
    """

    kind: Literal["row"] = "row"
    grouping: str
    """Canonical name of the grouping set: labels joined by commas, @, window width: "service,model@60s", "@10s"."""
    series_id: int
    """64-bit hash of grouping set and labels."""
    window_start_ms: int
    window_ms: int
    source: str
    """cluster id / topic id / partition."""
    block: int
    """The block's first offset."""
    epoch: str
    n: int
    """Events in this row."""
    labels: dict[str, str]

    errors: dict[str, int] = {}
    """Failed calls by error type ("other" where none was given)."""
    fallbacks: int = 0
    cancelled: int = 0
    """Calls that the caller stopped."""
    cache_hits: int = 0
    """Of all levels; those of calls that do not tell their level are in no other count."""
    cache_hits_exact: int = 0
    cache_hits_semantic: int = 0
    rate_limited: int = 0
    """Calls refused for their rate: error_type rate_limit or HTTP 429."""
    retries: int = 0
    finish_reasons: dict[str, int] = {}

    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    rate_limit_used_max_ppm: int = 0
    """Largest share of a rate limit seen used up (requests or tokens), in millionths."""
    measures: dict[str, Measure] = {}
    """Keys of `counted.MEASURES`; a quantity that no event carried is left out."""


class ScoreRow(Message):
    """Aggregates of one score (a name, and who judged) over one series and window, from the events of one block.

    Identity = (grouping, series_id, window_start_ms, source, block, epoch, name, origin), version `n`, as a
    `WindowRow`'s; `series_id` is that of the calls with the same labels. Changes of circuit breakers are rolled up as
    scores of the name `BREAKER_OPEN`, 1 when the breaker opened and 0 otherwise, whose origin is the breaker: `n`
    counts the changes, `sum` the opens.
    """

    kind: Literal["score_row"] = "score_row"
    grouping: str
    series_id: int
    window_start_ms: int
    window_ms: int
    source: str
    """cluster id / topic id / partition, of the scores topic."""
    block: int
    epoch: str
    name: str
    """What was judged."""
    origin: str
    """Who judged: `Score.origin`, or the breaker's name."""
    n: int
    """Scores in this row."""
    labels: dict[str, str]

    sum: int
    """Millionths, as `min` and `max`."""
    sum_sq: int
    """Millionths too: each value's square, rounded to (10⁻³)², of values cut to ±10,000."""
    min: int
    max: int
    min_event_id: str
    """The call (where none is given the score itself) of the lowest value; of several that of the lowest offset."""
    histogram: SignedHistogram
    """Of the values in millionths."""
