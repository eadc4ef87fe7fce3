"""The block laws: any cut of the log into chunks, any crash points and re-reads give the same merged totals."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge.codec import encode
from callgauge.errors import BrokenChain
from callgauge.schema import Call
from callgauge_streams.bus.blocks import BlockCutter
from callgauge_streams.bus.chunk import Chunk
from callgauge_streams.bus.records import Records
from callgauge_streams.rollup.kinds import CALLS
from callgauge_streams.rollup.source.duplicates import SeenIds
from callgauge_streams.rollup.source.state_machine import RollupConfig, SourceRollup, seen_in
from callgauge_windows.grouping import parse_groupings
from tests.as_sent import as_sent
from tests.examples import examples
from tests.oracle import Horizon, merged, recount
from tests.random_calls import random_call

GROUPINGS = "@10s service,model@60s operation@10s"
BLOCK_OFFSETS = 64
CONFIG = RollupConfig(
    parse_groupings(GROUPINGS), BLOCK_OFFSETS, out_of_orderness_ms=2_000, dedup_offsets=100, dedup_ms=60_000
)


@dataclass
class Log:
    """A partition's log with holes in the offsets, noisy timestamps, unreadable records and repeated events."""

    offsets: list[int] = field(default_factory=list)
    timestamps_ms: list[int] = field(default_factory=list)
    values: list[bytes] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    """Those that count."""
    dead: int = 0
    duplicates: int = 0
    differing: int = 0
    """Duplicates whose content is not that of the record before with their id."""


def random_log(rng: random.Random, records: int) -> Log:
    log, offset, now = Log(), rng.randrange(3) * 50, 1_700_000_000.0
    sent: list[Call] = []
    latest: dict[str, bytes] = {}
    horizon = Horizon(CONFIG.dedup_offsets, CONFIG.dedup_ms / 1000)
    for i in range(records):
        offset += 1 if rng.random() < 0.9 else rng.randrange(2, 40)
        now += rng.choice((0.0, 0.01, 1.0, 5.0, 30.0))
        log.offsets.append(offset)
        log.timestamps_ms.append(int(now * 1000) + rng.choice((0, 0, -40_000, 7)))
        if rng.random() < 0.05:
            log.values.append(rng.choice((b"", b"{", b'{"event_id": "x", "ts": NaN}')))
            log.dead += 1
            continue
        again = sent and rng.random() < 0.1
        sent.append(rng.choice(sent[-40:]) if again else random_call(rng, f"e{i}", now - rng.choice((1, 1, 1, 300))))
        if not again and rng.random() < 0.2:
            operation = rng.choice(("chain", "execute_tool", "embeddings"))
            sent[-1] = sent[-1].model_copy(update={"operation": operation})
        if again and rng.random() < 0.3:
            sent[-1] = sent[-1].model_copy(update={"name": f"attempt {i}"})
        log.values.append(encode(sent[-1]))
        before, latest[sent[-1].event_id] = latest.get(sent[-1].event_id), log.values[-1]
        if horizon.is_duplicate(0, offset, log.timestamps_ms[-1], sent[-1].event_id):
            log.duplicates += 1
            log.differing += before != log.values[-1]
        else:
            log.calls.append(sent[-1])
    return log


def horizon_before(log: Log, start: int) -> SeenIds:
    """What a worker that takes over reads first."""
    before = [at for at, offset in enumerate(log.offsets) if start - CONFIG.dedup_offsets <= offset < start]
    offsets, timestamps_ms = [log.offsets[at] for at in before], [log.timestamps_ms[at] for at in before]
    return seen_in(CONFIG, CALLS, [Records.of(offsets, timestamps_ms, [log.values[at] for at in before])])


