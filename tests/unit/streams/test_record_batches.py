"""Batches in the place of records: aiokafka's own loop gives the same offsets, and keeps the same position."""

from __future__ import annotations

import asyncio
import struct
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchResult, PartitionRecords
from aiokafka.consumer.subscription_state import Assignment
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from callgauge_streams.record_batches import _Results

TP_ = TopicPartition("calls", 0)
COMPRESSIONS = {"none": 0, "lz4": 3}


def batch(first: int, count: int, *, compression: int = 0, producer: int = -1, transactional: bool = False) -> bytes:
    """An encoded batch whose records begin at offset `first`."""
    builder = DefaultRecordBatchBuilder(2, compression, int(transactional), producer, 0, 0, 1 << 20)
    for at in range(count):
        builder.append(at, 1_700_000_000_000 + first + at, b"key", b"value %d" % (first + at), [])
    encoded = bytes(builder.build())
    return struct.pack(">q", first) + encoded[8:]  # the base offset is not part of what the CRC covers


async def _assignment(position: int) -> Assignment:
    assignment = Assignment([TP_])  # makes futures, so it wants a running loop
    assignment.state_value(TP_).seek(position)
    return assignment


def result_of(data: bytes, position: int, aborted: list[tuple[int, int]] | None = None) -> tuple[FetchResult, Any]:
    """A fetch result as the fetcher makes it, and the state of its partition."""
    assignment = asyncio.run(_assignment(position))
    state = assignment.state_value(TP_)
    records = PartitionRecords(TP_, MemoryRecords(data), aborted or [], position, None, None, True, READ_COMMITTED)
    return FetchResult(TP_, assignment=assignment, partition_records=records, backoff=0), state


def read(data: bytes, position: int, aborted: list[tuple[int, int]] | None = None) -> tuple[list[Any], list[int]]:
    """Columns, and the position after each call of getall, taking one batch at a time."""
    result, state = result_of(data, position, aborted)
    results = _Results()
    results[TP_] = result
    columns, positions = [], []
    while result.has_more():
        columns += result.getall(1)
        positions.append(state.position)
    return columns, positions


@pytest.mark.parametrize("compression", COMPRESSIONS.values(), ids=COMPRESSIONS)
def test_the_records_are_those_that_aiokafka_gives(compression: int) -> None:
    data = batch(10, 5, compression=compression) + batch(20, 3, compression=compression)
    bare, _ = result_of(data, 10)
    records = bare.getall()
    columns, positions = read(data, 10)
    assert [o for c in columns for o in c.offsets] == [r.offset for r in records] == [10, 11, 12, 13, 14, 20, 21, 22]
    assert [t for c in columns for t in c.timestamps_ms] == [r.timestamp for r in records]
    assert [v for c in columns for v in c.values] == [r.value for r in records]
    assert positions[0] == 15
    assert positions[-1] == 23


def test_a_seek_into_the_middle_of_a_batch() -> None:
    columns, positions = read(batch(10, 5) + batch(15, 2), 13)
    assert [c.offsets for c in columns] == [[13, 14], [15, 16]]
    assert positions[-1] == 17


def test_aborted_transactions_are_skipped_and_the_position_passes_them() -> None:
    data = batch(0, 3, producer=7, transactional=True) + batch(3, 2) + batch(5, 2, producer=7, transactional=True)
    columns, positions = read(data, 0, [(7, 0)])
    assert [c.offsets for c in columns] == [[3, 4]]
    assert positions[-1] == 7


def test_a_corrupt_batch_is_an_error() -> None:
    data = bytearray(batch(0, 3))
    data[-2] ^= 1
    with pytest.raises(CorruptRecordException):
        read(bytes(data), 0)
