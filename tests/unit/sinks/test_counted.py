"""What `callgauge.counted` declares is found wherever it must be known; a place that was forgotten fails here."""

from __future__ import annotations

from collections import Counter
from typing import get_args

import pytest

from callgauge.codec import decode_window_record, encode
from callgauge.counted import COUNTED_NUMBERS, LABELS, MEASURES, OUTCOME_COUNTS, OUTCOME_FIELDS, TOKEN_SUMS
from callgauge.schema import BlockSummary, CacheLevel, Call, Histogram, Measure, WindowRow
from callgauge_history.store import Store
from callgauge_rules.aggregates import AGGREGATES, aggregate
from callgauge_streams.detect.columns import Columns
from callgauge_windows.row_batch import RowBatch
from callgauge_windows.totals import MeasureTotals, Totals
from tests.unit.sinks.windows import window_row

ADDED_UP = (*(count.name for count in OUTCOME_COUNTS), *TOKEN_SUMS)
#: Added up, but no aggregate that a rule may name is made of it.
NOT_JUDGED = {"cache_write_tokens", "reasoning_tokens"}
#: The fields of a row that are numbers and yet nothing that is counted: its identity, its version, and a maximum.
NOT_ADDED_UP = {"series_id", "window_start_ms", "window_ms", "block", "n", "rate_limit_used_max_ppm"}


def columns_of(store: Store, table: str) -> set[str]:
    return {row[0] for row in store.query(f"DESCRIBE TABLE {table}").rows}


def test_what_is_counted_is_a_field_of_a_call() -> None:
    """Labels, categories and numbers are read from a call's fields of the same names."""
    assert {*LABELS, *OUTCOME_FIELDS, *COUNTED_NUMBERS} <= Call.model_fields.keys()
    assert set(TOKEN_SUMS) | {measure.field for measure in MEASURES.values()} <= set(COUNTED_NUMBERS)


def test_each_level_of_a_cache_is_counted() -> None:
    """Of hits alone: what a call says of a level without one is no hit."""
    for level in get_args(CacheLevel):
        [count] = (count for count in OUTCOME_COUNTS if count.name == f"cache_hits_{level}")
        hit = {"cache_hit": True, "cache_level": level}
        others = [hit | {"cache_level": other} for other in (None, *get_args(CacheLevel)) if other != level]
        assert count.of(hit)
        assert not any(map(count.of, [hit | {"cache_hit": False}, *others]))


def test_what_is_added_up_is_a_field_of_a_row() -> None:
    """And a row has no other sums than those declared."""
    numbers = {name for name, field in WindowRow.model_fields.items() if field.annotation is int}
    assert numbers == {*ADDED_UP, *NOT_ADDED_UP}


@pytest.mark.parametrize("table", ["calls", "windows", "windows_merged", "score_windows", "score_windows_merged"])
def test_labels_are_columns(store: Store, table: str) -> None:
    """A new label needs a migration of all of these."""
    assert set(LABELS) <= columns_of(store, table)


def test_a_calls_fields_are_columns(store: Store) -> None:
    """A new field needs a migration of `calls`."""
    assert Call.model_fields.keys() <= columns_of(store, "calls")


@pytest.mark.parametrize("table", ["windows", "windows_merged"])
def test_sums_are_columns(store: Store, table: str) -> None:
    """A new sum needs a migration of the table and of the view."""
    assert set(ADDED_UP) <= columns_of(store, table)


@pytest.mark.parametrize("name", MEASURES)
def test_a_measure_is_columns(store: Store, name: str) -> None:
    """A new measure needs a migration: one column for each of its parts, and something of it in the view."""
    parts = {*Measure.model_fields, *(f"histogram.{part}" for part in Histogram.model_fields)} - {"histogram"}
    wanted = {f"{name}_{part.removeprefix('histogram.').replace('buckets', 'histogram')}" for part in parts}
    assert wanted <= columns_of(store, "windows")
    assert any(column.startswith(name) for column in columns_of(store, "windows_merged"))


def test_a_summarys_counts_are_columns(store: Store) -> None:
    """A new count of a block needs a migration of `block_summaries`."""
    fields = {name for name in BlockSummary.model_fields if name not in ("kind", "first_ts_ms")}
    assert fields <= columns_of(store, "block_summaries")


def test_detect_can_hold_what_is_added_up() -> None:
    """Rules are judged on all of it."""
    given = {name: at + 1 for at, name in enumerate(ADDED_UP)}
    row = decode_window_record(encode(window_row([100.0]).model_copy(update=given)))
    columns = Columns.every()
    values = dict(zip(columns.names, columns.of(RowBatch.of_rows([row]))[0].tolist(), strict=True))
    assert {name: values[name] for name in ADDED_UP} == given
    assert {f"{name}.sum" for name in MEASURES} <= values.keys()


@pytest.mark.parametrize("name", ADDED_UP)
def test_sums_can_be_judged(name: str) -> None:
    """Some aggregate changes with each sum; one that no rule can name is listed in NOT_JUDGED."""
    without, with_some = (Totals(counts=Counter({"n": 100, "input_tokens": 50, name: value})) for value in (0, 7))
    changed = [each.name for each in AGGREGATES.values() if each.of(without) != each.of(with_some)]
    assert bool(changed) == (name not in NOT_JUDGED)


@pytest.mark.parametrize("name", MEASURES)
def test_measures_can_be_judged(name: str) -> None:
    """A mean and a percentile of each measure can be named."""
    totals = Totals(counts=Counter(n=4), measures={name: MeasureTotals(4, 400, 100, "x", 0, Counter({212: 4}))})
    judged = [each for each in AGGREGATES.values() if each.measure == name and each.of(totals)]
    assert any("mean" in each.name for each in judged)
    suffix = next(each.name.partition("mean")[2] for each in judged if "mean" in each.name)
    assert aggregate(f"{name}_p95{suffix}").of(totals)
