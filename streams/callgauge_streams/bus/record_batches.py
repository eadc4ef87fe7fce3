"""Lets aiokafka's fetcher hand out whole record batches as columns, instead of one Python object for each record.

aiokafka parses a batch in C and then builds a `ConsumerRecord` for every record of it, which costs more than all that
rollup does with it. Here a batch takes the place of a record: aiokafka's own code still splits a response, checks CRCs,
skips aborted transactions and keeps the position, but goes round its loop once a batch; the records of a batch are
found by one compiled pass over its bytes. Pinned to aiokafka 0.14.0; tests hold it.

Format: record batches of magic 2, https://kafka.apache.org/documentation/#recordbatch
"""

from __future__ import annotations

import struct
import weakref
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import cramjam
import numpy as np
from aiokafka import TopicPartition, codec
from aiokafka.consumer import fetcher as aiokafka_fetcher
from aiokafka.consumer.fetcher import FetchResult
from aiokafka.errors import CorruptRecordException
from aiokafka.record.memory_records import MemoryRecords

from callgauge_streams.bus.records import Records
from callgauge_windows.compiled import inlined, uncounted

__all__ = ["use_batches"]

# base offset, length | attributes, last offset delta, first and largest timestamp | number of records
_LENGTH, _SUMMARY, _COUNT = struct.Struct(">qi"), struct.Struct(">hiqq"), struct.Struct(">i")
_MAGIC_AT, _ATTRIBUTES_AT, _COUNT_AT, _HEADER_BYTES = 16, 21, 57, 61
_COMPRESSION, _APPEND_TIME = 0x07, 0x08
# aiokafka's own copy what comes out once more.
_DECOMPRESS: dict[int, Callable[[memoryview], Any]] = {
    0: memoryview,
    1: codec.gzip_decode,
    2: codec.snappy_decode,
    3: cramjam.lz4.decompress,
    4: cramjam.zstd.decompress,
}


@dataclass(frozen=True, slots=True)
class _Batch:
    """What aiokafka takes for one record: the records of a batch."""

    records: Records
    offset: int
    """Offset of the last record of the batch."""


def records_of(raw: memoryview, first_offset: int) -> Records:
    """The records of an encoded batch from an offset on, not padded yet.

    Raises:
        CorruptRecordException: they do not fill the batch as its header says.
    """
    if raw[_MAGIC_AT] != 2:
        raise CorruptRecordException(f"records of message format {raw[_MAGIC_AT]}: only that of Kafka 0.11 on is read")
    base_offset, _ = _LENGTH.unpack_from(raw)
    attributes, _, first_ms, largest_ms = _SUMMARY.unpack_from(raw, _ATTRIBUTES_AT)
    (count,) = _COUNT.unpack_from(raw, _COUNT_AT)
    try:
        data = _decompressed(raw, attributes & _COMPRESSION)
    except (KeyError, ValueError, OSError, EOFError, zlib.error, cramjam.DecompressionError) as error:
        raise CorruptRecordException(f"batch at offset {base_offset} cannot be decompressed: {error!r}") from error
    if not 0 <= count <= len(data):
        raise CorruptRecordException(f"batch at offset {base_offset}: {count} records in {len(data)} bytes")
    offsets, timestamps_ms = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.int64)
    value_at = np.empty((count, 2), dtype=np.int64)
    if not _find(np.frombuffer(data, dtype=np.uint8), offsets, timestamps_ms, value_at):
        raise CorruptRecordException(f"batch at offset {base_offset}: its records do not end where they should")
    offsets += base_offset
    timestamps_ms += first_ms
    if attributes & _APPEND_TIME:
        timestamps_ms[:] = largest_ms
    records = Records(offsets, timestamps_ms, data, value_at)
    # Reading may begin in the middle of a batch; the broker sends the whole of it.
    return records.part(slice(int(np.searchsorted(offsets, first_offset)), None))


def _decompressed(raw: memoryview, codec: int) -> Any:
    return _DECOMPRESS[codec](raw[_HEADER_BYTES:])


