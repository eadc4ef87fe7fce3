"""Prompts and answers: what `llm.content` holds."""

# ruff: noqa: RUF012 (each message has its own copy of a default)

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from callgauge.wire.message import SCHEMA_VERSION, Count, EpochSeconds, Label, Labels, Message

__all__ = ["Content"]


class Content(Message):
    """Prompt and answer of one call: opt-in, redacted before they left the process, kept for a day on their topic."""

    event_id: Annotated[str, Field(min_length=1, max_length=64)]
    """The call's."""
    trace_id: Label = ""
    ts: EpochSeconds
    """Start of the call, epoch seconds."""
    service: Annotated[str, Field(min_length=1, max_length=256)]
    labels: Labels = {}
    """The call's labels (any of `counted.LABELS` but service)."""
    prompt: str = ""
    """Text, or the JSON of messages."""
    response: str = ""
    sample_rate: Annotated[float, Field(ge=0, le=1)] = 1.0
    """The share of traces whose content is sent: each stands for 1 / sample_rate."""
    redactions: dict[str, Count] = {}
    """How often each kind was replaced: email, card, openai_key, ..."""
    prompt_chars: Count = 0
    """How long it was, before it was redacted and cut."""
    response_chars: Count = 0
    prompt_truncated: bool = False
    response_truncated: bool = False
    schema_version: Annotated[int, Field(ge=1, le=1_000)] = SCHEMA_VERSION
