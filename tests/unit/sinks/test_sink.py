"""The sink's order of steps, with a scripted consumer and store."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from confluent_kafka import KafkaError

from callgauge.errors import BrokerError, DecodeError
from callgauge_history.store import RowsRefused, RowsTooMany, StoreUnavailable
from callgauge_intake.consumer import Intake
from callgauge_sinks.dead_letters import TooManyUnreadable
from callgauge_sinks.delivery import TooManyRefused
from callgauge_sinks.drift import SchemaDrift
from callgauge_sinks.records import decode_each
from callgauge_sinks.sink import Sink, SinkSpec
from tests.unit.sinks.fakes import FakeConsumer, FakeLetterBox, FakeStore, ManualClock


def decode(value: bytes | None) -> Any:
    try:
        return msgspec.json.decode(value or b"")
    except msgspec.DecodeError:
        raise DecodeError("", "not JSON") from None


def sink_of(consumer: FakeConsumer, store: FakeStore, letters: FakeLetterBox | None = None, **changes: Any) -> Sink:
    spec = SinkSpec(
        name="test", topic="t", decode=decode_each(decode),
        rows=lambda records: {"rows": pa.table({"x": pa.array([r.value for r in records], pa.int64())})},
        batch_rows=4, batch_s=1.0, **changes,
    )  # fmt: skip
    clock = ManualClock()
    intake = Intake(consumer, "t", clock)
    return Sink(spec, intake, store, letters or FakeLetterBox(), waits=lambda: iter([1.0] * 50), clock=clock)


def numbers(*values: int) -> list[bytes]:
    return [b"%d" % value for value in values]


def stored(store: FakeStore) -> list[int]:
    return [row["x"] for row in store.tables["rows"]]


def test_commit_comes_after_the_insert() -> None:
    """At every insert nothing of its batch is committed yet; afterwards one past its last record is."""
    consumer = FakeConsumer({0: numbers(*range(6))})
    at_insert: list[dict[int, int]] = []
    store = FakeStore(on_insert=lambda: at_insert.append(dict(consumer.offsets)))
    sink = sink_of(consumer, store)
    sink.step()
    sink.step()
    assert at_insert == [{}, {0: 4}]
    assert consumer.commits == [{0: 4}, {0: 6}]
    assert stored(store) == list(range(6))


def test_an_insert_that_fails_twice() -> None:
    """The same batch is tried again, nothing is read meanwhile, nothing is lost or committed early."""
    consumer = FakeConsumer({0: numbers(*range(10))})
    store = FakeStore(failures=2, on_insert=lambda: paused.append(set(consumer.paused)))
    paused: list[set[int]] = []
    sink = sink_of(consumer, store)
    sink.step()
    assert store.attempts == 3
    assert paused == [{0}]
    assert consumer.paused == set()
    assert consumer.commits == [{0: 4}]
    for _ in range(3):
        sink.step()
    assert stored(store) == list(range(10))
    assert consumer.offsets == {0: 10}


def test_partitions_lost_while_waiting() -> None:
    """The batch is dropped, not committed, and read again by whoever has the partition then."""
    consumer = FakeConsumer({0: numbers(1, 2, 3)})
    store = FakeStore(failures=1)
    sink = sink_of(consumer, store)

    def rebalance() -> None:
        consumer.revoke([0])
        consumer.assign([0])

    store.on_failure = lambda: setattr(consumer, "on_poll", rebalance)
    sink.step()
    assert consumer.commits == []
    sink.step()
    sink.step()
    assert stored(store) == [1, 2, 3]
    assert consumer.offsets == {0: 3}


def test_one_of_two_partitions_lost() -> None:
    """Only what is still ours is committed."""
    consumer = FakeConsumer({0: numbers(1, 2), 1: numbers(3, 4)})
    store = FakeStore(failures=1)
    store.on_failure = lambda: setattr(consumer, "on_poll", lambda: consumer.revoke([1]))
    sink_of(consumer, store).step()
    assert consumer.commits == [{0: 2}]


def test_a_rebalance_while_reading_that_gives_the_same_back() -> None:
    """What was read before is dropped, what is read after is kept: nothing is skipped, nothing comes twice."""
    consumer = FakeConsumer({0: numbers(1, 2, 3)})
    sink = sink_of(consumer, store := FakeStore())

    def rebalance() -> None:
        consumer.revoke([0])
        consumer.assign([0])

    def first_read() -> None:
        consumer.on_poll = rebalance

    consumer.on_poll = first_read
    sink.step()
    sink.step()
    assert stored(store) == [1, 2, 3]
    assert consumer.offsets == {0: 3}


def test_records_of_a_partition_lost_while_reading() -> None:
    """A rebalance between two reads of one batch takes the lost partition's records out of it."""
    consumer = FakeConsumer({0: numbers(1, 2), 1: numbers(3)})
    sink = sink_of(consumer, store := FakeStore())

    def first_read() -> None:
        consumer.on_poll = lambda: consumer.revoke([0])

    consumer.on_poll = first_read
    sink.step()
    assert stored(store) == [3]
    assert consumer.commits == [{1: 1}]


