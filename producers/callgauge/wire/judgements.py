"""Judgements of calls, and changes of circuit breakers: what `llm.scores` holds."""

# ruff: noqa: RUF012 (each message has its own copy of a default)

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from callgauge.wire.message import SCHEMA_VERSION, EpochSeconds, Label, Labels, Message

__all__ = ["BREAKER_OPEN", "BreakerState", "Score", "StateChange"]

#: The name under which the opens of circuit breakers are rolled up, among the scores.
BREAKER_OPEN = "breaker_open"

BreakerState = Literal["closed", "open", "half_open", "other"]


class Score(Message):
    """One judgement of a call: heuristic, judge, user feedback, business outcome. Carries its call's labels itself."""

    kind: Literal["score"] = "score"
    score_id: Annotated[str, Field(min_length=1, max_length=64)]
    ts: EpochSeconds
    name: Annotated[str, Field(min_length=1, max_length=128)]
    """What was judged: helpfulness, refusal, thumbs, ..."""
    value: Annotated[float, Field(ge=-1e6, le=1e6)]
    origin: Literal["heuristic", "judge", "user", "business", "other"] = "other"
    """Who judged."""
    event_id: Annotated[str, Field(max_length=64)] = ""
    trace_id: Label = ""
    service: Annotated[str, Field(min_length=1, max_length=256)]
    labels: Labels = {}
    """The call's labels (any of `counted.LABELS` but service). A score counts in the grouping sets whose labels are all
    here: an empty value says that the call has none, a label left out that it is not known."""
    comment: Annotated[str, Field(max_length=1024)] = ""
    sample_rate: Annotated[float, Field(ge=0, le=1)] = 1.0
    """The share of calls that are judged like this: the score stands for 1 / sample_rate calls. Counts and means in
    windows are of the sample."""
    schema_version: Annotated[int, Field(ge=1, le=1_000)] = SCHEMA_VERSION


class StateChange(Message):
    """A circuit breaker changed its state."""

    kind: Literal["state_change"] = "state_change"
    event_id: Annotated[str, Field(min_length=1, max_length=64)]
    ts: EpochSeconds
    service: Annotated[str, Field(min_length=1, max_length=256)]
    breaker: Label
    """Name of the breaker, usually the provider's."""
    from_state: BreakerState
    to_state: BreakerState
    reason: Annotated[str, Field(max_length=1024)] = ""
    labels: Labels = {}
    """As a score's; usually the provider."""
    schema_version: Annotated[int, Field(ge=1, le=1_000)] = SCHEMA_VERSION
