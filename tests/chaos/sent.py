"""Reads the windows topic: its rows, and the sums of the block summaries of each partition."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from callgauge.settings import Settings
from tests.as_sent import read_records
from tests.chaos.topic import place_of, read_topic

__all__ = ["SentWindows", "read_windows"]


@dataclass
class SentWindows:
    """The windows topic as it was read.

    Args:
        partitions: how many it has.
    """

    partitions: int
    rows: list[Any] = field(default_factory=list)
    next_offsets: dict[int, int] = field(default_factory=dict)
    """Partition -> the offset after the last record read; of those that hold something."""
    _summaries: dict[tuple[int, str, int, str], Any] = field(default_factory=dict)

    def add(self, partition: int, offset: int, record: Any) -> None:
        """The next record of a partition."""
        self.next_offsets[partition] = offset + 1
        if record.kind == "row":
            self.rows.append(record)
        elif record.kind == "summary":
            identity = (partition, record.source, record.block, record.epoch)
            known = self._summaries.get(identity)
            if known is None or record.last_offset >= known.last_offset:
                self._summaries[identity] = record

    def records_summed(self) -> int:
        """The records that blocks' summaries speak of, in the partition that has the fewest."""
        summed = dict.fromkeys(range(self.partitions), 0)
        for (partition, *_), summary in self._summaries.items():
            summed[partition] += summary.records
        return min(summed.values())


def read_windows(settings: Settings) -> SentWindows:
    """The windows topic up to its present end."""
    topic = settings.topics.windows
    sent = SentWindows(topic.partitions)
    for message in read_topic(settings, topic):
        for record in read_records(message.value()):
            sent.add(*place_of(message), record)
    return sent
