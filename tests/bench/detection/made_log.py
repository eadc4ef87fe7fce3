"""The records that rollup would write of a load, in a file: made once, then judged by every rule set.

A file is a row of frames: 8 bytes of length, then as many bytes of zstd. Each holds some records in MessagePack: pairs
of timestamp and value, the value as it is on the windows topic. Event ids are left out: they are most of a row's bytes,
and only the evidence of an alert needs them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import cramjam
import msgspec
import numpy as np

from callgauge.codec import encode
from callgauge_windows.messages import decode_windows
from callgauge_windows.row_batch import RowBatch, Texts
from callgauge_windows.row_batch_writing import encode_rows

__all__ = ["read_log", "whole", "write_log"]

Record = tuple[int, Any]

_FRAME_BYTES = 4_000_000
_LENGTH_BYTES = 8
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[tuple[int, bytes]]).decode


def write_log(path: Path, log: Iterable[Record]) -> None:
    """Write all records. The file is there only when it is whole."""
    with whole(path) as partial, partial.open("wb") as file:
        for frame in _frames(log):
            packed = bytes(cramjam.zstd.compress(_encode(frame)))
            file.write(len(packed).to_bytes(_LENGTH_BYTES, "little") + packed)


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Gives the path to write to; the file gets its own name when it is whole. Several processes may write one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_log(path: Path) -> Iterator[Record]:
    """Timestamp and record of each, in order."""
    with path.open("rb") as file:
        while length := file.read(_LENGTH_BYTES):
            packed = file.read(int.from_bytes(length, "little"))
            for timestamp_ms, value in _decode(bytes(cramjam.zstd.decompress(packed))):
                yield timestamp_ms, decode_windows(value)


def _frames(log: Iterable[Record]) -> Iterator[list[tuple[int, bytes]]]:
    frame: list[tuple[int, bytes]] = []
    held = 0
    for timestamp_ms, record in log:
        value = encode_rows(_without_ids(record)) if isinstance(record, RowBatch) else encode(record)
        frame.append((timestamp_ms, value))
        held += len(value)
        if held >= _FRAME_BYTES:
            yield frame
            frame, held = [], 0
    yield frame


def _without_ids(batch: RowBatch) -> RowBatch:
    kept = [line for line, name in enumerate(batch.names) if not name.endswith(".max_event")]
    names, numbers = tuple(batch.names[line] for line in kept), np.take(batch.numbers, kept, axis=0)
    return replace(batch, names=names, numbers=numbers, event_ids=Texts.of([]))
