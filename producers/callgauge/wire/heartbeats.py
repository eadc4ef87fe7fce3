"""Signs of life of processes that emit calls: what `llm.heartbeats` holds."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from callgauge.wire.message import SCHEMA_VERSION, Count, EpochSeconds, Label, Message

__all__ = ["Heartbeat"]


class Heartbeat(Message):
    """A process with a Gauge is alive. Sent at its start, every few seconds, and once more when the Gauge is closed.

    Counts are of this process since `started_at`; but for what waits they only grow. It has a topic of its own, since
    it is neither a call nor a score.
    """

    instance: Annotated[str, Field(min_length=1, max_length=64)]
    """The Gauge, in this process: a forked child has another."""
    ts: EpochSeconds
    started_at: EpochSeconds
    interval_s: Annotated[float, Field(ge=0, le=1e6)] = 10.0
    """When the next one is due. A process of which nothing came for three of these is dead, or cut off."""
    service: Label = ""
    environment: Label = ""
    host: Label = ""
    process_id: Count = 0
    sdk: Label = ""
    """Version of callgauge."""
    emitted: Count = 0
    """Calls and judgements that were taken; = delivered + failed + spilled + waiting."""
    delivered: Count = 0
    """The broker has them."""
    dropped: Count = 0
    """Not taken, since the queue was full: lost."""
    invalid: Count = 0
    """Not taken, since they cannot be counted."""
    failed: Count = 0
    """Taken, but the broker never got them: lost."""
    spilled: Count = 0
    """Written to disk, to be delivered later."""
    replayed: Count = 0
    """Read from disk, also what other processes had written, and delivered."""
    replay_failed: Count = 0
    """Read from disk, but damaged, or refused by the broker: lost."""
    waiting: Count = 0
    """In memory now."""
    on_disk: Count = 0
    """On disk now, to be sent by this process."""
    closed: bool = False
    """The last one: the Gauge was closed."""
    schema_version: Annotated[int, Field(ge=1, le=1_000)] = SCHEMA_VERSION
