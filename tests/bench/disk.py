"""How many bytes a call takes on disk, by column: `python -m tests.bench.disk`.

The demo's real calls (36,209: two Azure services, LLMDrift) go through the sink's rows into an embedded store, and
are merged. The table shows what each column takes, and with which codec. Below it stands what the other tables take
that are made of the same calls, for each call: where traces lie, usage, and windows and tiers by six grouping sets.
Those depend on how many calls share a user's hour or a series' window; here there are few, and no users or traces.
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
from callgauge_history.questions.sizing import ColumnSize, column_sizes, sizing
from callgauge_history.store import Store, open_store
from callgauge_history.tiers.job import derive
from callgauge_history.tiers.ladder import BASES
from callgauge_history.tiers.usage import derive_usage
from callgauge_load import read_trace
from callgauge_sinks.records import Record
from callgauge_sinks.rows import call_rows
from callgauge_streams.rollup.kinds import CALLS
from tests.unit.sinks.fakes import FakeMessage
from tests.unit.sinks.history.questions.filled import rolled_up, store_records

__all__ = ["LIMIT_BYTES", "OF_CALLS", "beside", "bytes_per_call", "store_real_calls"]

#: More than this a call must not take.
LIMIT_BYTES = 60.0
_BATCH = 20_000
#: Tables that hold something of each call, besides `calls`.
OF_CALLS = (
    "trace_days", "usage_1h", "usage_1d", "calls_1h", "windows", "windows_1m", "windows_1h", "windows_1d",
    "window_counts_1m", "window_counts_1h", "window_counts_1d", "block_summaries",
)  # fmt: skip


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


def beside(store: Store) -> dict[str, float]:
    """Table -> bytes for each call, the largest first; of tables that hold something of each call."""
    sizes = {each.table: each for each in sizing(store.query)}
    calls = sizes["calls"].rows
    return {each.table: each.bytes / calls for each in sizes.values() if each.table in OF_CALLS}


def _derive_all(store: Store) -> None:
    """What the sinks and their jobs make of the same calls; merged."""
    store_records(store, rolled_up(real_calls(), "cluster/topic/0", CALLS, block=_BATCH))
    [[now_ms]] = store.query("SELECT toUnixTimestamp64Milli(now64(3))").rows
    for base in BASES:
        derive(store, base)
    derive_usage(store, int(now_ms))
    for table in OF_CALLS:
        store.command(f"OPTIMIZE TABLE {table} FINAL")


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
        _derive_all(store)
        print("\nbeside it, for each call:")
        for name, per_call in beside(store).items():
            print(f"{name:<32} {per_call:8.2f}")
        store.close()


if __name__ == "__main__":
    main()
