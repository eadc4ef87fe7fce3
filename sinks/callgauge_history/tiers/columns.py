"""The columns that windows and tiers have in common, and how several rows become one. Pure.

All of it follows from `callgauge.counted`, so that a new label, count or measure is in the tiers as soon as the tables
have its column.
"""

from __future__ import annotations

from collections.abc import Iterator

from callgauge.counted import LABELS, MEASURES, OUTCOME_COUNTS, TOKEN_SUMS
from callgauge_history.tiers.ladder import Base

__all__ = ["MIXED_SCALE", "columns_of", "merged_columns"]

#: The scale of a row whose parts had histograms of different scales: its percentiles cannot be told.
MIXED_SCALE = -128

_SUMS = ("n", *(count.name for count in OUTCOME_COUNTS), *TOKEN_SUMS)
_MAPS = ("errors", "finish_reasons")
_PARTS = ("count", "sum", "sum_sq", "min", "max", "max_event_id", "histogram", "zero_count", "scale")
_SCORE_PARTS = (
    "n", "value_sum", "value_sum_sq", "value_min", "value_max", "min_event_id", "histogram", "negative_histogram",
    "zero_count", "scale",
)  # fmt: skip


def columns_of(base: Base) -> list[str]:
    """The columns of a row, besides its identity (grouping, series_id, window_start, window_ms and the base's key)."""
    if base.table == "score_windows":
        return [*LABELS, *_SCORE_PARTS]
    measures = [f"{measure}_{part}" for measure in MEASURES for part in _PARTS]
    return [*LABELS, *_SUMS, *_MAPS, "rate_limit_used_max_ppm", *measures]


def merged_columns(base: Base, alias: str) -> Iterator[tuple[str, str]]:
    """Each column's name, and the aggregate that makes it of the rows of one bucket.

    Args:
        alias: of the rows that are added up.
    """
    row = f"{alias}."
    for label in LABELS:
        yield label, f"any({row}{label})"
    if base.table == "score_windows":
        yield from _merged_score(row)
        return
    for name in _SUMS:
        yield name, f"sum({row}{name})"
    for name in _MAPS:
        yield name, f"sumMap({row}{name})"
    yield "rate_limit_used_max_ppm", f"max({row}rate_limit_used_max_ppm)"
    for measure in MEASURES:
        for part, aggregate in _merged_measure(f"{row}{measure}"):
            yield f"{measure}_{part}", aggregate


def _merged_measure(measure: str) -> Iterator[tuple[str, str]]:
    some = f"{measure}_count > 0"
    for part in ("count", "sum"):
        yield part, f"sum({measure}_{part})"
    # Squares of a block fit 64 bits, those of a day need not.
    yield "sum_sq", f"sum(toInt128({measure}_sum_sq))"
    yield "min", f"minIf({measure}_min, {some})"
    yield "max", f"maxIf({measure}_max, {some})"
    # Of equal ones the lowest id, whatever the order in which rows are added.
    yield "max_event_id", f"argMinIf({measure}_max_event_id, (-{measure}_max, {measure}_max_event_id), {some})"
    yield "histogram", f"sumMap({measure}_histogram)"
    yield "zero_count", f"sum({measure}_zero_count)"
    yield "scale", _scale(f"{measure}_scale", some)


def _merged_score(row: str) -> Iterator[tuple[str, str]]:
    for name in ("n", "value_sum", "zero_count"):
        yield name, f"sum({row}{name})"
    yield "value_sum_sq", f"sum(toInt128({row}value_sum_sq))"
    yield "value_min", f"minIf({row}value_min, {row}n > 0)"
    yield "value_max", f"maxIf({row}value_max, {row}n > 0)"
    yield "min_event_id", f"argMinIf({row}min_event_id, ({row}value_min, {row}min_event_id), {row}n > 0)"
    for name in ("histogram", "negative_histogram"):
        yield name, f"sumMap({row}{name})"
    yield "scale", _scale(f"{row}scale", f"{row}n > 0")


def _scale(scale: str, some: str) -> str:
    return f"if(minIf({scale}, {some}) = maxIf({scale}, {some}), maxIf({scale}, {some}), {MIXED_SCALE})"