@inlined
def _varint(data: Any, at: int) -> Any:
    """Read a zigzag varint; returns it and where it ends. If that is past the end of the data, there was none."""
    value, shift = 0, 0
    while at < len(data) and shift < 70:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return (value >> 1 & 0x7FFFFFFFFFFFFFFF) ^ -(value & 1), at
    return 0, len(data) + 1


@uncounted
def _find(data: Any, offsets: Any, timestamps_ms: Any, value_at: Any) -> bool:
    """Offset and timestamp deltas of the records, and where their values are; whether they fill the data."""
    at = 0
    for i in range(len(offsets)):
        length, at = _varint(data, at)
        after = at + length
        if not at < after <= len(data):
            return False
        timestamps_ms[i], at = _varint(data, at + 1)  # after the record's attributes, which mean nothing yet
        offsets[i], at = _varint(data, at)
        key, at = _varint(data, at)
        value, at = _varint(data, at + max(key, 0))
        if not 0 <= at + max(value, 0) <= after:
            return False
        value_at[i, 0], value_at[i, 1] = (at, at + value) if value >= 0 else (-1, -1)
        at = after
    return bool(at == len(data))


def warm_up() -> None:
    """Compile, with arguments of the types that come: some clients' buffers can be written, others' cannot."""
    for data in (b"", bytearray()):
        empty = np.empty(0, dtype=np.int64)
        _find(np.frombuffer(data, dtype=np.uint8), empty, empty, np.empty((0, 2), dtype=np.int64))


class _KeptBytes:
    """Replaces aiokafka's `MemoryRecords`, and keeps the bytes of the batch that was handed out last."""

    def __init__(self, data: bytes) -> None:
        self._records = MemoryRecords(data)
        self._left = memoryview(data)
        self.raw = self._left[:0]

    def size_in_bytes(self) -> int:
        return int(self._records.size_in_bytes())

    def has_next(self) -> bool:
        return bool(self._records.has_next())

    def next_batch(self) -> Any:
        batch = self._records.next_batch()
        _, length = _LENGTH.unpack_from(self._left)
        self.raw, self._left = self._left[: _LENGTH.size + length], self._left[_LENGTH.size + length :]
        return batch


class _IteratedOnce:
    """A batch that hands out all its records from `first_offset` on as one item."""

    def __init__(self, batch: Any, raw: memoryview, first_offset: int) -> None:
        self._batch = batch
        self._raw = raw
        self._first_offset = first_offset

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[_Batch]:
        records = records_of(self._raw, self._first_offset)
        if len(records):
            yield _Batch(records, int(records.offsets[-1]))

    def __next__(self) -> Any:
        return next(self._batch)  # the one record of a control batch


class _Batches:
    """The batches of a fetch response for one partition."""

    def __init__(self, partition_records: Any) -> None:
        # Weak: it holds us, and in a circle the megabytes of a response waited for the garbage collector.
        self._partition_records: Callable[[], Any] = weakref.ref(partition_records)
        self._batches: _KeptBytes = partition_records._records

    def has_next(self) -> bool:
        return self._batches.has_next()

    def next_batch(self) -> _IteratedOnce:
        batch = self._batches.next_batch()
        return _IteratedOnce(batch, self._batches.raw, self._partition_records().next_fetch_offset)


class _Results(OrderedDict[TopicPartition, Any]):
    """The fetcher's dictionary of results by partition. It changes each result that is put in, so that it hands out
    batches, and adds up how many bytes came."""

    received = 0

    def __setitem__(self, tp: TopicPartition, result: Any) -> None:
        if isinstance(result, FetchResult):
            partition_records = result._partition_records
            self.received += partition_records._records.size_in_bytes()
            partition_records._records = _Batches(partition_records)
            partition_records._consumer_record = lambda _tp, batch: batch.records
        super().__setitem__(tp, result)


def use_batches(fetcher: Any) -> Callable[[], int]:
    """Make a started consumer's fetcher hand out `Records`, one for each batch. Returns what tells how many bytes came
    since it was last asked."""
    aiokafka_fetcher.MemoryRecords = _KeptBytes  # other consumers of this process do not notice
    results = fetcher._records = _Results()

    def received() -> int:
        count, results.received = results.received, 0
        return count

    return received