class Reader:
    """What the transport does: seeks, cuts, stamps."""

    def __init__(self, log: Log) -> None:
        self.log, self.seeks = log, 0

    def seek(self, start: int) -> None:
        self.seeks += 1
        self.start = start
        self.previous: int | None = None
        self.at = next((i for i, o in enumerate(self.log.offsets) if o >= start), len(self.log.offsets))
        self.cutter = BlockCutter(BLOCK_OFFSETS)

    def fetch(self, count: int) -> list[Chunk]:
        part = slice(self.at, self.at + count)
        records = Records.of(self.log.offsets[part], self.log.timestamps_ms[part], self.log.values[part])
        chunks = []
        for run in self.cutter.cut(records.offsets, records.timestamps_ms):
            cut = records.part(slice(run.start, run.end))
            chunks.append(Chunk(0, 1, self.seeks, self.start, self.previous, run.block, cut))
            self.previous = chunks[-1].last
        self.at += len(records)
        return chunks


def play(log: Log, rng: random.Random, crash: float, reseek: float) -> tuple[list[Any], list[Any]]:
    """Rows and summaries sent by workers that die at any point and are followed by another from the last commit."""
    rows: list[Any] = []
    summaries: list[Any] = []
    reader = Reader(log)
    committed = log.offsets[0] if log.offsets else 0

    def send(records: list[Any]) -> None:
        rows.extend(r for r in records if r.kind == "row")
        summaries.extend(r for r in records if r.kind == "summary")

    def new_worker() -> SourceRollup:
        reader.seek(committed)
        return SourceRollup(CONFIG, "c/t/0", committed, horizon_before(log, committed))

    worker = new_worker()
    while reader.at < len(log.offsets):
        chance = rng.random()
        if chance < crash:
            worker = new_worker()
        elif chance < crash + reseek:
            reader.seek(committed)
        for chunk in reader.fetch(rng.randrange(1, 60)):
            closed = worker.take(chunk)
            if closed:
                records = as_sent([*closed.rows, closed.summary])
                send(records[: rng.randrange(len(records) + 1)] if rng.random() < crash else [])
                send(records)
                committed = closed.safe_offset
        if rng.random() < 0.3:
            send(as_sent(worker.due_rows(first_time_only=rng.random() < 0.5)))
        if rng.random() < 0.05:
            send(as_sent(worker.idle_records()))
    send(as_sent(worker.idle_records()))
    return rows, summaries


@settings(max_examples=examples(25, long=150), deadline=None)
@given(seed=st.integers(0, 2**32), crash=st.sampled_from((0.0, 0.1, 0.4)), reseek=st.sampled_from((0.0, 0.2)))
def test_merged_rows_equal_a_recount_of_the_log(seed: int, crash: float, reseek: float) -> None:
    rng = random.Random(seed)
    log = random_log(rng, rng.randrange(1, 400))
    rows, summaries = play(log, rng, crash, reseek)
    assert merged(rows) == recount(log.calls, GROUPINGS)
    latest: dict[int, Any] = {}
    for summary in summaries:
        if summary.block not in latest or summary.last_offset >= latest[summary.block].last_offset:
            latest[summary.block] = summary
    assert sum(s.records for s in latest.values()) == len(log.offsets)
    assert sum(s.counted for s in latest.values()) == len(log.calls)
    assert sum(s.dead for s in latest.values()) == log.dead
    assert sum(s.duplicates for s in latest.values()) == log.duplicates
    assert sum(s.differing for s in latest.values()) == log.differing


