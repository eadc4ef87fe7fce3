"""Rows that come again, in whatever order, change nothing."""

from __future__ import annotations

import itertools

import pytest

from callgauge.codec import encode
from callgauge.schema import BlockSummary, EpochStart, WindowRecord
from callgauge_history.store import Store
from callgauge_sinks.records import Record
from callgauge_sinks.rows import call_rows, window_record_rows
from callgauge_windows.messages import decode_windows
from tests.random_calls import random_calls
from tests.unit.sinks.fakes import FakeMessage
from tests.unit.sinks.test_rows import call_record
from tests.unit.sinks.windows import window_row


def insert(store: Store, *written: WindowRecord) -> None:
    records = [Record(decode_windows(encode(each)), FakeMessage(b"")) for each in written]
    for table, built in window_record_rows(records).items():
        store.insert(table, built)


def calls_merged(store: Store) -> object:
    return store.query("SELECT sum(calls) FROM windows_merged").rows[0][0]


def test_calls_inserted_again(store: Store) -> None:
    """A batch that is read twice, at other offsets, is there once; also after a merge."""
    calls = list(random_calls(300, seed=3))
    for first in (0, 1_000):
        table = call_rows([call_record(call, offset=first + i) for i, call in enumerate(calls)])["calls"]
        store.insert("calls", table)
    assert store.query("SELECT count(), uniqExact(event_id) FROM calls_final").rows == [[300, 300]]
    store.command("OPTIMIZE TABLE calls FINAL")
    assert store.query("SELECT count() FROM calls").rows == [[300]]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_of_a_repeated_call_the_first_record_stays(store: Store, order: tuple[int, ...]) -> None:
    """The lowest offset, in whatever order the records are inserted, before and after a merge."""
    (call,) = random_calls(1, seed=4)
    records = [call_record(call, partition=1, offset=offset) for offset in (7, 1_000, 2**40)]
    for index in order:
        store.insert("calls", call_rows([records[index]], "c/t")["calls"])
    assert store.query("SELECT kafka_offset FROM calls_final").rows == [[7]]
    store.command("OPTIMIZE TABLE calls FINAL")
    assert store.query("SELECT kafka_offset FROM calls").rows == [[7]]


def test_a_call_of_two_sources_is_there_once(store: Store) -> None:
    """At equal offsets always the same one stays, and one with a source rather than one without."""
    (call,) = random_calls(1, seed=4)
    tables = {origin: call_rows([call_record(call, 0, 5)], origin)["calls"] for origin in ("c/a", "c/b", "c/c", "")}
    kept = set()
    for order in itertools.permutations(tables):
        store.command("TRUNCATE TABLE calls")
        for origin in order:
            store.insert("calls", tables[origin])
        [[source]] = store.query("SELECT source FROM calls_final").rows
        kept.add(source)
    assert len(kept) == 1
    assert kept != {""}


def test_the_largest_n_stays(store: Store) -> None:
    """Old versions of a row that arrive late, or again, are not read; other blocks add up."""
    rows = [window_row([1.0] * n) for n in (2, 5, 3)] + [window_row([1.0] * 10, block=64)]
    insert(store, *rows)
    before = store.query("SELECT * FROM windows_merged").rows
    for row in (*rows, rows[0]):
        insert(store, row)
    assert store.query("SELECT * FROM windows_merged").rows == before
    assert calls_merged(store) == 15
    store.command("OPTIMIZE TABLE windows FINAL")
    assert store.query("SELECT * FROM windows_merged").rows == before


def summary(last_offset: int, complete: bool = False) -> BlockSummary:
    return BlockSummary(
        source="c/t/0", block=0, epoch="e1", last_offset=last_offset, complete=complete, records=last_offset + 1,
        counted=last_offset + 1, first_ts_ms=1_700_000_000_000,
    )  # fmt: skip


def test_the_complete_summary_stays(store: Store) -> None:
    """Complete wins over everything, then the larger last offset; equal copies are one."""
    insert(store, summary(7), summary(9), summary(8))
    sql = "SELECT last_offset, complete FROM blocks_final"
    assert store.query(sql).rows == [[9, False]]
    insert(store, summary(9, complete=True), summary(9, complete=True))
    insert(store, summary(9), summary(5))
    assert store.query(sql).rows == [[9, True]]


def start(from_offset: int, epoch: str, term: int, source: str = "c/t/0") -> EpochStart:
    return EpochStart(source=source, from_offset=from_offset, epoch=epoch, term=term)


def test_rows_of_a_void_epoch_do_not_count(store: Store) -> None:
    """The open block is counted again under new settings; its old rows are void, earlier blocks stay."""
    insert(store, start(0, "e1", 1), window_row([1.0] * 4), window_row([1.0] * 3, block=64))
    assert calls_merged(store) == 7
    insert(store, start(64, "e2", 2), start(64, "e2", 2), window_row([1.0] * 5, block=64, epoch="e2"))
    insert(store, window_row([1.0] * 9, block=64))  # a straggler of the old epoch
    insert(store, window_row([1.0] * 2, block=128, epoch="e2"))
    assert calls_merged(store) == 4 + 5 + 2
    insert(store, start(64, "e1", 1))  # a zombie wakes: lower term, nothing changes
    assert calls_merged(store) == 4 + 5 + 2


def test_the_past_aggregated_anew(store: Store) -> None:
    """An epoch that starts further back voids everything from there on."""
    insert(store, start(0, "e1", 1), start(64, "e2", 2), window_row([1.0] * 4), window_row([1.0], block=64, epoch="e2"))
    insert(store, start(0, "e3", 3), window_row([1.0] * 2, epoch="e3"))
    assert calls_merged(store) == 2


def test_another_source_is_untouched(store: Store) -> None:
    """Epochs are a source's own; a source nobody announced counts as it is."""
    insert(store, start(0, "e2", 1), window_row([1.0]), window_row([1.0] * 2, source="c/t/1"))
    assert calls_merged(store) == 2
