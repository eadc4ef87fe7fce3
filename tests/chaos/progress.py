"""What the workers say of themselves: the progress records of the windows topic, in the order of its log."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from callgauge.codec import decode_window_record
from callgauge.settings import Settings
from tests.chaos.log_clock import Told
from tests.chaos.pipeline import quiet

__all__ = ["Entry", "ProgressLog", "recovery_s"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One progress record: of which process, when it was appended, and how far each of its partitions is."""

    pid: int
    at: float
    sources: dict[int, Told]


class ProgressLog:
    """Follows one partition of the windows topic; progress is in each of them."""

    def __init__(self, settings: Settings) -> None:
        self._consumer = Consumer(quiet(settings) | {"group.id": "unused", "enable.auto.commit": False})
        self._consumer.assign([TopicPartition(settings.topics.windows.name, 0, 0)])
        self.entries: list[Entry] = []

    def read(self) -> ProgressLog:
        """Read the records that have arrived since the last call."""
        while messages := self._consumer.consume(10_000, timeout=0.05):
            for message in messages:
                value = message.value()
                if value and b'"kind":"progress"' in value[:40]:
                    self.entries.append(_entry(decode_window_record(value), message.timestamp()[1] / 1000))
        return self

    def close(self) -> None:
        self._consumer.close()

    def told(self) -> Iterator[Told]:
        """All progress of all sources so far."""
        return (told for entry in self.entries for told in entry.sources.values())

    def worked(self, pid: int, busy: Collection[int]) -> bool:
        """Whether this process has counted something: a partition has moved on in its own words. One that holds none of
        the `busy` partitions has nothing to count."""
        own = [entry.sources for entry in self.entries if entry.pid == pid and entry.sources]
        first: dict[int, int] = {}
        moved = any(
            told.next_offset > first.setdefault(p, told.next_offset) for said in own for p, told in said.items()
        )
        return moved or (bool(own) and not own[-1].keys() & set(busy))

    def told_by_others(self, pid: int, since: float) -> set[int]:
        """Partitions whose progress other processes have reported since then."""
        others = (entry.sources for entry in self.entries if entry.at > since and entry.pid != pid)
        return {partition for sources in others for partition in sources}


def recovery_s(entries: Sequence[Entry], at: float, partitions: Iterable[int]) -> float | None:
    """Seconds from `at` until each of the partitions has moved beyond its furthest offset before; None: not yet."""
    before = _reached(entry for entry in entries if entry.at <= at)
    missing, last = set(partitions), at
    for entry in entries:
        if entry.at <= at:
            continue
        moved = {p for p in missing & entry.sources.keys() if entry.sources[p].next_offset > before.get(p, 0)}
        if moved:
            missing -= moved
            last = entry.at
        if not missing:
            return last - at
    return None


def _reached(entries: Iterable[Entry]) -> dict[int, int]:
    reached: dict[int, int] = {}
    for entry in entries:
        for partition, told in entry.sources.items():
            reached[partition] = max(reached.get(partition, 0), told.next_offset)
    return reached


def _entry(progress: Any, at: float) -> Entry:
    """`worker` ends in the process id, `source` in the partition; of the sources those of calls."""
    sources = {}
    for source in progress.sources:
        if source.holds == "calls":
            partition = int(source.source.rpartition("/")[2])
            sources[partition] = Told(partition, source.next_offset, source.watermark_ms)
    return Entry(int(progress.worker.rpartition("-")[2]), at, sources)