@settings(max_examples=examples(12, long=60), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_rows_of_one_identity_and_n_are_equal_however_the_log_was_cut(seed: int) -> None:
    log = random_log(random.Random(seed), 150)
    ways = [play(log, random.Random(cut), 0.2, 0.1)[0] for cut in (seed + 1, seed + 2)]
    merged(ways[0] + ways[1])  # asserts it for each pair


def test_the_largest_values_event_is_the_one_with_the_lowest_offset() -> None:
    values = [5.0, 9.0, 9.0, 3.0]
    calls = [Call(event_id=f"e{i}", ts=1000.0 - v / 1000, service="s", latency_ms=v) for i, v in enumerate(values)]
    log = Log(list(range(4)), [1_000_000] * 4, [encode(c) for c in calls], calls)
    for step in (1, 2, 4):
        reader, worker = Reader(log), SourceRollup(CONFIG, "c/t/0", 0)
        reader.seek(0)
        while reader.at < 4:
            for chunk in reader.fetch(step):
                worker.take(chunk)
        row = next(r for r in as_sent(worker.idle_records()) if r.grouping == "@10s")
        assert (row.measures["latency"].max, row.measures["latency"].max_event_id) == (9_000, "e1")
        assert row.measures["latency"].min == 3_000


def test_a_missing_chunk_breaks_the_chain() -> None:
    log = random_log(random.Random(5), 60)
    reader, worker = Reader(log), SourceRollup(CONFIG, "c/t/0", log.offsets[0])
    reader.seek(log.offsets[0])
    first = reader.fetch(5)
    reader.fetch(5)
    worker.take(first[0])
    after_the_gap = reader.fetch(5)[0]
    with pytest.raises(BrokenChain, match="reads again"):
        worker.take(after_the_gap)


def test_a_seek_past_what_was_counted_breaks_the_chain() -> None:
    log = random_log(random.Random(6), 60)
    reader, worker = Reader(log), SourceRollup(CONFIG, "c/t/0", log.offsets[0])
    reader.seek(log.offsets[30])
    with pytest.raises(BrokenChain):
        worker.take(reader.fetch(5)[0])


def test_the_watermark_follows_the_slower_of_event_and_append_time() -> None:
    worker = SourceRollup(CONFIG, "c/t/0", 0)
    skewed = Call(event_id="a", ts=2_000.0, service="s")  # a clock a thousand seconds ahead
    worker.take(Chunk(0, 1, 1, 0, None, 0, Records.of([0], [1_000_000], [encode(skewed)])))
    assert worker.watermark_ms == 998_000
    late = Call(event_id="b", ts=500.0, service="s")
    worker.take(Chunk(0, 1, 1, 0, 0, 0, Records.of([1], [1_010_000], [encode(late)])))
    assert worker.watermark_ms == 1_008_000


def test_epoch_changes_with_all_that_changes_a_row() -> None:
    changes: list[dict[str, Any]] = [
        {"groupings": CONFIG.groupings[:1]},
        {"block_offsets": 128},
        {"dedup_offsets": 7},
        {"dedup_ms": 7},
        {"series_cap": 7},
    ]
    assert len({CONFIG.epoch} | {replace(CONFIG, **change).epoch for change in changes}) == 6
    assert CONFIG.epoch == replace(CONFIG, out_of_orderness_ms=99).epoch


def test_a_label_that_overflows_is_the_same_in_any_cut() -> None:
    """Ids in a label: rows of __other__, equal however the block was cut; every event is still counted once."""
    config = RollupConfig(parse_groupings("@10s service,feature@10s"), 65_536, 0, series_cap=20)
    calls = [
        Call(event_id=f"e{i}", ts=1000.0, service=f"s{i % 3}", feature=f"id-{i // 6}" if i % 3 else "one")
        for i in range(600)
    ]
    log = Log(list(range(600)), [1_000_000] * 600, [encode(c) for c in calls], calls)
    ways = []
    for step in (1, 7, 600):
        reader, worker = Reader(log), SourceRollup(config, "c/t/0", 0)
        reader.seek(0)
        reader.cutter = BlockCutter(65_536)
        while reader.at < 600:
            for chunk in reader.fetch(step):
                worker.take(chunk)
        ways.append(as_sent(worker.idle_records()))
    assert [[encode(record) for record in way] for way in ways] == [[encode(record) for record in ways[0]]] * 3
    rows = [row for row in ways[0] if row.kind == "row" and row.grouping == "service,feature@10s"]
    other = {row.labels["service"]: row.n for row in rows if row.labels["feature"] == "__other__"}
    assert other == {"s1": 160, "s2": 160}
    assert sum(row.n for row in rows) == 600
    assert next(row.n for row in rows if row.labels == {"service": "s0", "feature": "one"}) == 200
    assert ways[0][-1].folded == 320


def test_progress_tells_what_was_folded_since_it_was_last_asked() -> None:
    """
    block       0 ............................ | 64 ...
    features    12 of cap 10    the same   4 more | 1      what grew is told once, with the block's count so far
    """
    config = RollupConfig(parse_groupings("@10s feature@10s"), 64, 0, series_cap=10)
    values = [*range(12), *range(12), *range(12, 16), 0]
    offsets = [*range(28), 64]
    calls = [Call(event_id=f"e{i}", ts=1000.0, service="bulk", feature=f"id-{v}") for i, v in enumerate(values)]
    reader = Reader(Log(offsets, [1_000_000] * len(calls), [encode(call) for call in calls], calls))
    reader.seek(0)
    worker = SourceRollup(config, "c/t/0", 0)

    def told_after(count: int) -> list[tuple[str, str, str, int]]:
        for chunk in reader.fetch(count):
            worker.take(chunk)
        folding = worker.progress(idle=False).folding
        return [(each.grouping, each.service, each.label, each.count) for each in folding]

    assert told_after(10) == []
    assert told_after(2) == [("feature@10s", "bulk", "feature", 2)]
    assert told_after(12) == []  # nothing new
    assert told_after(5) == [("feature@10s", "bulk", "feature", 6)]  # though their block has ended meanwhile
    assert told_after(0) == []


def test_finish_reasons_beyond_a_hundred_are_folded_into_other_in_log_order() -> None:
    """An emitter that puts ids there must not make a row that the broker refuses; nothing is lost but the names."""
    calls = [Call(event_id=f"e{i}", ts=1000.0, service="s", finish_reason=f"id-{i // 2}") for i in range(400)]
    log = Log(list(range(400)), [1_000_000] * 400, [encode(c) for c in calls], calls)
    found = []
    for step in (7, 60):
        reader, worker = Reader(log), SourceRollup(RollupConfig(parse_groupings("@10s"), 65_536, 0), "c/t/0", 0)
        reader.seek(0)
        reader.cutter = BlockCutter(65_536)
        while reader.at < 400:
            for chunk in reader.fetch(step):
                worker.take(chunk)
        found.append(as_sent(worker.idle_records())[0].finish_reasons)
    assert found[0] == found[1]
    assert len(found[0]) == 101
    assert (found[0]["id-0"], found[0]["id-99"], found[0]["__other__"]) == (2, 2, 200)


@pytest.mark.parametrize("event_id", ['with "quotes" and \\', "späte Häufung \U0001f600", "\x07\n", "plain"])
def test_an_event_is_named_whatever_its_id_is(event_id: str) -> None:
    """Ids are kept as JSON has them, and sent as they are."""
    calls = [Call(event_id=name, ts=1000.0, service="s", latency_ms=ms) for name, ms in (("a", 1.0), (event_id, 2.0))]
    log = Log([0, 1], [1_000_000] * 2, [encode(call) for call in calls], calls)
    reader, worker = Reader(log), SourceRollup(CONFIG, "c/t/0", 0)
    reader.seek(0)
    for chunk in reader.fetch(2):
        worker.take(chunk)
    rows = [record for record in as_sent(worker.idle_records()) if record.kind == "row"]
    assert {row.measures["latency"].max_event_id for row in rows} == {event_id}


def test_steps_around_calls_are_not_calls() -> None:
    """A chain with two calls in it counts as two calls everywhere, and beside them where the operation is a label: its
    latency, errors and absent model are none of a call's."""
    rng = random.Random(5)
    calls = [random_call(rng, f"e{n}", 1_700_000_000.0) for n in range(2)]
    step = calls[0].model_copy(update={"event_id": "step", "operation": "chain", "model": ""})
    log = Log([0, 1, 2], [1_700_000_000_000] * 3, [encode(call) for call in (*calls, step)], [*calls, step])
    rows, summaries = play(log, rng, crash=0.0, reseek=0.0)
    assert summaries[-1].counted == 3
    counted = {(row.grouping, *row.labels.values()): row.n for row in rows}
    assert counted["@10s",] == 2
    assert {key: n for key, n in counted.items() if key[0] == "operation@10s"} == {
        ("operation@10s", "chat"): 2,
        ("operation@10s", "chain"): 1,
    }
    assert sum(n for key, n in counted.items() if key[0] == "service,model@60s") == 2
    assert not any("" in key for key in counted)
