"""What people decide for all: rule sets, deploy marks, pinned baselines. What `llm.rules` holds."""

# ruff: noqa: RUF012 (each message has its own copy of a default)

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from callgauge.wire.message import SCHEMA_VERSION, Count, EpochSeconds, Label, Labels, Message

__all__ = ["Baseline", "CountedShare", "Mark", "RuleSet"]


class Mark(Message):
    """Something changed that people want to see beside what was measured: a deploy, a new prompt, another price."""

    kind: Literal["mark"] = "mark"
    mark_id: Annotated[str, Field(min_length=1, max_length=64)]
    effective_from: EpochSeconds
    """When it changed, in event time, epoch seconds."""
    text: Annotated[str, Field(min_length=1, max_length=1024)]
    """What changed, in a line: gpt-4o → gpt-4.1."""
    service: Label = ""
    """Whose calls it concerns; empty: everybody's."""
    labels: Labels = {}
    """Narrows that down: any of `counted.LABELS` but service."""
    author: Label = ""
    url: Annotated[str, Field(max_length=1024)] = ""
    """Where to read more: the commit, the release."""
    schema_version: Annotated[int, Field(ge=1, le=1_000)] = SCHEMA_VERSION


class CountedShare(Message):
    """Of `n` scores of one name, so many are above 0."""

    n: Count
    above_zero: Count


class Baseline(Message):
    """What answers of one kind were like in a time that is held to be good. The newest of a service, model and prompt
    version counts; later answers are compared with it (`callgauge quality drift`)."""

    kind: Literal["baseline"] = "baseline"
    service: Annotated[str, Field(min_length=1, max_length=256)]
    model: Label = ""
    """Empty: of all models of the service."""
    prompt_version: Label = ""
    """Empty: of all prompt versions."""
    since: EpochSeconds
    until: EpochSeconds
    """The answers' time: from since up to until, event time in epoch seconds."""
    chosen: Literal["hand", "mark", "quiet_week", "other"] = "hand"
    """Who chose that time: a person, the deploy mark at its end, or it is the last week without alerts."""
    shares: dict[str, CountedShare] = {}
    """refusal, hallucination_markers, ..."""
    tokens: dict[str, Count] = {}
    """Output tokens of answered calls, in OpenTelemetry's buckets of scale 3; the key of 0 is "zero"."""
    calls: Count = 0
    """Those calls."""
    mean_tokens: Annotated[float, Field(ge=0, le=1e12)] = 0.0
    set_at: EpochSeconds = 0.0
    effective_from: EpochSeconds = 0.0
    """Windows that end at this time or later are compared with it, but never those that ended before it was written."""
    author: Label = ""
    schema_version: Annotated[int, Field(ge=1, le=1_000)] = SCHEMA_VERSION


class RuleSet(Message):
    """A rule file, and from when on its rules judge: it replaces all rules that were in force before. Kept on
    `llm.rules`, each under its own version."""

    kind: Literal["rules"] = "rules"
    version: Annotated[str, Field(min_length=1, max_length=64)]
    """Names the set; of two records of one version the later one counts."""
    effective_from: EpochSeconds
    """Windows that end at this time or later are judged by it, event time in epoch seconds."""
    text: Annotated[str, Field(min_length=1, max_length=900_000)]
    """The file as it was written, YAML."""
    file: Annotated[str, Field(max_length=1024)] = ""
    """Its name, for messages."""
    author: Label = ""
    why: Annotated[str, Field(max_length=1024)] = ""
    schema_version: Annotated[int, Field(ge=1, le=1_000)] = SCHEMA_VERSION
