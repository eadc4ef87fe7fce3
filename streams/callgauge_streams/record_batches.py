"""Lets aiokafka's fetcher hand out whole record batches as columns, instead of one Python object for each record.

aiokafka parses a batch in C and then builds a `ConsumerRecord` for every record of it, which costs more than the
parsing. Here a batch takes the place of a record: aiokafka's own code still checks CRCs, skips aborted transactions and
keeps the position, but goes round its loop once a batch. Pinned to aiokafka 0.14.0; tests hold it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import FetchResult

__all__ = ["RecordColumns", "use_batches"]


class RecordColumns:
    """Consecutive records of one partition. aiokafka takes it for one record: `offset` is that of the last."""

    __slots__ = ("offset", "offsets", "timestamps_ms", "values")

    def __init__(self, records: list[Any]) -> None:
        self.offsets: list[int] = [record.offset for record in records]
        self.timestamps_ms: list[int] = [record.timestamp for record in records]
        self.values: list[bytes | None] = [record.value for record in records]
        self.offset = self.offsets[-1]


class _Batch:
    """A batch of which one iteration is all its records from `first_offset` on."""

    def __init__(self, batch: Any, first_offset: int) -> None:
        self._batch = batch
        self._first_offset = first_offset

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[RecordColumns]:
        records = list(self._batch)
        if records and records[0].offset < self._first_offset:
            # A seek into the middle of a batch: the broker sends the whole of it.
            records = [record for record in records if record.offset >= self._first_offset]
        if records:
            yield RecordColumns(records)

    def __next__(self) -> Any:
        return next(self._batch)  # the one record of a control batch


class _Batches:
    """The batches of a fetch response for one partition."""

    def __init__(self, partition_records: Any) -> None:
        self._partition_records = partition_records
        self._batches = partition_records._records

    def has_next(self) -> bool:
        return bool(self._batches.has_next())

    def next_batch(self) -> _Batch:
        return _Batch(self._batches.next_batch(), self._partition_records.next_fetch_offset)


class _Results(OrderedDict[TopicPartition, Any]):
    """The fetcher's results by partition, each made to hand out batches as it comes in."""

    def __setitem__(self, tp: TopicPartition, result: Any) -> None:
        if isinstance(result, FetchResult):
            records = result._partition_records
            records._records = _Batches(records)
            records._consumer_record = lambda _tp, columns: columns
        super().__setitem__(tp, result)


def use_batches(fetcher: Any) -> None:
    """Make a started consumer's fetcher hand out `RecordColumns`."""
    fetcher._records = _Results()
