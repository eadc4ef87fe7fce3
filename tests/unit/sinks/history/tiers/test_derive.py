"""The tiers are a plain recount of the windows that count, whatever happened to these and however often."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from callgauge.schema import EpochStart, WindowRow
from callgauge_history.store import Store
from callgauge_history.tiers import touched
from callgauge_history.tiers.columns import columns_of
from callgauge_history.tiers.counting import counts_table
from callgauge_history.tiers.deriving import batches_of
from callgauge_history.tiers.job import TierJob, derive
from callgauge_history.tiers.ladder import BASES, TIERS, Base, bucket_start_ms
from callgauge_history.tiers.segments import Coverage
from tests.examples import examples
from tests.unit.sinks.history.test_replacing import insert
from tests.unit.sinks.windows import score_row, window_row

WINDOWS, SCORES = BASES
DAY_MS = 86_400_000
#: Starts of windows: in one minute, one hour, one day, and in others; the first lies three days back.
TODAY_MS = int(time.time() * 1000) // DAY_MS * DAY_MS
STARTS = [TODAY_MS + shift for shift in (-3 * DAY_MS, -DAY_MS, -DAY_MS + 50_000, -DAY_MS + 70_000, -3_600_000)]
GROUPINGS = {"model@10s": 10_000, "model@7s": 7_000, "model@90s": 90_000}


def row_of(identity: tuple[str, int, int, int, str], n: int) -> WindowRow:
    """A pure function of identity and n, as rollup's rows are."""
    grouping, series, start_ms, block, epoch = identity
    width_ms = GROUPINGS[grouping]
    rng = random.Random(repr((grouping, series, start_ms, block)))
    latencies = [rng.choice((0.0, 5.0, 5.0, 70.5, 900.25)) for _ in range(n)]
    return window_row(
        latencies, grouping=grouping, series_id=series, window_start_ms=start_ms,
        window_ms=width_ms, block=block, epoch=epoch, source="c/t/0", labels={"model": f"m{series}"},
        errors={"timeout": n // 2} if n > 1 else {}, cache_hits=n // 3, cache_hits_exact=n // 5,
        input_tokens=7 * n,
    )  # fmt: skip


def aligned(identity: tuple[str, int, int, int, str]) -> tuple[str, int, int, int, str]:
    """Where windows begin: two starts that lie in one window are one identity."""
    grouping, series, start_ms, block, epoch = identity
    return grouping, series, start_ms // GROUPINGS[grouping] * GROUPINGS[grouping], block, epoch


identities = st.tuples(
    st.sampled_from(sorted(GROUPINGS)), st.integers(1, 2), st.sampled_from(STARTS), st.sampled_from((0, 64)),
    st.just("e1"),
).map(aligned)  # fmt: skip
steps = st.one_of(
    st.tuples(st.just("row"), identities, st.integers(1, 6)),
    st.tuples(st.just("row"), identities, st.integers(1, 6)),
    st.tuples(st.just("replay"), st.none(), st.none()),
    st.tuples(st.just("derive"), st.integers(1, 3), st.none()),
    st.tuples(st.just("epoch"), st.none(), st.none()),
    st.tuples(st.just("forget"), st.none(), st.none()),
)


class Played:
    """The store, and beside it what its windows must add up to."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.rows: dict[tuple[Any, ...], WindowRow] = {}
        self.sent: list[WindowRow] = []
        self.epoch = "e1"
        self.kept: dict[str, int] = {}
        insert(store, EpochStart(source="c/t/0", from_offset=0, epoch="e1", term=1))

    def row(self, identity: tuple[str, int, int, int, str], n: int) -> None:
        if self.kept and identity[2] < STARTS[1]:
            return  # the windows of that day are gone: a row of it is too late
        identity = (*identity[:4], self.epoch if identity[3] == 64 else "e1")
        row = row_of(identity, n)
        insert(self.store, row)
        self.sent.append(row)
        if identity not in self.rows or self.rows[identity].n < n:
            self.rows[identity] = row

    def replay(self) -> None:
        if self.sent and not self.kept:
            insert(self.store, *self.sent)

    def start_epoch(self) -> None:
        """The open block is counted again under new settings; what was counted of it is void."""
        if self.epoch == "e1":
            self.epoch = "e2"
            insert(self.store, EpochStart(source="c/t/0", from_offset=64, epoch="e2", term=2))
            self.rows = {identity: row for identity, row in self.rows.items() if identity[3] < 64 or row.epoch == "e2"}

    def forget(self) -> None:
        """The windows' time to live is over, for those of the first day; its buckets were derived before."""
        derive(self.store, WINDOWS, TIERS, self.kept)
        self.store.command(f"ALTER TABLE windows DELETE WHERE {_before_ms(STARTS[1])} SETTINGS mutations_sync = 2")
        # At every time of day the first day is then outside what is kept, and yesterday whole inside it, also with
        # the hour that clocks may differ (`tiers.job`). With 2 yesterday's rows were too late in a day's last hour.
        self.kept = {"windows": 3}
        self.sent = [row for row in self.sent if row.window_start_ms >= STARTS[1]]


def _before_ms(ms: int) -> str:
    return f"window_start < fromUnixTimestamp64Milli({ms})"


def recounted(rows: Iterator[WindowRow], width_ms: int) -> dict[tuple[Any, ...], Any]:
    """What the rows add up to, by grouping set, series and bucket."""
    found: dict[tuple[Any, ...], Any] = {}
    for row in rows:
        start = bucket_start_ms(row.window_start_ms, row.window_ms, width_ms)
        total = found.setdefault((row.grouping, row.series_id, start), [Counter(), Counter(), Counter()])
        latency = row.measures["latency"]
        numbers = {"n": row.n, "cache_hits": row.cache_hits, "exact": row.cache_hits_exact}
        numbers |= {"input_tokens": row.input_tokens, "sum": latency.sum}
        total[0].update({**numbers, "sum_sq": latency.sum_sq, "zeros": latency.histogram.zero_count})
        total[1].update(row.errors)
        total[2].update({int(bucket): count for bucket, count in latency.histogram.buckets.items()})
    return {key: tuple(map(dict, total)) for key, total in found.items()}


def stored(store: Store, table: str) -> dict[tuple[Any, ...], Any]:
    columns = "grouping, series_id, toUnixTimestamp64Milli(window_start), n, cache_hits, cache_hits_exact, "
    columns += "input_tokens, latency_sum, latency_sum_sq, latency_zero_count, errors, latency_histogram, model"
    found = {}
    for grouping, series, start, *numbers, errors, histogram, model in store.query(
        f"SELECT {columns} FROM {table} FINAL WHERE n > 0"
    ).rows:
        assert model == f"m{series}"
        names = ("n", "cache_hits", "exact", "input_tokens", "sum", "sum_sq", "zeros")
        buckets = {int(bucket): int(count) for bucket, count in histogram.items()}
        key = (grouping, int(series), int(start))
        found[key] = (dict(zip(names, map(int, numbers), strict=True)), errors, buckets)
    return found


def counts_of(tier: dict[tuple[Any, ...], Any]) -> dict[tuple[str, int], tuple[int, int]]:
    """By grouping set and bucket, the series of a tier that hold something, and what they add up to."""
    found: dict[tuple[str, int], tuple[int, int]] = {}
    for (grouping, _, start), (numbers, _, _) in tier.items():
        series, n = found.get((grouping, start), (0, 0))
        found[grouping, start] = (series + 1, n + numbers["n"])
    return found


def counted(store: Store, tier: str) -> dict[tuple[str, int], tuple[int, int]]:
    columns = "grouping, toUnixTimestamp64Milli(window_start), series, n"
    rows = store.query(f"SELECT {columns} FROM {counts_table(tier)} FINAL WHERE series > 0").rows
    return {(grouping, int(start)): (int(series), int(n)) for grouping, start, series, n in rows}


@pytest.fixture
def no_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was stored before a cursor is not looked at again, so that a test sees what the cursor alone does."""
    monkeypatch.setattr(touched, "OVERLAP_MS", 0)


@settings(
    max_examples=examples(3, long=30),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@example(
    history=[("row", aligned(("model@90s", 2, start_ms, 64, "e1")), 1) for start_ms in (STARTS[3], STARTS[1])]
)  # both begin one window
@example(
    history=[("row", aligned(("model@10s", 1, start_ms, 0, "e1")), 1) for start_ms in (STARTS[0], STARTS[0])]
    + [("forget", None, None), ("row", aligned(("model@10s", 1, STARTS[1], 0, "e1")), 1)]
)  # failed from 23:00 to 24:00
@example(
    history=[
        ("row", aligned(("model@10s", 1, STARTS[1], 64, "e1")), 5),
        ("derive", 3, None),
        ("epoch", None, None),
        ("row", aligned(("model@10s", 1, STARTS[1], 64, "e1")), 2),
    ]
)  # the open block is counted again with fewer calls: what was derived of it before must give way
@given(history=st.lists(steps, min_size=3, max_size=14))
@pytest.mark.usefixtures("no_overlap")
def test_tiers_are_a_plain_recount(module_store: Store, history: list[tuple[str, Any, Any]]) -> None:
    """In whatever order rows grow, come late or again, become void, are derived and forgotten."""
    counts = [counts_table(tier.name) for tier in TIERS]
    for table in ("windows", "epochs", "tier_progress", *counts, *(tier.table(WINDOWS) for tier in TIERS)):
        module_store.command(f"TRUNCATE TABLE {table}")
    played = Played(module_store)
    for what, first, second in history:
        match what:
            case "row":
                played.row(first, second)
            case "replay":
                played.replay()
            case "epoch":
                played.start_epoch() if not played.kept else None
            case "forget":
                played.forget() if not played.kept else None
            case "derive":
                derive(module_store, WINDOWS, TIERS[:first], played.kept)
    for _ in range(2):
        derive(module_store, WINDOWS, TIERS, played.kept)
        for tier in TIERS:
            expected = recounted(iter(played.rows.values()), tier.width_ms)
            assert stored(module_store, tier.table(WINDOWS)) == expected
            assert counted(module_store, tier.name) == counts_of(expected)


@pytest.mark.usefixtures("no_overlap")
def test_tiers_of_scores(store: Store) -> None:
    """Names and origins apart; the lowest value, with its call, and both signs' buckets."""
    start = STARTS[1]
    rows = [
        score_row([0.5, -0.25], block=0, window_start_ms=start, min_event_id="b"),
        score_row([-0.25, 0.0], block=64, window_start_ms=start + 10_000, min_event_id="a"),
        score_row([1.0], block=0, window_start_ms=start + 60_000, origin="user"),
    ]
    insert(store, *rows)
    derive(store, SCORES)
    columns = (
        "toUnixTimestamp64Milli(window_start), origin, n, value_sum, value_min, value_max, min_event_id, zero_count"
    )
    expected = [[start, "judge", 4, 0, -250_000, 500_000, "a", 1], [start, "user", 1, 10**6, 10**6, 10**6, "worst", 0]]
    for table in ("score_windows_1h", "score_windows_1d"):
        assert store.query(f"SELECT {columns} FROM {table} FINAL ORDER BY origin").rows == expected
    [[negative]] = store.query("SELECT negative_histogram FROM score_windows_1d FINAL WHERE origin = 'judge'").rows
    assert sum(map(int, negative.values())) == 2


def test_mixed_scales_are_marked(store: Store) -> None:
    """Their percentiles cannot be told, in whatever tier they meet."""
    rows = [
        window_row([5.0], window_start_ms=STARTS[1]),
        window_row([5.0], window_start_ms=STARTS[1] + 10_000, scale=4),
    ]
    insert(store, *rows)
    derive(store, WINDOWS)
    for tier in TIERS:
        assert store.query(f"SELECT latency_scale FROM {tier.table(WINDOWS)} FINAL").rows == [[-128]]


def test_what_is_dirty(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Buckets that were stored since the tier was derived; none before, and all of them before it ever was."""
    assert touched.coverages(store.query, WINDOWS) == []
    insert(store, row_of(("model@10s", 1, STARTS[1], 0, "e1"), 3))
    derive(store, WINDOWS)
    monkeypatch.setattr(touched, "OVERLAP_MS", -2_000)  # as if that had been two seconds ago
    clean = [Coverage(tier.name, tier.width_ms) for tier in TIERS]
    assert touched.coverages(store.query, WINDOWS) == clean
    monkeypatch.setattr(touched, "OVERLAP_MS", 0)
    store.command("TRUNCATE TABLE windows")
    insert(store, row_of(("model@10s", 1, STARTS[4], 0, "e1"), 3))
    dirty = touched.coverages(store.query, WINDOWS)
    assert [set(each.dirty) for each in dirty] == [{STARTS[4] // tier.width_ms * tier.width_ms} for tier in TIERS]


def test_a_row_that_is_too_late_lowers_nothing(store: Store) -> None:
    """The windows of its bucket are gone: it is told, and the bucket stays as it was."""
    insert(store, row_of(("model@10s", 1, STARTS[0], 0, "e1"), 5))
    derive(store, WINDOWS)
    store.command("TRUNCATE TABLE windows")
    insert(store, row_of(("model@10s", 1, STARTS[0], 64, "e1"), 1))
    assert derive(store, WINDOWS, kept_days={"windows": 2}).too_old > 0
    assert store.query("SELECT n FROM windows_1d FINAL").rows == [[5]]


def test_the_job_derives_what_is_due(store: Store) -> None:
    """The finest tier each minute, the coarser ones less often, and nothing between."""
    now = [100.0]
    job = TierJob(store, {}, clock=lambda: now[0])
    insert(store, row_of(("model@10s", 1, STARTS[1], 0, "e1"), 5))
    job.step()
    tables = [tier.table(WINDOWS) for tier in TIERS]
    assert [store.query(f"SELECT sum(n) FROM {table} FINAL").rows for table in tables] == [[[5]]] * 3
    insert(store, row_of(("model@10s", 1, STARTS[1], 0, "e1"), 6))
    now[0] += 59
    job.step()
    assert store.query("SELECT sum(n) FROM windows_1m FINAL").rows == [[5]]
    now[0] += 1
    job.step()
    assert [store.query(f"SELECT sum(n) FROM {table} FINAL").rows for table in tables] == [[[6]], [[5]], [[5]]]


@pytest.mark.parametrize("base", BASES, ids=lambda base: base.table)
def test_the_tables_have_the_columns(store: Store, base: Base) -> None:
    """A new label, count or measure needs a migration of every tier."""
    identity = {"grouping", "series_id", "window_start", "window_ms", *base.key}
    for tier in TIERS:
        found = {row[0] for row in store.query(f"DESCRIBE TABLE {tier.table(base)}").rows}
        assert found == {*identity, *columns_of(base), "version"}
    source = {row[0] for row in store.query(f"DESCRIBE TABLE {base.table}").rows}
    assert source - {"source", "block", "epoch", "stored_at"} == {*identity, *columns_of(base)}


def test_batches() -> None:
    """As many buckets together as one statement should derive, and none that lie far apart."""
    minute = TIERS[0]
    near = [at * 60_000 for at in range(25)]
    assert [len(batch) for batch in batches_of(minute, near)] == [10, 10, 5]
    assert list(batches_of(minute, [0, 60_000, 7_200_000])) == [[0, 60_000], [7_200_000]]
