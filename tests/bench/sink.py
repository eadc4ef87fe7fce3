"""Rows per second of the calls sink: `python -m tests.bench.sink [messages]`.

What the sink does with a batch (decode, build rows, insert into chDB) beside the bare insert of the same rows.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from callgauge.codec import decode_calls
from callgauge_history.migrate import migrate
from callgauge_history.store import Store, open_store
from callgauge_sinks.records import decode_messages
from callgauge_sinks.rows import call_rows
from callgauge_sinks.sink import build_rows
from tests.bench.report import report
from tests.random_calls import random_calls
from tests.unit.sinks.fakes import FakeMessage

BATCH = 50_000
ROUNDS = 3


def messages_of(count: int) -> list[FakeMessage]:
    """Calls on the wire, about 545 bytes each."""
    return [
        FakeMessage(call.model_dump_json(exclude_defaults=True).encode().ljust(545), "llm.calls", 0, offset)
        for offset, call in enumerate(random_calls(count, seed=1, span_s=600))
    ]


def batches_of(messages: list[FakeMessage]) -> list[list[FakeMessage]]:
    return [messages[i : i + BATCH] for i in range(0, len(messages), BATCH)]


def timed(work: Callable[[Any], object], batches: list[Any]) -> float:
    """Best time of all batches, seconds."""
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for batch in batches:
            work(batch)
        best = min(best, time.perf_counter() - started)
    return best


def store_batch(store: Store, batch: list[FakeMessage]) -> None:
    decoded = decode_messages(batch, decode_calls)
    for table, rows in build_rows(decoded, call_rows).items():
        store.insert(table, rows)


def main(count: int) -> None:
    messages = messages_of(count)
    batches = batches_of(messages)
    decoded = [decode_messages(batch, decode_calls) for batch in batches]
    tables = [build_rows(batch, call_rows)["calls"] for batch in decoded]
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"chdb://{folder}")
        migrate(store)
        steps: dict[str, float] = {
            "decode": timed(lambda batch: decode_messages(batch, decode_calls), batches),
            "build rows": timed(lambda batch: build_rows(batch, call_rows), decoded),
            "bare insert_arrow": timed(lambda rows: store.insert("calls", rows), tables),
            "sink: all three": timed(lambda batch: store_batch(store, batch), batches),
        }
        store.close()
    bytes_each = sum(len(message.value() or b"") for message in messages) / count
    report(
        "sink",
        [{"step": name, "rows": count, "rows_per_s": count / seconds} for name, seconds in steps.items()],
        title=f"calls sink, {bytes_each:.0f}-byte messages, batches of {BATCH:,}",
        notes=f"chDB, best of {ROUNDS} rounds",
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