@pytest.mark.parametrize("code", [KafkaError.ILLEGAL_GENERATION, KafkaError.REBALANCE_IN_PROGRESS])
def test_a_commit_refused_for_a_rebalance(code: int, caplog: pytest.LogCaptureFixture) -> None:
    """Is told and not fatal, and not tried again."""
    consumer = FakeConsumer({0: numbers(1)})
    consumer.commit_errors = [code]
    sink = sink_of(consumer, FakeStore())
    with caplog.at_level(logging.WARNING):
        sink.step()
        sink.step()
    assert "offsets of t/0 not committed: the group shares its partitions out again" in caplog.text
    assert consumer.commits == []


def test_a_commit_the_broker_could_not_take() -> None:
    """Is made up for when there is nothing else to do."""
    consumer = FakeConsumer({0: numbers(1)})
    consumer.commit_errors = [KafkaError.REQUEST_TIMED_OUT]
    sink = sink_of(consumer, FakeStore())
    sink.step()
    assert consumer.commits == []
    sink.step()
    assert consumer.commits == [{0: 1}]


def test_a_fenced_member_ends() -> None:
    """Another process has our name: no use to go on."""
    consumer = FakeConsumer({0: numbers(1)})
    consumer.commit_errors = [KafkaError.FENCED_INSTANCE_ID]
    with pytest.raises(BrokerError, match="cannot commit"):
        sink_of(consumer, FakeStore()).run()
    assert consumer.closed


def test_dead_letters_before_the_commit() -> None:
    """Unreadable records go to the letter box, the others into the table, then all are committed."""
    consumer = FakeConsumer({0: [b"1", b"{", b"3"]})
    letters = FakeLetterBox()
    sink = sink_of(consumer, store := FakeStore(), letters)
    sink.step()
    assert stored(store) == [1, 3]
    assert [(letter.offset, letter.reason) for letter in letters.letters] == [(1, "not JSON")]
    assert consumer.offsets == {0: 3}


def test_letters_that_cannot_be_sent() -> None:
    """Are tried again without inserting again; nothing is committed before."""
    attempts: list[dict[int, int]] = []

    class Failing(FakeLetterBox):
        def write(self, letters: Any) -> None:
            attempts.append(dict(consumer.offsets))
            if len(attempts) < 3:
                raise BrokerError("not acknowledged")
            super().write(letters)

    consumer = FakeConsumer({0: [b"1", b"{"]})
    sink = sink_of(consumer, store := FakeStore(), Failing())
    sink.step()
    assert attempts == [{}, {}, {}]
    assert store.attempts == 1
    assert consumer.offsets == {0: 2}


