"""Rows per second of the sinks: `python -m tests.bench.sink [calls] [window rows]`.

What a sink does with a batch (read messages to columns, insert) beside the bare insert of the same rows, in one run, in
turns. Each insert goes into an empty table, so that merges of older rows do not run beside the newer ones.

    ratio       rows per second of the whole sink / of the client's own insert_arrow of the very table that it inserts
    plain       the same, against the insert of that table with all texts written out, as pyarrow makes it of values
    as_the_sink the same, against the insert with the settings that the sink inserts with
    cpu_ratio   CPU seconds of the bare insert / of the whole sink, all threads: it holds beside other work, too
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

from callgauge.codec import decode_calls
from callgauge_history.migrate import migrate
from callgauge_history.store import Store, open_store
from callgauge_sinks.building import Read, reading
from callgauge_sinks.call_reading import read_calls
from callgauge_sinks.records import decode_each
from callgauge_sinks.rows import call_rows, window_record_rows
from callgauge_windows.messages import decode_windows
from callgauge_windows.row_batch import RowBatch
from callgauge_windows.row_batch_writing import encode_rows
from tests.bench.encodings import row_of
from tests.bench.report import report
from tests.bench.stream import messages_of
from tests.unit.sinks.fakes import FakeMessage

BATCH, ROUNDS = 50_000, 5
ROWS_A_MESSAGE = 200


def call_batches(count: int) -> list[list[FakeMessage]]:
    """Calls on the wire, about 545 bytes each."""
    values = [value for _, value in messages_of(count, 5_000)]
    messages = [FakeMessage(value, "llm.calls", offset % 4, offset) for offset, value in enumerate(values)]
    return [messages[i : i + BATCH] for i in range(0, len(messages), BATCH)]


def window_batches(count: int) -> list[list[FakeMessage]]:
    """Rows of a busy stream with many series, 200 in a message; one batch."""
    rng = random.Random(1)
    made = [
        RowBatch.of_rows([row_of(rng, at) for at in range(i, i + ROWS_A_MESSAGE)])
        for i in range(0, count, ROWS_A_MESSAGE)
    ]
    return [[FakeMessage(encode_rows(batch), "llm.windows", 0, offset) for offset, batch in enumerate(made)]]


class Steps:
    """Wall and CPU seconds of several steps, each the best of all rounds; a round runs each step once."""

    def __init__(self, steps: dict[str, Callable[[], object]], before: Callable[[], object]) -> None:
        self._steps, self._before = steps, before
        self.best_s = dict.fromkeys(steps, float("inf"))
        self.best_cpu_s = dict.fromkeys(steps, float("inf"))

    def run(self) -> None:
        for name, work in self._steps.items():
            self._before()
            started, cpu = time.perf_counter(), time.process_time()
            work()
            self.best_s[name] = min(self.best_s[name], time.perf_counter() - started)
            self.best_cpu_s[name] = min(self.best_cpu_s[name], time.process_time() - cpu)


def measured(
    store: Store, table: str, batches: Sequence[list[FakeMessage]], read: Read, old: Read, rows: int
) -> tuple[list[dict[str, object]], dict[str, float]]:
    """The steps' rows per second, and the ratios."""
    tables = [read(batch)[1][table] for batch in batches]
    plain = [old(batch)[1][table] for batch in batches]

    def insert(tables: Sequence[pa.Table]) -> None:
        for each in tables:
            store._writer.insert_arrow(table, each)

    def insert_as_sink() -> None:
        for each in tables:
            store.insert(table, each)

    def sink() -> None:
        for batch in batches:
            for name, each in read(batch)[1].items():
                store.insert(name, each)

    work: dict[str, Callable[[], object]] = {
        "read": lambda: [read(batch) for batch in batches],
        "read, message by message": lambda: [old(batch) for batch in batches],
        "bare insert_arrow": lambda: insert(tables),
        "bare insert_arrow, texts written out": lambda: insert(plain),
        "bare insert_arrow, as the sink": insert_as_sink,
        "sink: read and insert": sink,
    }
    steps = Steps(work, lambda: store.command(f"TRUNCATE TABLE {table}"))
    for _ in range(ROUNDS):
        steps.run()
    per_s = {name: rows / seconds for name, seconds in steps.best_s.items()}
    whole, cpu_s = per_s["sink: read and insert"], steps.best_cpu_s
    ratios = {f"sink_{table}_rows_per_s": whole, f"insert_arrow_{table}_rows_per_s": per_s["bare insert_arrow"]}
    for end, against in (("", ""), ("_plain", ", texts written out"), ("_as_the_sink", ", as the sink")):
        bare = f"bare insert_arrow{against}"
        ratios[f"{table}_ratio{end}"] = whole / per_s[bare]
        ratios[f"{table}_cpu_ratio{end}"] = cpu_s[bare] / cpu_s["sink: read and insert"]
    shown: list[dict[str, object]] = [
        {"table": table, "step": name, "rows": rows, "rows_per_s": value, "cpu_us_per_row": cpu_s[name] / rows * 1e6}
        for name, value in per_s.items()
    ]
    return shown, ratios


def main(calls: int, windows: int) -> None:
    """Measure and report."""
    rows: list[dict[str, object]] = []
    summary: dict[str, float] = {}
    old_calls, window_read = reading(decode_calls, call_rows), reading(decode_each(decode_windows), window_record_rows)
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"chdb://{folder}")
        migrate(store)
        of_calls: Any = ("calls", call_batches(calls), read_calls, old_calls, calls)
        of_windows: Any = ("windows", window_batches(windows), window_read, window_read, windows)
        for case in (of_calls, of_windows):
            found, ratios = measured(store, *case)
            rows += found
            summary |= ratios
        store.close()
    report("sink", rows, title=f"sinks, batches of {BATCH:,}", notes=f"chDB, best of {ROUNDS} rounds", summary=summary)
    for name, value in summary.items():
        print(f"{name}: {value:,.2f}")


if __name__ == "__main__":
    counts = [int(argument) for argument in sys.argv[1:]]
    main(*(counts + [200_000, 20_000][len(counts) :]))
