"""The product with one of its rules switched off: each must make wrong totals, or the model proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

from callgauge_streams.bus import takeover
from callgauge_streams.bus.commit_note import CommitNote
from callgauge_streams.bus.transport import ChunkConsumer
from callgauge_streams.rollup.app import RollupWorker
from callgauge_streams.rollup.source import resumption

__all__ = ["MUTATIONS"]


def without_terms() -> AbstractContextManager[Any]:
    """All takeovers have the same term, so a zombie's start counts."""
    return patch.object(CommitNote, "next_term", lambda note, now_ms: 1)


def without_horizon() -> AbstractContextManager[Any]:
    """The ids before the start are not known."""
    return patch.object(resumption, "read_horizon", lambda *_: iter(()))


def without_committing_the_start() -> AbstractContextManager[Any]:
    """A takeover does not commit its start, with its term, before it is told."""

    async def nothing(consumer: Any, starts: Mapping[Any, Any]) -> None:
        pass

    return patch.object(takeover, "commit_starts", nothing)


def committing_past_the_open_block() -> AbstractContextManager[Any]:
    """A chunk is let go for commit when it was counted, not when its block was sent."""
    done = ChunkConsumer.done

    def done_and_confirmed(consumer: Any, tp: Any, chunk: Any) -> None:
        done(consumer, tp, chunk)
        consumer.confirm(tp, chunk.last + 1, chunk.generation)

    return patch.object(ChunkConsumer, "done", done_and_confirmed)


@contextmanager
def without_clearing_on_revoke() -> Iterator[None]:
    """A worker goes on with the sources and safe offsets it had when it gets a partition again."""

    async def revoked(consumer: Any, tps: Any) -> None:
        consumer._thread.positions.clear()

    with (
        patch.object(RollupWorker, "forget", lambda worker, tps: None),
        patch.object(ChunkConsumer, "on_partitions_revoked", revoked),
    ):
        yield


MUTATIONS: tuple[Callable[[], AbstractContextManager[Any]], ...] = (
    without_terms,
    without_horizon,
    without_committing_the_start,
    committing_past_the_open_block,
    without_clearing_on_revoke,
)
