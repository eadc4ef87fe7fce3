"""Batches in the place of records: aiokafka's own loop gives the same offsets, and keeps the same position."""

from __future__ import annotations

import asyncio
import gc
import struct
import weakref
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchResult, PartitionRecords
from aiokafka.consumer.subscription_state import Assignment
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from callgauge_streams.bus.record_batches import _KeptBytes, _Results, records_of
from callgauge_streams.bus.records import Records

TP_ = TopicPartition("calls", 0)
COMPRESSIONS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}


def batch(
    first: int,
    count: int,
    *,
    compression: int = 0,
    producer: int = -1,
    transactional: bool = False,
    headers: Sequence[tuple[str, bytes | None]] = (),
) -> bytes:
    """An encoded batch whose records begin at offset `first`: keys and values of all sorts."""
    builder = DefaultRecordBatchBuilder(2, compression, int(transactional), producer, 0, 0, 1 << 20)
    for at in range(count):
        number = first + at
        key = None if number % 3 == 0 else b"k" * (number % 200)
        value = None if number % 7 == 6 else b"value %d" % number * (number % 50)
        # Timestamps go back and forth.
        builder.append(at, 1_700_000_000_000 + number * (-1) ** at * 977, key, value, list(headers))
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
    records = PartitionRecords(TP_, _KeptBytes(data), aborted or [], position, None, None, True, READ_COMMITTED)
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
    headers = [("a", b"b"), ("c", None)]
    data = batch(10, 5, compression=compression) + batch(20, 200, compression=compression, headers=headers)
    bare, _ = result_of(data, 10)
    records = bare.getall()
    columns, positions = read(data, 10)
    found = Records.joined(columns)
    assert found.offsets.tolist() == [r.offset for r in records] == [*range(10, 15), *range(20, 220)]
    assert found.timestamps_ms.tolist() == [r.timestamp for r in records]
    assert found.values() == [r.value for r in records]
    assert positions[0] == 15
    assert positions[-1] == 220


def test_a_response_is_freed_as_soon_as_it_is_read() -> None:
    """It is in no reference circle: the garbage collector, which comes by rarely, is not needed."""
    result, _ = result_of(batch(0, 200), 0)
    results = _Results()
    results[TP_] = result
    held = weakref.ref(result._partition_records)
    gc.disable()
    try:
        while result.has_more():
            result.getall(1)
        del results[TP_], result
        assert held() is None
    finally:
        gc.enable()


def test_a_seek_into_the_middle_of_a_batch() -> None:
    columns, positions = read(batch(10, 5) + batch(15, 2), 13)
    assert [c.offsets.tolist() for c in columns] == [[13, 14], [15, 16]]
    assert positions[-1] == 17


def test_aborted_transactions_are_skipped_and_the_position_passes_them() -> None:
    data = batch(0, 3, producer=7, transactional=True) + batch(3, 2) + batch(5, 2, producer=7, transactional=True)
    columns, positions = read(data, 0, [(7, 0)])
    assert [c.offsets.tolist() for c in columns] == [[3, 4]]
    assert positions[-1] == 7


def test_a_corrupt_batch_is_an_error() -> None:
    data = bytearray(batch(0, 3))
    data[-2] ^= 1
    with pytest.raises(CorruptRecordException):
        read(bytes(data), 0)


def test_the_broker_s_time_counts_for_all_records_of_a_batch() -> None:
    data = bytearray(batch(0, 3))
    data[22] |= 0x08  # LogAppendTime; the CRC is not looked at here
    struct.pack_into(">q", data, 35, 42)
    assert records_of(memoryview(data), 0).timestamps_ms.tolist() == [42, 42, 42]


@pytest.mark.parametrize(
    ("at", "value"), [(57 + 3, 4), (57 + 3, 2), (57, 0x7F), (61, 0x7E), (61, 0xFF), (66, 0x7E), (16, 1)]
)
def test_a_batch_that_is_not_what_its_header_says_is_an_error(at: int, value: int) -> None:
    """More or fewer records than told, lengths that lead elsewhere, or an old format."""
    data = bytearray(batch(0, 3))
    data[at] = value
    with pytest.raises(CorruptRecordException):
        records_of(memoryview(data), 0)


@pytest.mark.parametrize("codec", [1, 2, 3, 4, 5])
def test_a_batch_that_cannot_be_decompressed_is_an_error_that_names_it(codec: int) -> None:
    """Its checksum may be right all the same: a producer wrote it so."""
    data = bytearray(batch(70, 3))
    data[22] |= codec
    with pytest.raises(CorruptRecordException, match="offset 70"):
        records_of(memoryview(data), 0)