def test_marks_come_last() -> None:
    """How far a batch has come is written when its rows are stored and its letters sent, and before the commit."""
    happened: list[str] = []

    class Telling(FakeLetterBox):
        def write(self, letters: Any) -> None:
            happened.append("letters")

    class Store(FakeStore):
        def insert(self, table: str, rows: pa.Table) -> None:
            happened.append(f"{table} {consumer.offsets}")
            if happened.count("marks {}") == 1 and table == "marks":
                raise StoreUnavailable("ClickHouse is down")

    consumer = FakeConsumer({0: [b"1", b"{"]})
    marks = pa.table({"next": [2]})
    sink_of(consumer, Store(), Telling(), marks=lambda batch: {"marks": marks}).step()
    assert happened == ["rows {}", "letters", "marks {}", "marks {}"]
    assert consumer.offsets == {0: 2}


def test_a_topic_made_anew_under_the_sink() -> None:
    """Ends it before anything of the new topic is stored as the old one's: librdkafka only begins anew."""
    consumer = FakeConsumer({0: numbers(1, 2, 3)})
    sink = sink_of(consumer, store := FakeStore())
    sink.step()
    consumer.logs[0] = numbers(7)
    consumer._positions[0] = 0
    with pytest.raises(BrokerError, match="t/0: offset 0 came after 2: the topic was made anew or cut; start again"):
        sink.step()
    assert stored(store) == [1, 2, 3]
    assert consumer.offsets == {0: 3}


def test_too_many_unreadable_stop_the_sink() -> None:
    """Over the share, once 1,000 were seen; the last batch is neither stored nor committed."""
    consumer = FakeConsumer({0: [b"1", b"{"] * 600})
    sink = sink_of(consumer, FakeStore(), dead_letter_share=0.4)
    with pytest.raises(TooManyUnreadable, match=r"500 of the last 1,000 .* CALLGAUGE_DEAD_LETTER_SHARE=0.4 .*not JSON"):
        sink.run()
    assert consumer.offsets == {0: 996}
    assert consumer.closed


class Refusing(FakeStore):
    """Refuses these values; `columns` is the table as it is."""

    def __init__(self, *refused: int, columns: dict[str, str] | None = None) -> None:
        super().__init__()
        self.refused = refused
        self.table = columns or {"x": "Int64"}

    def insert(self, table: str, rows: pa.Table) -> None:
        if found := set(rows["x"].to_pylist()) & set(self.refused):
            raise RowsRefused(f"constraint c is violated by {min(found)}")
        super().insert(table, rows)

    def columns(self, table: str) -> dict[str, str]:
        return self.table


def test_a_row_that_the_store_refuses_is_a_dead_letter() -> None:
    """Found among the others, which are stored; kept with the reason, and committed past."""
    consumer = FakeConsumer({0: [b"1", b"{", b"3", b"4"]})
    letters = FakeLetterBox()
    sink = sink_of(consumer, store := Refusing(3), letters)
    sink.step()
    assert sorted(stored(store)) == [1, 4]
    reasons = {letter.offset: letter.reason for letter in letters.letters}
    assert reasons == {1: "not JSON", 2: "the store refuses it: constraint c is violated by 3"}
    assert consumer.offsets == {0: 4}
    assert sink.stored == 2


def test_a_private_letter_holds_nothing_of_the_message() -> None:
    """Neither of what cannot be read nor of what the store refuses."""
    letters = FakeLetterBox()
    sink_of(FakeConsumer({0: [b"1", b"{", b"3"]}), Refusing(3), letters, is_private=True).step()
    assert [(letter.raw, bool(letter.reason)) for letter in letters.letters] == [("", True), ("", True)]


def test_a_store_that_refuses_too_much_stops_the_sink() -> None:
    """Nothing of it is buried or committed."""
    consumer = FakeConsumer({0: numbers(*range(100))})
    letters = FakeLetterBox()
    sink = sink_of(consumer, Refusing(*range(100)), letters, refused_share=0.1)
    sink._spec = replace(sink._spec, batch_rows=100)
    with pytest.raises(TooManyRefused, match="refuses more than 10 of 100 records"):
        sink.run()
    assert consumer.offsets == {}
    assert letters.letters == []
    assert consumer.closed


