"""Scores in the store: each once, and windows of them that add up."""

from __future__ import annotations

import itertools
import math
import random
import statistics

import pytest

from callgauge.schema import EpochStart, Score
from callgauge.settings import load_settings
from callgauge_history.store import Store
from callgauge_sinks.records import decode_messages
from callgauge_sinks.rows import score_record_rows
from callgauge_sinks.specs import NAMES, origin_topics, spec_of
from callgauge_windows.histogram import RELATIVE_ERROR
from tests.random_scores import random_scores
from tests.unit.sinks.fakes import FakeMessage
from tests.unit.sinks.history.test_replacing import insert
from tests.unit.sinks.test_rows import CHANGE, SCORE, score_record
from tests.unit.sinks.windows import score_row


def test_every_score_survives_the_way(store: Store) -> None:
    """What was sent, twice, is what a query gives, once."""
    records = list(random_scores(300, seed=5))
    for first in (0, 1_000):
        for table, rows in score_record_rows([score_record(r, 0, first + i) for i, r in enumerate(records)]).items():
            store.insert(table, rows)
    scores = sorted((r for r in records if isinstance(r, Score)), key=lambda score: score.score_id)
    rows_found = store.query(
        "SELECT score_id, name, value, kafka_offset < 1000 FROM scores_final ORDER BY score_id"
    ).rows
    assert rows_found == [[score.score_id, score.name, score.value, 1] for score in scores]
    changes = store.query("SELECT count(), max(kafka_offset) < 1000 FROM state_changes_final").rows
    assert changes == [[len(records) - len(scores), 1]]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_of_a_repeated_score_the_first_record_stays(store: Store, order: tuple[int, ...]) -> None:
    """The lowest offset, in whatever order the records are inserted, before and after a merge."""
    tables = [
        score_record_rows([score_record(record, 1, offset) for record in (SCORE, CHANGE)], "c/t")
        for offset in (7, 1_000, 2**40)
    ]
    for index in order:
        for table, rows in tables[index].items():
            store.insert(table, rows)
    for table in tables[0]:
        assert store.query(f"SELECT kafka_offset FROM {table}_final").rows == [[7]]
        store.command(f"OPTIMIZE TABLE {table} FINAL")
        assert store.query(f"SELECT kafka_offset FROM {table}").rows == [[7]]


def test_the_largest_n_stays(store: Store) -> None:
    """Old versions of a row are not read; other blocks add up; other names and origins stand beside."""
    rows = [score_row([0.5] * n) for n in (2, 5, 3)] + [score_row([0.5] * 10, block=64)]
    insert(store, *rows, score_row([1.0], name="thumbs"), score_row([1.0] * 2, origin="user"))
    sql = "SELECT name, origin, scores FROM score_windows_merged ORDER BY scores"
    expected = [["thumbs", "judge", 1], ["helpfulness", "user", 2], ["helpfulness", "judge", 15]]
    assert store.query(sql).rows == expected
    insert(store, *rows)
    store.command("OPTIMIZE TABLE score_windows FINAL")
    assert store.query(sql).rows == expected


def test_rows_of_a_void_epoch_do_not_count(store: Store) -> None:
    """As with the windows of calls."""
    starts = [EpochStart(source="c/s/0", from_offset=at, epoch=e, term=t) for at, e, t in ((0, "e1", 1), (64, "e2", 2))]
    insert(store, *starts, score_row([1.0] * 4), score_row([1.0] * 3, block=64), score_row([1.0], block=64, epoch="e2"))
    assert store.query("SELECT scores FROM score_windows_merged").rows == [[5]]


@pytest.mark.parametrize("kind", ["both signs", "negative", "shares", "zeros", "one"])
def test_statistics_of_a_window(store: Store, kind: str) -> None:
    """Mean, deviation, extremes and percentiles of two blocks are those of the values."""
    rng = random.Random(8)
    values = {
        "both signs": [round(rng.gauss(0, 5), 3) for _ in range(401)] + [0.0] * 50,
        "negative": [-rng.random() for _ in range(99)],
        "shares": [rng.random() for _ in range(1_000)],
        "zeros": [0.0] * 5,
        "one": [-0.125],
    }[kind]
    half = len(values) // 2
    insert(store, *(score_row(part, block=b) for b, part in enumerate((values[:half], values[half:])) if part))
    names = "scores, mean, stddev, lowest, highest, p05, p50, p95"
    [[count, mean, deviation, lowest, highest, *percentiles]] = store.query(
        f"SELECT {names} FROM score_windows_merged"
    ).rows
    assert (count, lowest, highest) == (len(values), *(pytest.approx(f(values), abs=1e-6) for f in (min, max)))
    assert mean == pytest.approx(statistics.fmean(values), abs=1e-6)
    assert deviation == pytest.approx(statistics.pstdev(values), abs=2e-3)
    ranked = sorted(values)
    for q, found in zip((0.05, 0.5, 0.95), percentiles, strict=True):
        true = ranked[math.floor(q * (len(values) - 1))]
        assert abs(found - true) <= RELATIVE_ERROR * abs(true) + 1e-6


def test_the_worst_of_several_blocks(store: Store) -> None:
    """The lowest value's call; of equal ones the first block's."""
    insert(store, score_row([-1.0], block=64, min_event_id="b"), score_row([-1.0, 3.0], min_event_id="a"))
    insert(store, score_row([0.5], block=128, min_event_id="c"))
    assert store.query("SELECT lowest_event_id, lowest FROM score_windows_merged").rows == [["a", -1.0]]


def test_what_cannot_be_told_is_null(store: Store) -> None:
    """The deviation where a value was cut to be squared, percentiles where scales differ."""
    insert(store, score_row([20_000.0, 1.0]), score_row([1.0], block=64, scale=4))
    assert store.query("SELECT total, stddev, p50 FROM score_windows_merged").rows == [[20_002.0, None, None]]


def test_opens_of_breakers(store: Store) -> None:
    """Of the name breaker_open only."""
    insert(store, score_row([1.0, 0.0, 1.0], name="breaker_open", origin="openai"), score_row([1.0]))
    sql = "SELECT origin, scores, opens FROM score_windows_merged ORDER BY origin"
    assert store.query(sql).rows == [["judge", 1, 0], ["openai", 3, 2]]


def test_the_sink_marks_what_it_stored(store: Store) -> None:
    """As the calls sink does, under its own origin."""

    settings = load_settings()
    assert "scores" in NAMES
    assert settings.topics.scores.name in origin_topics(settings)
    spec = spec_of("scores", settings, {"llm.scores": "c/s", "llm.calls": "c/t"})
    assert spec.marks is not None
    batch = decode_messages([FakeMessage(b"{", "llm.scores", 1, 4)], spec.decode)
    assert batch.unreadable == [True]
    [mark] = spec.marks(batch)["stored_offsets"].to_pylist()
    assert mark == {"sink": "scores", "source": "c/s/1", "first_offset": 4, "next_offset": 5}
