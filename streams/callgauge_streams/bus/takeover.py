"""Takes partitions over: finds where reading begins, and commits that, so that the worker before can commit no more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiokafka
import msgspec
from aiokafka.errors import CommitFailedError, IllegalGenerationError, IllegalStateError
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers.aiokafka import ensure_aiokafka_TP
from faust.types import TP

from callgauge_streams.bus.commit_note import CommitNote
from callgauge_streams.bus.steps import Steps, note_step

__all__ = ["Start", "StartOf", "Stored", "commit_starts", "guard_commits", "take_over"]


@dataclass(frozen=True, slots=True)
class Stored:
    """The offset and note that the group has committed for a partition."""

    offset: int | None = None
    """None if the group never committed anything for this partition."""
    note: CommitNote = field(default_factory=CommitNote)


@dataclass(frozen=True, slots=True)
class Start:
    """Where reading begins, and the note to be kept with it; the note's term is this takeover's."""

    offset: int
    note: CommitNote = field(default_factory=CommitNote)

    def under(self, term: int) -> Start:
        """This start with another term in its note."""
        return Start(self.offset, msgspec.structs.replace(self.note, term=term))


#: Finds where to begin a partition, and what to note with it.
StartOf = Callable[[aiokafka.AIOKafkaConsumer, TP, Stored], Awaitable[Start]]


async def take_over(
    consumer: aiokafka.AIOKafkaConsumer,
    tps: Iterable[TP],
    start_of: StartOf,
    *,
    now_ms: Callable[[], int],
    with_terms: bool,
    steps: Steps | None = None,
) -> dict[TP, Start]:
    """Find the start of each partition and commit it under a higher term, so that the broker refuses later commits of
    the worker that had the partition before. Without terms only the very first start of a group is committed. The
    caller must seek without awaiting anything.

    Args:
        steps: told what is done now, for the watchdog.

    Raises:
        IllegalStateError: a rebalance has begun meanwhile; nothing was taken over.
    """
    generation, steps, tps = consumer._coordinator.generation, steps or Steps(), list(tps)
    everything = ", ".join(sorted("{}-{}".format(*tp) for tp in tps))
    with steps.takeover(everything):
        note_step("asking the group for what it has committed")
        stored = await _stored(consumer, tps)

    async def find(tp: TP) -> Start:
        with steps.takeover("{}-{}".format(*tp)):
            return await start_of(consumer, tp, stored[tp])

    found = dict(zip(stored, await asyncio.gather(*map(find, stored)), strict=True))
    if with_terms:
        found = {tp: start.under(stored[tp].note.next_term(now_ms())) for tp, start in found.items()}
    commits = {tp: start for tp, start in found.items() if with_terms or stored[tp].offset is None}
    _same_generation(consumer, generation)
    try:
        with steps.takeover(everything):
            note_step("committing where reading begins")
            await commit_starts(consumer, commits)
    except CommitFailedError as error:
        raise IllegalStateError(f"the group is rebalancing: {error}") from error
    _same_generation(consumer, generation)
    return found


async def _stored(consumer: aiokafka.AIOKafkaConsumer, tps: Iterable[TP]) -> dict[TP, Stored]:
    """`AIOKafkaConsumer.committed` drops the metadata."""
    wanted = {tp: ensure_aiokafka_TP(tp) for tp in tps}
    found = await consumer._coordinator.fetch_committed_offsets(list(wanted.values()))
    return {tp: _read(found.get(aiotp)) for tp, aiotp in wanted.items()}


def _read(committed: OffsetAndMetadata | None) -> Stored:
    if committed is None or committed.offset < 0:
        return Stored()
    return Stored(committed.offset, CommitNote.decode(committed.metadata))


async def commit_starts(consumer: aiokafka.AIOKafkaConsumer, starts: Mapping[TP, Start]) -> None:
    """Commit offsets with their notes.

    Raises:
        CommitFailedError: the group has rebalanced.
    """
    offsets: dict[Any, OffsetAndMetadata] = {
        ensure_aiokafka_TP(tp): OffsetAndMetadata(start.offset, start.note.encode()) for tp, start in starts.items()
    }
    if offsets:
        await consumer.commit(offsets)


def guard_commits(consumer: aiokafka.AIOKafkaConsumer) -> None:
    """Make a commit fail when the group has moved on. aiokafka repeats a commit that met an error, and may do so as a
    member of the next generation, in which the partition belongs to another worker; the broker cannot notice that."""
    commit = consumer._coordinator._do_commit_offsets

    async def in_its_generation(assignment: Any, offsets: Any) -> None:
        # No await between this check and the request, which takes the current generation.
        if not assignment.active or consumer._subscription.reassignment_in_progress:
            raise IllegalGenerationError(consumer._group_id)
        await commit(assignment, offsets)

    consumer._coordinator._do_commit_offsets = in_its_generation


def _same_generation(consumer: aiokafka.AIOKafkaConsumer, generation: int) -> None:
    """Check that no rebalance began meanwhile; until it ends the client would still accept seeks on its old
    partitions."""
    if consumer._subscription.reassignment_in_progress or consumer._coordinator.generation != generation:
        raise IllegalStateError("the group is rebalancing; positions are sought when that has ended")
