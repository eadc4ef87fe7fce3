"""How many bytes a call takes on disk, by column: `python -m tests.bench.disk`.

The demo's real calls (36,209: two Azure services, LLMDrift) go through the sink's rows into an embedded store, and
are merged. The table shows what each column takes, and with which codec.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from importlib.resources import files
from itertools import islice
from pathlib import Path

from callgauge.codec import decode_call, encode
from callgauge.schema import Call
from callgauge_deploy.demo import SAMPLES
from callgauge_history.migrate import migrate
from callgauge_history.questions.sizing import ColumnSize, column_sizes
from callgauge_history.store import Store, open_store
from callgauge_load import read_trace
from callgauge_sinks.records import Record
from callgauge_sinks.rows import call_rows
from tests.unit.sinks.fakes import FakeMessage

__all__ = ["LIMIT_BYTES", "bytes_per_call", "store_real_calls"]

#: More than this a call must not take.
LIMIT_BYTES = 60.0
_BATCH = 20_000


def real_calls() -> Iterator[Call]:
    """The demo's, in the order of their ends in each recording."""
    folder = files("callgauge_deploy") / "samples"
    for name in SAMPLES:
        yield from read_trace(Path(str(folder / name)))


def store_real_calls(store: Store) -> int:
    """Insert them as a sink does, and merge. Returns how many there are."""
    # As in a store with millions of calls: a small part lies in one file, and says nothing of columns.
    store.command("ALTER TABLE calls MODIFY SETTING min_bytes_for_wide_part = 0, min_rows_for_wide_part = 0")
    count = 0
    calls = real_calls()
    while batch := list(islice(calls, _BATCH)):
        records = [Record(decode_call(encode(c)), FakeMessage(b"", offset=count + at)) for at, c in enumerate(batch)]
        for table, rows in call_rows(records, "cluster/topic").items():
            store.insert(table, rows)
        count += len(batch)
    store.command("OPTIMIZE TABLE calls FINAL")
    return count


def bytes_per_call(store: Store) -> float:
    """All files of the active parts: columns, marks, primary key, skip indexes."""
    sql = (
        "SELECT sum(bytes_on_disk) / sum(rows) FROM system.parts "
        "WHERE active AND database = currentDatabase() AND table = 'calls'"
    )
    return float(store.query(sql).rows[0][0])


def _line(size: ColumnSize) -> str:
    ratio = size.raw_bytes / size.bytes if size.bytes else 0.0
    return f"{size.column:<32} {size.bytes_per_row:8.2f} {ratio:8.1f}x  {size.type:<24} {size.codec}".rstrip()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", default="calls")
    table = parser.parse_args().table
    with tempfile.TemporaryDirectory(prefix="callgauge-disk-") as folder:
        store = open_store(f"chdb://{folder}")
        migrate(store)
        count = store_real_calls(store)
        print(f"{'column':<32} {'bytes':>8} {'smaller':>9}  type, codec; {count:,} calls")
        for size in column_sizes(store.query, table):
            print(_line(size))
        total = bytes_per_call(store)
        print(f"\n{total:.1f} bytes per call with keys, marks and indexes (limit {LIMIT_BYTES:.0f})")
        store.close()


if __name__ == "__main__":
    main()