def test_a_table_that_somebody_changed_stops_the_sink() -> None:
    """The error names the table and the column, and no record is called dead."""
    consumer = FakeConsumer({0: numbers(1)})
    letters = FakeLetterBox()
    with pytest.raises(SchemaDrift, match="the table rows is not as callgauge made it: its column x is String instead"):
        sink_of(consumer, Refusing(1, columns={"x": "String"}), letters).run()
    assert letters.letters == []
    assert consumer.offsets == {}


def test_a_store_that_goes_away_while_the_refused_are_looked_for() -> None:
    """The batch is tried again; the letters are not sent twice."""
    consumer = FakeConsumer({0: numbers(1, 2, 3)})
    letters = FakeLetterBox()
    attempts = []

    class Going(Refusing):
        def insert(self, table: str, rows: pa.Table) -> None:
            attempts.append(rows.num_rows)
            if len(attempts) == 2:
                raise StoreUnavailable("gone")
            super().insert(table, rows)

    store = Going(3)
    sink_of(consumer, store, letters).step()
    assert set(stored(store)) == {1, 2}
    assert [letter.offset for letter in letters.letters] == [2]
    assert consumer.offsets == {0: 3}


def test_a_batch_with_a_refused_row_that_is_too_large_for_the_store() -> None:
    """It comes to an end: attempts go on where the last one was, in halves that fit."""

    class Small(Refusing):
        def insert(self, table: str, rows: pa.Table) -> None:
            if rows.num_rows > 600:
                raise RowsTooMany("no memory")
            super().insert(table, rows)

    consumer = FakeConsumer({0: numbers(*range(2_000))})
    letters = FakeLetterBox()
    sink = sink_of(consumer, store := Small(1_234), letters)
    sink._spec = replace(sink._spec, batch_rows=2_000)
    sink.step()
    assert set(stored(store)) == set(range(2_000)) - {1_234}
    assert [letter.offset for letter in letters.letters] == [1_234]
    assert consumer.offsets == {0: 2_000}


def test_waits_are_short_again_once_the_store_has_answered(caplog: pytest.LogCaptureFixture) -> None:
    """A store that goes away at every third insert is back each time: nobody waits longer and longer for it."""

    class Coming(Refusing):
        attempts = 0

        def insert(self, table: str, rows: pa.Table) -> None:
            self.attempts += 1
            if self.attempts % 3 == 0:
                raise StoreUnavailable("gone")
            super().insert(table, rows)

    consumer = FakeConsumer({0: numbers(*range(100))})
    sink = sink_of(consumer, Coming(50), FakeLetterBox())
    sink._spec = replace(sink._spec, batch_rows=100)
    sink._waits = lambda: iter([1.0, 2.0, 4.0, 8.0, 16.0, 30.0])
    sink.step()
    assert consumer.offsets == {0: 100}
    waits = [line for line in caplog.messages if "tried again in" in line]
    assert len(waits) > 3
    assert all(line.endswith("in 1.0 s") for line in waits)


def test_stop_while_the_store_is_down() -> None:
    """Ends without committing what is not stored."""
    consumer = FakeConsumer({0: numbers(1)})
    store = FakeStore(failures=1_000)
    sink = sink_of(consumer, store)

    store.on_failure = sink.stop
    sink.run()
    assert consumer.offsets == {}
    assert consumer.closed


def test_a_large_batch_is_cut_by_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large messages do not fill the memory."""
    monkeypatch.setattr("callgauge_intake.consumer.BATCH_BYTES", 100)
    monkeypatch.setattr("callgauge_intake.consumer.CHUNK", 1)
    consumer = FakeConsumer({0: [b"1" * 45] * 5})
    intake = Intake(consumer, "t", ManualClock(0.001))
    assert [len(intake.take(100, 1.0)) for _ in range(3)] == [2, 2, 1]
