"""Completeness: exact, or the gap by name; what is only on its way is no gap."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from callgauge.codec import encode
from callgauge.errors import BrokerError, SettingError
from callgauge.schema import BlockSummary, Call, DeadLetter, EpochStart
from callgauge_history.store import Store
from callgauge_sinks.completeness.check import check
from callgauge_sinks.completeness.evidence import Block, Evidence, Found, Lost, Mark, Unseen, read_evidence
from callgauge_sinks.completeness.judge import HOUR_MS, judge
from callgauge_sinks.completeness.report import Report
from callgauge_sinks.records import Record, dead_letter_of, decode_each, decode_messages
from callgauge_sinks.rows import (
    call_rows,
    dead_letter_rows,
    score_record_rows,
    stored_offset_rows,
    window_record_rows,
)
from callgauge_windows.messages import decode_windows
from tests.random_calls import random_calls
from tests.random_scores import random_scores
from tests.unit.sinks.fakes import FakeMessage
from tests.unit.sinks.test_rows import call_record, score_record

NOON_MS = 1_767_268_800_000  # 2026-01-01 12:00 UTC
ORIGIN, SOURCE, TOPIC = "cluster/topic", "cluster/topic/0", "llm.calls"
CALLS = list(random_calls(100, seed=12))

AS_IT_IS = decode_each(lambda value: value)


def store_calls(store: Store, calls: Iterable[tuple[int, Call]], origin: str = ORIGIN) -> None:
    store.insert("calls", call_rows([call_record(call, 0, offset) for offset, call in calls], origin)["calls"])


def store_letters(store: Store, offsets: Iterable[int]) -> None:
    letters = [dead_letter_of(FakeMessage(b"{", TOPIC, 0, offset, NOON_MS), "not JSON") for offset in offsets]
    records = [Record(DeadLetter.model_validate(letter), FakeMessage(b"")) for letter in letters]
    store.insert("dead_letters", dead_letter_rows(records, {TOPIC: ORIGIN})["dead_letters"])


def mark(store: Store, first: int, last: int) -> None:
    batch = decode_messages(
        [FakeMessage(b"{}", TOPIC, 0, offset) for offset in (first, last)], decode_each(lambda value: value)
    )
    store.insert("stored_offsets", stored_offset_rows(batch, "calls", ORIGIN)["stored_offsets"])


def write(store: Store, *records: BlockSummary | EpochStart) -> None:
    made = [Record(decode_windows(encode(record)), FakeMessage(b"")) for record in records]
    for table, rows in window_record_rows(made).items():
        store.insert(table, rows)


def summary(block: int, last: int, dead: int = 0, at_ms: int = NOON_MS, **changes: Any) -> BlockSummary:
    """A complete block without holes."""
    records = last - block + 1
    values: dict[str, Any] = {"source": SOURCE, "epoch": "e", "complete": True, "counted": records - dead}
    return BlockSummary(
        **values
        | {"block": block, "last_offset": last, "records": records, "dead": dead, "first_ts_ms": at_ms}
        | changes
    )


def ask(store: Store, now_ms: int = NOON_MS + HOUR_MS, hours: float = 24.0) -> Report:
    return check(store.query, hours=hours, clock=lambda: now_ms / 1e3)


@pytest.fixture
def log(store: Store) -> Store:
    """Two blocks in one hour, offsets 0 to 49 and 50 to 99, all calls but the dead 10 and 60; stored to the end."""
    dead = (10, 60)
    write(store, summary(0, 49, 1), summary(50, 99, 1, NOON_MS + HOUR_MS - 60_000))
    store_calls(store, [(offset, call) for offset, call in enumerate(CALLS) if offset not in dead])
    store_letters(store, dead)
    mark(store, 0, 99)
    return store


def test_exact(log: Store) -> None:
    """Every record is somewhere, and the last line says so."""
    report = ask(log)
    assert report.complete
    assert str(report) == ("completeness: exact: 100 records = 98 counted + 0 duplicates + 2 dead; 98 calls stored")
    assert (report.pending, report.notes) == ([], [])
    [hour] = report.hours
    assert (hour.hour_ms, hour.records, hour.stored, hour.letters, hour.state) == (NOON_MS, 100, 98, 2, "ok")


def test_an_hour_is_that_of_the_blocks_first_append(log: Store) -> None:
    """In UTC; older blocks than asked for, and their rows, are left out."""
    write(log, summary(100, 149, at_ms=NOON_MS + HOUR_MS))
    store_calls(log, list(enumerate(random_calls(50, seed=13), 100)))
    mark(log, 100, 149)
    report = ask(log, NOON_MS + HOUR_MS + 1)
    assert [(hour.hour_ms, hour.counted, hour.stored) for hour in report.hours] == [
        (NOON_MS, 98, 98),
        (NOON_MS + HOUR_MS, 50, 50),
    ]
    report = ask(log, NOON_MS + HOUR_MS + 1_000, hours=0.01)
    assert [(hour.counted, hour.stored, hour.state) for hour in report.hours] == [(50, 50, "ok")]


def test_a_missing_call(log: Store) -> None:
    """Is told with its block and hour."""
    log.command("ALTER TABLE calls DELETE WHERE kafka_offset = 20 SETTINGS mutations_sync = 2")
    report = ask(log)
    [gap] = report.gaps
    assert (gap.kind, gap.source, gap.hour_ms) == ("calls", SOURCE, NOON_MS)
    assert gap.message.startswith("block 0 to 49: 1 of 49 counted calls are not stored here: missing, or")
    assert report.hours[0].state == "gap"
    assert str(report).startswith("completeness: 1 gap: 100 records")


def test_a_call_that_comes_days_late(store: Store) -> None:
    """Is found, though most days are not read when nothing seems to be missing."""
    times = [NOON_MS / 1e3 - days * 86_400 for days in (0, 0, 9)]
    calls = [call.model_copy(update={"ts": ts}) for call, ts in zip(CALLS, times, strict=False)]
    write(store, summary(0, 2, late=1))
    store_calls(store, enumerate(calls))
    mark(store, 0, 2)
    asked: list[str] = []

    def spy(sql: str) -> Any:
        asked.append(sql)
        return store.query(sql)

    report = check(spy, hours=24, clock=lambda: NOON_MS / 1e3 + 60)
    assert report.complete
    assert [hour.late for hour in report.hours] == [1]
    assert ["event_time >=" in sql for sql in asked if "FROM calls" in sql] == [True, False]


def test_the_last_call_of_the_log_missing(log: Store) -> None:
    """Is not mistaken for one on its way: the sink says how far it is."""
    log.command("ALTER TABLE calls DELETE WHERE kafka_offset = 99 SETTINGS mutations_sync = 2")
    assert [gap.kind for gap in ask(log).gaps] == ["calls"]


def test_a_missing_dead_letter(log: Store) -> None:
    """On its way for three minutes, then missing."""
    log.command("ALTER TABLE dead_letters DELETE WHERE offset = 60 SETTINGS mutations_sync = 2")
    report = ask(log, NOON_MS + HOUR_MS + 60_000)
    assert report.complete
    assert "1 dead letters are on their way" in report.pending[0]
    assert report.hours[0].state == "open"
    [gap] = ask(log, NOON_MS + HOUR_MS + 180_000).gaps
    assert gap.kind == "dead letters"
    assert "0 dead letters stored, 1 records dead" in gap.message


def test_a_record_that_only_the_sink_could_not_use(log: Store) -> None:
    """Counted by rollup, a dead letter of the sink: both sides of it are told."""
    log.command("ALTER TABLE calls DELETE WHERE kafka_offset = 20 SETTINGS mutations_sync = 2")
    store_letters(log, [20])
    assert [gap.kind for gap in ask(log).gaps] == ["calls", "dead letters"]


def test_a_duplicate(store: Store) -> None:
    """Stored again it is the same row, at its first offset, as rollup counts it."""
    write(store, summary(0, 9), summary(10, 19, counted=9, duplicates=1))
    store_calls(store, [(15, CALLS[3]), *((i, call) for i, call in enumerate(CALLS[:20]) if i != 15)])
    mark(store, 0, 19)
    assert ask(store).complete


def test_a_duplicate_with_another_model(store: Store) -> None:
    """Is a row of its own: too many rows, and the message says why that may be."""
    write(store, summary(0, 19, counted=19, duplicates=1))
    calls = [*CALLS[:19], CALLS[3].model_copy(update={"model": "another"})]
    store_calls(store, enumerate(calls))
    mark(store, 0, 19)
    [gap] = ask(store).gaps
    assert "20 calls stored, 19 counted: rollup missed 1, or duplicates with another service, model" in gap.message


def test_a_far_duplicate(store: Store) -> None:
    """Counted twice and stored once: a gap whose message names the possibility."""
    write(store, summary(0, 9), summary(10, 19))
    store_calls(store, [*enumerate(CALLS[:19]), (19, CALLS[0])])
    mark(store, 0, 19)
    [gap] = ask(store).gaps
    assert gap.message.startswith("block 10 to 19: 1 of 10 counted calls")
    assert "beyond the duplicate horizon" in gap.message


def test_a_lost_range(log: Store) -> None:
    """Fails, in the hour where counting went on; a range told twice is one."""
    write(
        log,
        EpochStart(source=SOURCE, from_offset=200, epoch="e", term=1, lost_from=100),
        EpochStart(source=SOURCE, from_offset=220, epoch="e", term=2, lost_from=100),
    )
    [gap] = ask(log).gaps
    assert (gap.kind, gap.hour_ms) == ("lost", 0)
    assert gap.message.startswith("offsets 100 to 219: retention ate them")
    write(log, summary(220, 229, at_ms=NOON_MS + HOUR_MS))
    store_calls(log, enumerate(random_calls(130, seed=14), 100))
    mark(log, 100, 229)
    report = ask(log, NOON_MS + HOUR_MS)
    assert [(gap.kind, gap.hour_ms) for gap in report.gaps] == [("lost", NOON_MS + HOUR_MS)]
    assert [(hour.lost, hour.state) for hour in report.hours] == [(0, "ok"), (120, "gap")]
    assert "120 offsets lost" in str(report)
    assert ask(log, NOON_MS + 48 * HOUR_MS, hours=1).complete


def test_records_that_became_nothing(log: Store) -> None:
    """Fail for every source, also one that no sink stores."""
    write(log, summary(0, 9, source="cluster/scores/0", counted=9))
    report = ask(log)
    [gap] = report.gaps
    assert (gap.kind, gap.source) == ("records", "cluster/scores/0")
    assert "10 records were read, 9 counted + 0 duplicates + 0 dead" in gap.message
    assert report.hours[0].stored is None or report.hours[1].stored is None
    assert any("no sink has stored it" in note for note in report.notes)
    assert "≠" in str(report)


def test_scores_beside_calls(log: Store) -> None:
    """A source of scores is compared with what the scores sink stored: scores and state changes."""
    origin, source = "cluster/scores", "cluster/scores/0"
    records = list(random_scores(40, seed=19))
    write(log, summary(0, 39, source=source))
    for table, rows in score_record_rows(
        [score_record(record, 0, offset) for offset, record in enumerate(records)], origin
    ).items():
        log.insert(table, rows)
    report = ask(log)
    assert report.complete
    assert report.notes == [f"{source}: no sink has stored it: only rollup's own figures are checked"]
    batch = decode_messages(
        [FakeMessage(b"{}", "llm.scores", 0, offset) for offset in (0, 39)], decode_each(lambda value: value)
    )
    log.insert("stored_offsets", stored_offset_rows(batch, "scores", origin)["stored_offsets"])
    report = ask(log)
    assert report.complete
    assert str(report).endswith("138 counted + 0 duplicates + 2 dead; 98 calls stored; 40 scores stored")
    for table in ("scores", "state_changes"):
        [[offset]] = log.query(f"SELECT any(kafka_offset) FROM {table}").rows
        log.command(f"ALTER TABLE {table} DELETE WHERE kafka_offset = {offset} SETTINGS mutations_sync = 2")
    [gap] = ask(log).gaps
    assert (gap.kind, gap.source) == ("scores", source)
    assert gap.message.startswith("block 0 to 39: 2 of 40 counted scores are not stored here")


def test_traffic_that_flows(log: Store) -> None:
    """The sink is behind in one block, rollup has another still open: both are named, neither fails."""
    write(log, summary(100, 149), summary(150, 160, complete=False))
    store_calls(log, enumerate(random_calls(20, seed=15), 100))
    mark(log, 100, 119)
    report = ask(log)
    assert report.complete
    assert report.hours[0].open == 2
    assert report.pending == [f"{SOURCE}: the calls sink is behind: stored up to offset 119, rolled up to 160"]
    assert str(report).endswith("; 2 blocks open; 41 offsets to come")
    store_calls(log, enumerate(random_calls(81, seed=16), 120))
    mark(log, 120, 200)
    report = ask(log)
    assert report.complete
    assert "40 records from offset 161 on are stored and not summarised yet" in report.pending[0]


def test_an_open_block_is_compared_as_far_as_it_is(log: Store) -> None:
    """A call missing in it is missing."""
    write(log, summary(100, 109, complete=False))
    store_calls(log, enumerate(random_calls(9, seed=15), 100))
    mark(log, 100, 120)
    assert ["block 100 to 109: 1 of 10" in gap.message for gap in ask(log).gaps] == [True]


def test_stored_records_between_blocks(log: Store) -> None:
    """Rollup skipped them; offsets between blocks that nobody stored are a note."""
    write(log, summary(110, 119))
    store_calls(log, enumerate(random_calls(10, seed=15), 110))
    mark(log, 100, 119)
    report = ask(log)
    assert report.complete
    assert "10 offsets lie between blocks" in report.notes[0]
    assert "cannot be known" in report.notes[0]
    store_calls(log, enumerate(random_calls(2, seed=17), 104))
    [gap] = ask(log).gaps
    assert (gap.kind, gap.message[:58]) == (
        "between blocks",
        "block 50 to 99: 2 stored records lie between this block an",
    )


def test_what_was_stored_before_sources_were_kept(store: Store) -> None:
    """Is not compared, and said so; what came later is."""
    write(store, summary(0, 49), summary(50, 99))
    store_calls(store, enumerate(CALLS[:50]), origin="")
    store_calls(store, enumerate(CALLS[50:], 50))
    mark(store, 50, 99)
    report = ask(store)
    assert report.complete
    assert report.hours[0].not_compared == 1
    assert report.hours[0].state == "not compared"
    assert "1 blocks before offset 50 are not compared" in report.notes[0]


def test_a_topic_made_anew(log: Store) -> None:
    """Is another source: equal offsets do not meet."""
    anew = "cluster/anew/0"
    write(log, summary(0, 9, source=anew))
    store_calls(log, enumerate(random_calls(10, seed=18)), "cluster/anew")
    batch = decode_messages(
        [FakeMessage(b"{}", TOPIC, 0, offset) for offset in (0, 9)], decode_each(lambda value: value)
    )
    log.insert("stored_offsets", stored_offset_rows(batch, "calls", "cluster/anew")["stored_offsets"])
    report = ask(log)
    assert report.complete
    assert sorted((hour.source, hour.stored) for hour in report.hours) == [(anew, 10), (SOURCE, 98)]


def test_nothing_yet(store: Store) -> None:
    """An empty store is no gap and says that it is empty."""
    report = ask(store)
    assert report.complete
    assert str(report) == "completeness: nothing was rolled up in this time"


def test_machines_read_it(log: Store) -> None:
    """JSON with ISO times."""
    read = json.loads(json.dumps(ask(log).as_json()))
    assert read["complete"] is True
    assert read["totals"]["stored"] == 98
    assert read["hours"][0]["hour"] == "2026-01-01T12:00:00+00:00"


@pytest.mark.parametrize("since", ["2026-01-01T12:00", "2026-01-01T12:00:00Z", "2026-01-01T13:00+01:00"])
def test_since(log: Store, since: str) -> None:
    """ISO 8601, UTC unless it says otherwise."""
    assert check(log.query, since=since, clock=lambda: NOON_MS / 1e3).since_ms == NOON_MS


def test_since_is_a_time(log: Store) -> None:
    """What is none is named."""
    with pytest.raises(SettingError, match="--since 'yesterday' is no time: give ISO 8601"):
        check(log.query, since="yesterday")


def block_of(first: int, last: int, **changes: Any) -> Block:
    count = last - first + 1
    made = Block(SOURCE, first, last, True, count, count, 0, 0, 0, 0, 0, 0, NOON_MS)
    return replace(made, **changes)


def test_a_block_that_grew_between_two_questions() -> None:
    """Is open, whatever its numbers are."""
    evidence = Evidence(
        since_ms=0,
        marks=[Mark(SOURCE, 0, 100, NOON_MS)],
        rolled_up={SOURCE: 12},
        blocks=[block_of(0, 9, complete=False)],
        events=[Found(SOURCE, 0, 12, 13, 0)],
    )
    report = judge(evidence, NOON_MS)
    assert report.complete
    assert report.hours[0].open == 1


def test_blocks_that_overlap() -> None:
    """Would count records twice."""
    report = judge(Evidence(since_ms=0, blocks=[block_of(0, 9), block_of(5, 14)]), NOON_MS)
    assert [gap.kind for gap in report.gaps] == ["overlap"]


def test_a_hole_that_retention_ate_is_told_once() -> None:
    """As lost, not as skipped too."""
    evidence = Evidence(
        since_ms=0,
        marks=[Mark(SOURCE, 0, 100, NOON_MS)],
        blocks=[block_of(0, 9), block_of(50, 59)],
        events=[Found(SOURCE, 0, 9, 10, 20), Found(SOURCE, 50, 59, 10, 0)],
        lost=[Lost(SOURCE, 0, 50, NOON_MS)],
    )
    assert [gap.kind for gap in judge(evidence, NOON_MS).gaps] == ["lost"]


def test_what_is_only_on_its_way_is_not_exact(log: Store) -> None:
    """The verdict says so before anything else; nothing is missing for all that."""
    assert ask(log).status == "exact"
    write(log, summary(100, 149))
    report = ask(log)
    assert (report.status, report.complete, report.unsettled) == ("on its way", True, 1)
    assert str(report).startswith("completeness: on its way: 150 records")
    assert report.as_json()["status"] == "on its way"
    log.command("ALTER TABLE calls DELETE WHERE kafka_offset = 20 SETTINGS mutations_sync = 2")
    assert ask(log).status == "missing"


def test_a_new_partition_that_the_sink_has_not_found(log: Store) -> None:
    """Rollup has counted its records, no sink has stored one: on its way, with what to do."""
    new = "cluster/topic/4"
    write(log, summary(0, 988, source=new))
    report = ask(log)
    assert (report.status, report.to_come) == ("on its way", 989)
    assert report.pending == [
        f"{new}: 989 records are rolled up and no sink has stored one: a new partition, which the sinks find within "
        "seconds; if this stays, restart `callgauge sinks`"
    ]
    write(log, summary(0, 9, source="cluster/scores/0"))
    assert ask(log).pending[0] == (
        "cluster/scores/0: 10 records are rolled up and no sink has stored one: does `callgauge sinks` run?"
    )


def test_a_partition_that_nobody_has_told_of(log: Store) -> None:
    """Only the broker knows it: it is asked for those that the store does not know."""
    asked: list[set[str]] = []

    def unseen(seen: set[str]) -> list[Unseen]:
        asked.append(seen)
        return [Unseen("cluster/topic/5", 1_000)]

    report = check(log.query, clock=lambda: NOON_MS / 1e3 + 3_600, unseen=unseen)
    assert asked == [{SOURCE}]
    assert (report.status, report.to_come) == ("on its way", 1_000)
    assert report.pending[0].startswith(
        "cluster/topic/5: neither rollup nor a sink has told of this partition yet, which holds 1,000 offsets: both "
        "find a new partition within seconds; if this stays, look whether `callgauge rollup`"
    )


def test_a_bus_that_does_not_answer(log: Store) -> None:
    """Changes no verdict; that something could not be looked for is a note."""

    def unseen(seen: set[str]) -> list[Unseen]:
        raise BrokerError("kafka:9092 does not answer: timed out")

    report = check(log.query, clock=lambda: NOON_MS / 1e3 + 3_600, unseen=unseen)
    assert report.status == "exact"
    assert report.notes == [
        "whether there are partitions that nobody has told of is not known: kafka:9092 does not answer: timed out"
    ]


def test_marks_are_asked_for_first(store: Store) -> None:
    """What they cover must be in the tables when these are asked."""
    asked: list[str] = []

    def spy(sql: str) -> Any:
        asked.append(sql)
        return store.query(sql)

    read_evidence(spy, 0)
    assert "stored_offsets" in asked[0]
    assert sum("stored_offsets" in sql for sql in asked) == 1
