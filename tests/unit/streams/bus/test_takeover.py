"""Taking partitions over, on a fake client: what is committed, under which term, and what a rebalance forestalls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import CommitFailedError, IllegalGenerationError, IllegalStateError
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.types import TP

from callgauge_streams.bus.commit_note import CommitNote
from callgauge_streams.bus.takeover import Start, Stored, guard_commits, take_over

P0, P1 = TP("calls", 0), TP("calls", 1)
NOW = 5_000


class FakeClient:
    """A group member and its broker."""

    def __init__(self, stored: dict[TP, OffsetAndMetadata]) -> None:
        self._subscription = SimpleNamespace(reassignment_in_progress=False)
        self._coordinator = SimpleNamespace(generation=1, fetch_committed_offsets=self.fetch)
        self.stored = {TopicPartition(*tp): committed for tp, committed in stored.items()}
        self.on_commit: Callable[[], None] = lambda: None

    async def fetch(self, wanted: list[TopicPartition]) -> dict[TopicPartition, OffsetAndMetadata]:
        return {tp: self.stored[tp] for tp in wanted if tp in self.stored}

    async def commit(self, offsets: dict[TopicPartition, OffsetAndMetadata]) -> None:
        self.on_commit()
        self.stored |= offsets

    def rebalance(self) -> None:
        self._coordinator.generation += 1


async def as_stored(_: object, __: TP, stored: Stored) -> Start:
    return Start(stored.offset or 0, stored.note)


def took_over(client: FakeClient, *, with_terms: bool = True, start_of: Any = as_stored) -> dict[TP, Start]:
    return asyncio.run(take_over(client, [P0, P1], start_of, now_ms=lambda: NOW, with_terms=with_terms))


def test_the_start_is_committed_again_under_a_higher_term() -> None:
    """At first the clock's; then one more than the stored one, or the clock's again."""
    client = FakeClient({P0: OffsetAndMetadata(64, CommitNote(term=NOW + 7).encode())})
    assert {tp: start.note.term for tp, start in took_over(client).items()} == {P0: NOW + 8, P1: NOW}
    assert client.stored[TopicPartition(*P0)] == OffsetAndMetadata(64, CommitNote(term=NOW + 8).encode())
    assert client.stored[TopicPartition(*P1)] == OffsetAndMetadata(0, CommitNote(term=NOW).encode())


def test_what_was_noted_stays_noted() -> None:
    note = CommitNote(term=1, lost_from=3, counted_to=70, minute=9, epoch="e")
    client = FakeClient({P0: OffsetAndMetadata(64, note.encode())})
    assert took_over(client)[P0].note == CommitNote(term=NOW, lost_from=3, counted_to=70, minute=9, epoch="e")


@pytest.mark.parametrize("metadata", ["", None, "someone else's", '{"term": 9}', '{"of": "callgauge", "term": "x"}'])
def test_foreign_metadata_is_an_empty_note(metadata: str | None) -> None:
    client = FakeClient({P0: OffsetAndMetadata(64, metadata)})
    assert took_over(client)[P0] == Start(64, CommitNote(term=NOW))


def test_without_terms_only_a_first_start_is_committed() -> None:
    client = FakeClient({P0: OffsetAndMetadata(64, "")})
    assert took_over(client, with_terms=False) == {P0: Start(64), P1: Start(0)}
    assert client.stored[TopicPartition(*P1)] == OffsetAndMetadata(0, "")
    assert client.stored[TopicPartition(*P0)] == OffsetAndMetadata(64, "")


def test_a_rebalance_while_the_start_is_sought_commits_nothing() -> None:
    """Another member may have the partition by now, even if the new generation is complete."""

    async def start_of(_: object, __: TP, ___: Stored) -> Start:
        client.rebalance()
        return Start(64)

    client = FakeClient({})
    with pytest.raises(IllegalStateError):
        took_over(client, start_of=start_of)
    assert client.stored == {}


def test_a_refused_commit_takes_nothing_over() -> None:
    """Faust waits for the next assignment then."""

    def refuse() -> None:
        raise CommitFailedError("rebalanced")

    client = FakeClient({})
    client.on_commit = refuse
    with pytest.raises(IllegalStateError):
        took_over(client)


def test_a_rebalance_during_the_commit_takes_nothing_over() -> None:
    client = FakeClient({})
    client.on_commit = client.rebalance
    with pytest.raises(IllegalStateError):
        took_over(client)


def test_a_commit_is_not_sent_in_a_later_generation() -> None:
    """aiokafka repeats what met an error, in whatever generation it is by then."""

    async def run(active: bool, reassigning: bool) -> int:
        sent = []

        async def send(*request: object) -> None:
            sent.append(request)

        client: Any = FakeClient({})
        client._group_id = "g"
        client._coordinator._do_commit_offsets = send
        client._subscription.reassignment_in_progress = reassigning
        guard_commits(client)
        try:
            await client._coordinator._do_commit_offsets(SimpleNamespace(active=active), {})
        except IllegalGenerationError:
            assert not sent
        return len(sent)

    assert asyncio.run(run(active=True, reassigning=False)) == 1
    assert asyncio.run(run(active=False, reassigning=False)) == 0
    assert asyncio.run(run(active=True, reassigning=True)) == 0
