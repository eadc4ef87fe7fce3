"""Reads the horizon: the records before a start whose ids are still needed to recognise duplicates. They are read
outside of the consumer group, for their ids only. A worker that takes a block over must know these ids, or it would
count other events than the worker before.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from confluent_kafka import Consumer

from callgauge.settings import Settings
from callgauge_streams.bus.reader import PartitionHead, open_reader, read_range
from callgauge_streams.bus.records import Records

__all__ = ["read_horizon"]

# Where the broker does not stamp records, producers' clocks may differ by as much as the horizon is long.
_CLOCKS_FACTOR = 2
_PIECE = 4_096


def read_horizon(settings: Settings, topic: str, partition: int, start: int) -> Iterator[Records]:
    """The records at most `dedup_offsets` and twice `dedup_s` of append time before `start`, a piece at a time.

    Raises:
        BrokerError: the broker refused or did not answer.
    """
    if not settings.dedup_offsets:
        return
    with open_reader(settings) as consumer:
        begin = _begin(settings, consumer, topic, partition, start)
        records = read_range(consumer, topic, partition, begin, start)
        while piece := list(islice(records, _PIECE)):
            yield Records.of(*zip(*piece, strict=True))


def _begin(settings: Settings, consumer: Consumer, topic: str, partition: int, start: int) -> int:
    log = PartitionHead(consumer, topic, partition)
    begin = max(log.start, start - settings.dedup_offsets)
    newest = log.first_from(start - 1) if begin < start else None
    if newest is None:  # the log ends with a hole: the number of offsets alone decides
        return begin
    since = log.first_at(newest.timestamp_ms - round(_CLOCKS_FACTOR * settings.dedup_s * 1000))
    return begin if since is None else max(begin, min(since, start))
