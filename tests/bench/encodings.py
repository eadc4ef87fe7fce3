"""What rows cost as bytes: `python -m tests.bench.encodings [rows]`.

The same rows of calls, 1, 10, 100 and 1,000 in a message, in the encodings that were tried for `llm.windows`: encoding
from columns as rollup has them (rows, where an encoding has rows, are made first), decoding to columns as detect and
the sink want them (to lists and dictionaries, where it has rows), bytes a row, and bytes after lz4, which producers
apply.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from typing import Any

import cramjam
import msgspec
import pyarrow as pa

from callgauge.schema import Histogram, Measure, WindowRow
from callgauge_windows.row_batch import RowBatch
from callgauge_windows.row_batch_wire import decode_rows
from callgauge_windows.row_batch_writing import encode_rows
from tests.bench.report import report

SIZES = (1, 10, 100, 1_000)
_Encode = Callable[[RowBatch], bytes]


def row_of(rng: random.Random, at: int) -> WindowRow:
    """A row of a busy stream with many series: five calls, four measures of about five buckets."""
    measures = {name: _measure(rng) for name in ("latency", "ttft", "cost", "output_tokens")}
    return WindowRow(
        grouping="service,feature,provider,model@60s", series_id=rng.getrandbits(64),
        window_start_ms=1_700_000_000_000, window_ms=60_000, source="5L6g3nShT-eMCtK--X86sw/1rZ2kQ9-T1m/3",
        block=1 << 30, epoch="a1b2c3d4", n=5, finish_reasons={"stop": 5}, input_tokens=rng.randrange(5_000),
        labels={"service": f"service-{at % 200}", "feature": f"feature-{at % 9}", "provider": "openai",
                "model": f"model-{at}"},
        errors={"timeout": 1} if rng.random() < 0.05 else {}, measures=measures,
    )  # fmt: skip


def _measure(rng: random.Random) -> Measure:
    values = [rng.randrange(200_000, 3_000_000) for _ in range(5)]
    buckets = {str(600 + bucket): 1 for bucket in rng.sample(range(99), 5)}
    return Measure(
        count=5, sum=sum(values), sum_sq=sum((value // 1_000) ** 2 for value in values), min=min(values),
        max=max(values), max_event_id=f"{rng.getrandbits(128):032x}", histogram=Histogram(scale=5, buckets=buckets),
    )  # fmt: skip


def columns_of(batch: RowBatch) -> dict[str, Any]:
    """A batch as lists, for encodings that have no arrays."""
    return {
        "series_id": batch.series_id.tolist(),
        **{name: column.tolist() for name, column in zip(batch.names, batch.numbers, strict=True)},
        **{f"{name} at": each.bucket_at.tolist() for name, each in batch.buckets.items()},
        **{f"{name} buckets": each.buckets.tolist() for name, each in batch.buckets.items()},
        **{f"{name} counts": each.counts.tolist() for name, each in batch.buckets.items()},
        **{f"label {name}": list(values) for name, values in batch.label_values.items()},
        "ids": batch.event_ids.listed(),
    }


def to_arrow(batch: RowBatch) -> bytes:
    """Arrow IPC: a stream of one record batch."""
    columns: dict[str, Any] = {"series_id": pa.array(batch.series_id)}
    columns |= {name: pa.array(column) for name, column in zip(batch.names, batch.numbers, strict=True)}
    ids = pa.array(["", *batch.event_ids.listed()])
    for name, each in batch.buckets.items():
        offsets = pa.array(each.bucket_at, pa.int32())
        columns[f"{name} buckets"] = pa.ListArray.from_arrays(offsets, pa.array(each.buckets, pa.int16()))
        columns[f"{name} counts"] = pa.ListArray.from_arrays(offsets, pa.array(each.counts, pa.int32()))
        columns[f"{name} id"] = ids.take(pa.array(batch.column(f"{name}.max_event")))
    for name, values in batch.label_values.items():
        at = pa.array(batch.column(f"label.{name}"), pa.int32())
        columns[f"label {name}"] = pa.DictionaryArray.from_arrays(at, pa.array(list(values)))
    table = pa.table(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def from_arrow(value: bytes) -> object:
    table = pa.ipc.open_stream(value).read_all()
    return [column.to_numpy() for column in table.columns[: len(table.columns) // 2]]


ENCODINGS: dict[str, tuple[_Encode, Callable[[bytes], object]]] = {
    "JSON, array of rows": (lambda batch: msgspec.json.encode(list(batch.rows())), msgspec.json.decode),
    "MessagePack, array of rows": (lambda batch: msgspec.msgpack.encode(list(batch.rows())), msgspec.msgpack.decode),
    "JSON, columns": (lambda batch: msgspec.json.encode(columns_of(batch)), msgspec.json.decode),
    "Arrow IPC": (to_arrow, from_arrow),
    "MessagePack, columns of plain integers (ours)": (encode_rows, decode_rows),
}


def cost_us(work: Callable[[Any], object], argument: Any, rows: int) -> float:
    """Microseconds a row, the best of several runs."""
    times = max(3, 2_000 // rows)
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        for _ in range(times):
            work(argument)
        best = min(best, time.perf_counter() - started)
    return best / times / rows * 1e6


def main(rows: int = 1_000) -> None:
    """Measure and report."""
    rng = random.Random(1)
    every = [row_of(rng, at) for at in range(rows)]
    found = []
    for size in (size for size in SIZES if size <= rows):
        batch = RowBatch.of_rows(every[:size])
        for name, (encode, decode) in ENCODINGS.items():
            value = encode(batch)
            found.append(
                {
                    "encoding": name,
                    "rows_in_a_message": size,
                    "encode_us": cost_us(encode, batch, size),
                    "decode_us": cost_us(decode, value, size),
                    "bytes": len(value) / size,
                    "lz4_bytes": len(bytes(cramjam.lz4.compress(value))) / size,
                }
            )
    report("encodings", found, title="A row on llm.windows, by encoding", notes="best of five; columns in, columns out")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
