"""Scores roll up as calls do: any cut of the log, any crash points and re-reads give the recount of the log."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge.codec import encode
from callgauge.schema import Score, StateChange
from callgauge.units import SCORE_LIMIT, score_square
from callgauge_streams.bus.blocks import BlockCutter
from callgauge_streams.bus.records import Records
from callgauge_streams.rollup.config import RollupConfig
from callgauge_streams.rollup.kinds import SCORES
from callgauge_streams.rollup.source.duplicates import SeenIds
from callgauge_streams.rollup.source.state_machine import SourceRollup, seen_in
from callgauge_windows.grouping import parse_groupings, series_id
from callgauge_windows.histogram import bucket_of
from tests.as_sent import as_sent
from tests.examples import examples
from tests.oracle import Horizon, merged_scores, recount_scores
from tests.random_scores import random_score
from tests.unit.streams.rollup.source.test_state_machine import BLOCK_OFFSETS, Log, Reader

GROUPINGS = "@10s model@10s service@10s service,provider,model@60s"
CONFIG = RollupConfig(
    parse_groupings(GROUPINGS), BLOCK_OFFSETS, out_of_orderness_ms=2_000, dedup_offsets=100, dedup_ms=60_000
)


class ScoreLog(Log):
    """A log of scores; `counted` are those that count."""

    def __init__(self, records: list[Score | StateChange] | None = None) -> None:
        super().__init__()
        self.counted: list[Score | StateChange] = []
        for record in records or []:
            self.append(len(self.offsets), 1_000_000, encode(record))
            self.counted.append(record)

    def append(self, offset: int, timestamp_ms: int, value: bytes) -> None:
        self.offsets.append(offset)
        self.timestamps_ms.append(timestamp_ms)
        self.values.append(value)


def random_log(rng: random.Random, records: int) -> ScoreLog:
    """Holes in the offsets, noisy timestamps, unreadable and repeated records."""
    log, offset, now = ScoreLog(), rng.randrange(3) * 50, 1_700_000_000.0
    sent: list[Score | StateChange] = []
    horizon = Horizon(CONFIG.dedup_offsets, CONFIG.dedup_ms / 1000)
    for i in range(records):
        offset += 1 if rng.random() < 0.9 else rng.randrange(2, 40)
        now += rng.choice((0.0, 0.01, 1.0, 5.0, 30.0))
        timestamp_ms = int(now * 1000) + rng.choice((0, 0, -40_000, 7))
        if rng.random() < 0.05:
            log.append(
                offset, timestamp_ms, rng.choice((b"", b"{", b'{"kind": "score", "ts": NaN}', b'{"kind": "call"}'))
            )
            log.dead += 1
            continue
        again = sent and rng.random() < 0.1
        sent.append(rng.choice(sent[-40:]) if again else random_score(rng, f"e{i}", now - rng.choice((1, 1, 1, 300))))
        log.append(offset, timestamp_ms, encode(sent[-1]))
        record_id = sent[-1].score_id if isinstance(sent[-1], Score) else sent[-1].event_id
        if horizon.is_duplicate(0, offset, timestamp_ms, record_id):
            log.duplicates += 1
        else:
            log.counted.append(sent[-1])
    return log


def horizon_before(log: Log, start: int) -> SeenIds:
    """What a worker that takes over reads first."""
    before = [at for at, offset in enumerate(log.offsets) if start - CONFIG.dedup_offsets <= offset < start]
    offsets, timestamps_ms = ([column[at] for at in before] for column in (log.offsets, log.timestamps_ms))
    return seen_in(CONFIG, SCORES, [Records.of(offsets, timestamps_ms, [log.values[at] for at in before])])


def play(log: Log, rng: random.Random, crash: float, reseek: float) -> tuple[list[Any], list[Any]]:
    """Rows and summaries sent by workers that die at any point and are followed by another from the last commit."""
    sent: list[Any] = []
    reader = Reader(log)
    committed = log.offsets[0] if log.offsets else 0

    def new_worker() -> SourceRollup:
        reader.seek(committed)
        return SourceRollup(CONFIG, "c/t/0", committed, horizon_before(log, committed), SCORES)

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
                sent += records[: rng.randrange(len(records) + 1)] if rng.random() < crash else []
                sent += records
                committed = closed.safe_offset
        if rng.random() < 0.3:
            sent += as_sent(worker.due_rows(first_time_only=rng.random() < 0.5))
        if rng.random() < 0.05:
            sent += as_sent(worker.idle_records())
    sent += as_sent(worker.idle_records())
    assert {record.kind for record in sent} <= {"score_row", "summary"}
    return [r for r in sent if r.kind == "score_row"], [r for r in sent if r.kind == "summary"]


def rolled_up(log: Log, config: RollupConfig = CONFIG, step: int = 50) -> list[Any]:
    """Rows and the summary of a log that is one block."""
    reader, worker = Reader(log), SourceRollup(config, "c/t/0", 0, kind=SCORES)
    reader.seek(0)
    reader.cutter = BlockCutter(65_536)
    while reader.at < len(log.offsets):
        for chunk in reader.fetch(step):
            worker.take(chunk)
    return as_sent(worker.idle_records())


@settings(max_examples=examples(25, long=150), deadline=None)
@given(seed=st.integers(0, 2**32), crash=st.sampled_from((0.0, 0.1, 0.4)), reseek=st.sampled_from((0.0, 0.2)))
def test_merged_rows_equal_a_recount_of_the_log(seed: int, crash: float, reseek: float) -> None:
    rng = random.Random(seed)
    log = random_log(rng, rng.randrange(1, 400))
    rows, summaries = play(log, rng, crash, reseek)
    assert merged_scores(rows) == recount_scores(log.counted, GROUPINGS)
    latest: dict[int, Any] = {}
    for summary in summaries:
        if summary.block not in latest or summary.last_offset >= latest[summary.block].last_offset:
            latest[summary.block] = summary
    assert sum(s.records for s in latest.values()) == len(log.offsets)
    assert sum(s.counted for s in latest.values()) == len(log.counted)
    assert sum(s.dead for s in latest.values()) == log.dead
    assert sum(s.duplicates for s in latest.values()) == log.duplicates
    too_large = [r for r in log.counted if isinstance(r, Score) and abs(r.value) > 10_000]
    assert sum(s.clamped for s in latest.values()) == len(too_large)


@settings(max_examples=examples(12, long=60), deadline=None)
@given(seed=st.integers(0, 2**32))
def test_rows_of_one_identity_and_n_are_equal_however_the_log_was_cut(seed: int) -> None:
    log = random_log(random.Random(seed), 150)
    ways = [play(log, random.Random(cut), 0.2, 0.1)[0] for cut in (seed + 1, seed + 2)]
    merged_scores(ways[0] + ways[1])  # asserts it for each pair


def score(value: float, score_id: str, **fields: Any) -> Score:
    given: dict[str, Any] = {"score_id": score_id, "ts": 1_000.0, "name": "n", "value": value, "service": "s"}
    return Score(**given | fields)


@pytest.mark.parametrize("step", [1, 2, 5])
def test_the_lowest_values_call_is_the_one_with_the_lowest_offset(step: int) -> None:
    scores = [score(value, f"s{i}", event_id=f"e{i}") for i, value in enumerate((0.5, -2.0, 0.9, -2.0, 0.0))]
    row = next(r for r in rolled_up(ScoreLog([*scores]), step=step) if r.grouping == "@10s")
    assert (row.min, row.max, row.min_event_id) == (-2_000_000, 900_000, "e1")


def test_a_score_of_no_call_is_named_itself() -> None:
    row = rolled_up(ScoreLog([score(1.0, "s1")]))[0]
    assert row.min_event_id == "s1"


def test_buckets_by_sign() -> None:
    values = [0.0, -0.0, 1.0, 1.0, -1.0, 0.000001, -1e6, 1e6]
    [row, *_] = rolled_up(ScoreLog([score(value, f"s{i}") for i, value in enumerate(values)]))
    one, million = (str(bucket_of(np.array([round(value * 1e6)]))[0]) for value in (1.0, 1e6))
    assert row.histogram.zero_count == 2
    assert row.histogram.buckets == {"-1": 1, one: 2, million: 1}
    assert row.histogram.negative == {one: 1, million: 1}
    assert list(map(int, row.histogram.buckets)) == sorted(map(int, row.histogram.buckets))


def test_a_score_counts_where_it_carries_all_labels() -> None:
    """Without labels under its service and in total; a label that is empty is one."""
    labels: list[dict[str, str]] = [{}, {"model": "m"}, {"model": "m", "provider": ""}]
    rows = rolled_up(ScoreLog([score(1.0, f"s{i}", labels=each) for i, each in enumerate(labels)]))[:-1]
    assert {(r.grouping, r.n) for r in rows} == {
        ("@10s", 3), ("service@10s", 3), ("model@10s", 2), ("service,provider,model@60s", 1)
    }  # fmt: skip
    assert rows[-1].labels == {"service": "s", "provider": "", "model": "m"}


def test_series_are_those_of_the_calls() -> None:
    """Names and origins are rows of one series."""
    rows = rolled_up(ScoreLog([score(1.0, "a"), score(1.0, "b", name="m"), score(1.0, "c", origin="user")]))[:-1]
    of_service = [row for row in rows if row.grouping == "service@10s"]
    assert {row.series_id for row in of_service} == {series_id(CONFIG.groupings[2], ["s"])}
    assert {(row.name, row.origin, row.n) for row in of_service} == {
        ("n", "other", 1),
        ("m", "other", 1),
        ("n", "user", 1),
    }


def test_opens_of_a_breaker() -> None:
    """Count is state changes, sum is opens."""
    states: list[Any] = ["closed", "open", "half_open", "open", "closed"]
    changes: list[Score | StateChange] = [
        StateChange(
            event_id=f"c{i}", ts=1_000.0, service="s", breaker="openai", from_state=before, to_state=after,
            labels={"provider": "openai", "model": "m"},
        )
        for i, (before, after) in enumerate(pairwise(states))
    ]  # fmt: skip
    rows = rolled_up(ScoreLog(changes))[:-1]
    assert {(r.name, r.origin, r.n, r.sum, r.min_event_id) for r in rows} == {
        ("breaker_open", "openai", 4, 2_000_000, "c1")
    }
    assert rows[-1].labels == {"service": "s", "provider": "openai", "model": "m"}


def test_names_that_overflow_are_folded() -> None:
    """The cap counts names and origins as labels: ids in a name become one row."""
    config = RollupConfig(parse_groupings("@10s service@10s"), 65_536, 0, series_cap=20)
    log = ScoreLog([score(1.0, f"s{i}", name=f"id-{i // 2}") for i in range(200)])
    ways = [rolled_up(log, config, step) for step in (1, 7, 200)]
    assert [[encode(record) for record in way] for way in ways] == [[encode(record) for record in ways[0]]] * 3
    rows = [row for row in ways[0][:-1] if row.grouping == "service@10s"]
    assert len(rows) == 21
    assert {row.name: row.n for row in rows}["__other__"] == 160
    assert ways[0][-1].folded == 160


def test_65536_squares_fit() -> None:
    """Of the largest values; sums stay exact beyond the limit of the squares."""
    log = ScoreLog([score(1e6, f"s{i}") for i in range(65_536)])
    rows = rolled_up(log, RollupConfig(parse_groupings("@10s"), 65_536, 0), 8_192)
    assert rows[0].sum == 65_536 * 10**12
    assert 0 < rows[0].sum_sq == 65_536 * score_square(SCORE_LIMIT) < 2**63
    assert rows[1].clamped == 65_536


@given(st.lists(st.floats(-2e4, 2e4), min_size=1, max_size=50))
def test_squares_are_those_of_the_unit(values: list[float]) -> None:
    """NumPy's integers and Python's agree, and both are the true square to half a unit."""
    [row, _] = rolled_up(
        ScoreLog([score(v, f"s{i}") for i, v in enumerate(values)]), RollupConfig(parse_groupings("@10s"))
    )
    exact = [score_square(round(value * 1e6)) for value in values]
    assert row.sum_sq == sum(exact)
    for value, square in zip(values, exact, strict=True):
        if abs(value) <= 1e4:
            assert math.isclose(square, (round(value * 1e6) / 1e3) ** 2, abs_tol=0.500_1, rel_tol=1e-9)


def test_histograms_count_every_value_once() -> None:
    """By name, against the buckets of the values themselves."""
    log = random_log(random.Random(3), 300)
    rows, _ = play(log, random.Random(4), 0.0, 0.0)
    found: dict[str, int] = defaultdict(int)
    for row in {(r.grouping, r.series_id, r.window_start_ms, r.block, r.name, r.origin): r for r in rows}.values():
        if row.grouping == "@10s" and row.name == "revenue":
            for bucket, count in row.histogram.negative.items():
                found[bucket] += count
    expected: dict[str, int] = defaultdict(int)
    for record in log.counted:
        if isinstance(record, Score) and record.name == "revenue" and record.value < 0:
            expected[str(bucket_of(np.array([round(-record.value * 1e6)]))[0])] += 1
    assert found == expected
