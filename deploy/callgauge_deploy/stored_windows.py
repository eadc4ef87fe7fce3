"""Rows of windows as ClickHouse gives them, in the order in which their windows ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from callgauge.counted import LABELS, MEASURES
from callgauge.schema import Histogram, Measure, ScoreRow, SignedHistogram, WindowRow
from callgauge.structs import struct_of
from callgauge_history.store import QueryResult
from callgauge_rules.bound import BoundRule
from callgauge_windows.row_batch import COUNTS

__all__ = ["stored_span", "stored_windows"]

Ask = Callable[[str], QueryResult]

#: About so many rows are asked for at once; a minute is never parted.
_AT_ONCE = 20_000
_MINUTE_MS = 60_000
_END = "toUnixTimestamp64Milli(window_start) + window_ms"
_WindowRow: Any = struct_of(WindowRow)
_ScoreRow: Any = struct_of(ScoreRow)
_Measure: Any = struct_of(Measure)
_Histogram: Any = struct_of(Histogram)
_SignedHistogram: Any = struct_of(SignedHistogram)

_KEY = ("grouping", "series_id", "window_ms", "source", "block", "epoch", "n")
_PLACE = (*_KEY, "toUnixTimestamp64Milli(window_start)", *LABELS)
_PARTS = ("count", "sum", "sum_sq", "min", "max", "max_event_id", "histogram", "zero_count", "scale")
_OF_CALLS = (*_PLACE, *COUNTS[1:], "errors", "finish_reasons", *(f"{m}_{part}" for m in MEASURES for part in _PARTS))
_OF_SCORES = (
    *_PLACE, "name", "origin", "value_sum", "value_sum_sq", "value_min", "value_max", "min_event_id", "histogram",
    "negative_histogram", "zero_count", "scale",
)  # fmt: skip
_ORDER = "window_start, grouping, source, block, epoch, series_id"


def stored_span(ask: Ask, rules: Sequence[BoundRule]) -> tuple[int, int] | None:
    """The end of the first and of the last window that the rules judge, epoch ms; None if there is none.

    Raises:
        StoreError: the store cannot be asked.
    """
    found = [
        (int(first), int(last))
        for table, wanted in _tables(rules)
        for first, last, rows in ask(f"SELECT min({_END}), max({_END}), count() FROM {table} WHERE {wanted}").rows  # noqa: S608 (names and numbers of ours)
        if int(rows)
    ]
    return (min(first for first, _ in found), max(last for _, last in found)) if found else None


def stored_windows(ask: Ask, rules: Sequence[BoundRule], from_ms: int, to_ms: int) -> Iterator[Any]:
    """`WindowRow` and `ScoreRow` structs of all windows that end after `from_ms` and by `to_ms`, in order of their
    ends: the last version of each row, void ones left out.

    Raises:
        StoreError: the store cannot be asked.
    """
    for begin_ms, end_ms in _spans(ask, rules, from_ms, to_ms):
        rows: list[Any] = []
        for table, wanted in _tables(rules):
            columns, row_of = (_OF_CALLS, _row_of) if table == "windows_final" else (_OF_SCORES, _score_of)
            sql = f"SELECT {', '.join(columns)} FROM {table} WHERE {wanted} AND {_within(rules, begin_ms, end_ms)}"  # noqa: S608
            rows += map(row_of, ask(f"{sql} ORDER BY {_ORDER}").rows)
        yield from sorted(rows, key=lambda row: row.window_start_ms + row.window_ms)


def _tables(rules: Sequence[BoundRule]) -> Iterator[tuple[str, str]]:
    """The views that hold rows for the rules, and which rows of them."""
    for table, judged in (
        ("windows_final", [rule for rule in rules if rule.of_calls]),
        ("score_windows_final", [rule for rule in rules if rule.of_scores]),
    ):
        if judged:
            # Names of grouping sets are labels, commas, @ and a width: nothing to escape.
            names = ", ".join(f"'{name}'" for name in sorted({rule.grouping.name for rule in judged}))
            yield table, f"grouping IN ({names})"


def _within(rules: Sequence[BoundRule], from_ms: int, to_ms: int) -> str:
    """The condition for ends in (from, to]; on the start as well, by which the tables are sorted."""
    widest_ms = max(rule.grouping.window_ms for rule in rules)
    starts = (
        f"window_start > fromUnixTimestamp64Milli({from_ms - widest_ms}) "
        f"AND window_start < fromUnixTimestamp64Milli({to_ms})"
    )
    return f"{starts} AND {_END} > {from_ms} AND {_END} <= {to_ms}"


def _spans(ask: Ask, rules: Sequence[BoundRule], from_ms: int, to_ms: int) -> Iterator[tuple[int, int]]:
    """The time in parts of about as many rows as are asked for at once."""
    minute = f"intDiv({_END} - 1, {_MINUTE_MS})"  # a window that ends at the full minute belongs to the one before
    counts: dict[int, int] = {}
    for table, wanted in _tables(rules):
        sql = f"SELECT {minute} AS minute, count() FROM {table} WHERE {wanted} AND {_within(rules, from_ms, to_ms)}"  # noqa: S608
        for at, rows in ask(f"{sql} GROUP BY minute").rows:
            counts[int(at)] = counts.get(int(at), 0) + int(rows)
    begin_ms, waiting = from_ms, 0
    for at in sorted(counts):
        if waiting and waiting + counts[at] > _AT_ONCE:
            yield begin_ms, at * _MINUTE_MS
            begin_ms, waiting = at * _MINUTE_MS, 0
        waiting += counts[at]
    if waiting:
        yield begin_ms, to_ms


def _place_of(values: dict[str, Any]) -> dict[str, Any]:
    # A grouping set does not say which labels are empty; its name says which it has.
    labels = [label for label in values["grouping"].partition("@")[0].split(",") if label]
    return {name: values[name] for name in _KEY} | {
        "window_start_ms": int(values["toUnixTimestamp64Milli(window_start)"]),
        "labels": {label: values[label] for label in labels},
    }


def _row_of(row: Sequence[Any]) -> Any:
    values = dict(zip(_OF_CALLS, row, strict=True))
    measures = {name: _measure_of(name, values) for name in MEASURES if values[f"{name}_count"]}
    plain = {name: values[name] for name in (*COUNTS[1:], "errors", "finish_reasons")}
    return _WindowRow(**_place_of(values), **plain, measures=measures)


def _measure_of(name: str, values: dict[str, Any]) -> Any:
    parts = {part: values[f"{name}_{part}"] for part in _PARTS}
    histogram = _Histogram(scale=parts.pop("scale"), zero_count=parts.pop("zero_count"), buckets=parts.pop("histogram"))
    return _Measure(**parts, histogram=histogram)


def _score_of(row: Sequence[Any]) -> Any:
    values = dict(zip(_OF_SCORES, row, strict=True))
    histogram = _SignedHistogram(
        scale=values["scale"], zero_count=values["zero_count"], buckets=values["histogram"],
        negative=values["negative_histogram"],
    )  # fmt: skip
    numbers = {part: values[f"value_{part}"] for part in ("sum", "sum_sq", "min", "max")}
    plain = {name: values[name] for name in ("name", "origin", "min_event_id")}
    return _ScoreRow(**_place_of(values), **plain, **numbers, histogram=histogram)
