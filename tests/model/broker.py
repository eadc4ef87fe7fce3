"""The cluster: the partitions of the calls topic, the group's coordinator, and the windows topic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiokafka.errors import CommitFailedError
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.types import TP

from callgauge_streams.bus.commit_note import CommitNote
from tests.as_sent import read_records
from tests.model.log import Log

__all__ = ["Cluster", "Commit", "Coordinator"]


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit that the coordinator has accepted."""

    source: str
    offset: int
    note: CommitNote
    sent: tuple[int, ...]
    """How many records each partition of the windows topic had then."""


@dataclass
class Coordinator:
    """What the group has committed, and who may commit."""

    generation: int = 0
    assigned: dict[str, list[TP]] = field(default_factory=dict)
    """Member -> its partitions, in this generation."""
    committed: dict[TopicPartition, OffsetAndMetadata] = field(default_factory=dict)

    def rebalance(self, members: list[str], tps: list[TP]) -> None:
        """A new generation; who is not named is no member any more."""
        self.generation += 1
        self.assigned = {member: tps[at :: len(members)] for at, member in enumerate(members)}

    def commit(self, member: str, generation: int, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """Take a commit; as in Kafka, the member and its generation are looked at, not its partitions.

        Raises:
            CommitFailedError: it is not a member of this generation.
        """
        if member not in self.assigned or generation != self.generation:
            raise CommitFailedError(f"{member} of generation {generation}, now {self.generation}")
        self.committed.update(offsets)


@dataclass
class Cluster:
    """All that outlives a worker."""

    logs: dict[TP, Log]
    origin: str
    windows: list[list[Any]]
    """Decoded records of each partition of the windows topic."""
    now: float
    coordinator: Coordinator = field(default_factory=Coordinator)
    retired: list[Log] = field(default_factory=list)
    """Logs of topics that were deleted."""
    commits: list[Commit] = field(default_factory=list)

    def commit(self, member: str, generation: int, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """A commit reaches the coordinator."""
        self.coordinator.commit(member, generation, offsets)
        sent = tuple(map(len, self.windows))
        for tp, committed in offsets.items():
            note = CommitNote.decode(committed.metadata)
            self.commits.append(Commit(self.logs[TP(*tp)].source, committed.offset, note, sent))

    def send(self, partition: int, value: bytes) -> None:
        """A record reaches the windows topic."""
        self.windows[partition] += read_records(value)
