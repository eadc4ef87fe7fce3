"""Rows in batches, as columns: what rollup sends, detect judges and the sink stores. No object is made of any row.

A batch holds rows of one grouping set, of one block of one source. What they have in common stands once; the rest is
one matrix of numbers with named columns, the labels as numbers of their values, and the histograms as ragged columns:

    numbers     one line for each name of `names`, one column for each row
    histogram   row i has buckets[bucket_at[i]:bucket_at[i + 1]] and as many counts

Names are those of the fields of `WindowRow`; "error.timeout", "finish.stop" for its maps, "label.model" for the number
of a label's value, "latency.sum" for parts of a measure, "latency.max_event" for 1 + the number of the event id (0:
none). A name that is not there is 0 for every row. `row_batch_writing` writes them, `row_batch_wire` reads them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge.counted import MEASURES, OUTCOME_COUNTS, TOKEN_SUMS
from callgauge.schema import Histogram, Measure, WindowRow
from callgauge.structs import struct_of

__all__ = ["COUNTS", "MEASURE_PARTS", "Buckets", "RowBatch", "Texts"]

Int64s = npt.NDArray[np.int64]
UInt64s = npt.NDArray[np.uint64]

_Row: Any = struct_of(WindowRow)
_Measure: Any = struct_of(Measure)
_Histogram: Any = struct_of(Histogram)

#: The numbers of a row that are neither identity nor of a measure, a map or a label.
COUNTS = ("n", *(count.name for count in OUTCOME_COUNTS), *TOKEN_SUMS, "rate_limit_used_max_ppm")
#: The numbers of a measure, besides "max_event", its event with the largest value.
MEASURE_PARTS = ("count", "sum", "sum_sq", "min", "max", "zero_count", "scale")


@dataclass(frozen=True, slots=True)
class Texts:
    """Some texts, one after the other in UTF-8."""

    data: bytes
    at: Int64s
    """Where each begins, and the end of the last; shape (k + 1,)."""

    @classmethod
    def of(cls, texts: Iterable[str]) -> Texts:
        """From single texts."""
        encoded = [text.encode() for text in texts]
        return cls(b"".join(encoded), np.cumsum([0, *map(len, encoded)], dtype=np.int64))

    def __len__(self) -> int:
        return len(self.at) - 1

    def listed(self) -> list[str]:
        """As single texts."""
        return [self.data[begin:end].decode() for begin, end in pairwise(self.at.tolist())]


@dataclass(frozen=True, slots=True)
class Buckets:
    """The histograms of one measure, sparse; see the top of this file."""

    bucket_at: Int64s
    """Shape (rows + 1,)."""
    buckets: Int64s
    """Bucket numbers, ascending within a row."""
    counts: Int64s

    def take(self, rows: Int64s) -> Buckets:
        """Of some rows."""
        lengths = np.diff(self.bucket_at)[rows]
        at = np.concatenate([[0], np.cumsum(lengths)])
        which = np.repeat(self.bucket_at[rows] - at[:-1], lengths) + np.arange(at[-1])
        return Buckets(at, self.buckets[which], self.counts[which])

    def part(self, begin: int, end: int) -> Buckets:
        """Of consecutive rows; the numbers are shared."""
        at = self.bucket_at[begin : end + 1]
        which = slice(int(at[0]), int(at[-1]))
        return Buckets(at - at[0], self.buckets[which], self.counts[which])


@dataclass(frozen=True)
class RowBatch:
    """Some rows; see the top of this file."""

    grouping: str
    window_ms: int
    source: str
    block: int
    epoch: str
    series_id: UInt64s
    """Shape (rows,)."""
    names: tuple[str, ...]
    numbers: Int64s
    """Shape (names, rows)."""
    label_values: Mapping[str, Sequence[str]]
    """Label -> its values, which the numbers of "label.<name>" count from 0; in the order of the grouping set."""
    event_ids: Texts
    buckets: Mapping[str, Buckets]
    """Measure -> its histograms; left out where no row has any."""
    kind: str = "rows"
    row_id: UInt64s | None = None
    """Tells the rows of a series in a window apart, if it can have several (scores of several names); shape (rows,)."""

    def __len__(self) -> int:
        return len(self.series_id)

    @property
    def row_ids(self) -> UInt64s:
        """Ids of the rows within their block."""
        return self.series_id if self.row_id is None else self.row_id

    @cached_property
    def _line_of(self) -> dict[str, int]:
        return {name: line for line, name in enumerate(self.names)}

    def line_of(self, name: str) -> int:
        """The line of `numbers` that has this name, which must be there."""
        return self._line_of[name]

    def column(self, name: str) -> Int64s:
        """The numbers of this name, shape (rows,)."""
        line = self._line_of.get(name)
        return np.zeros(len(self), dtype=np.int64) if line is None else self.numbers[line]

    def map_columns(self, prefix: str) -> dict[str, Int64s]:
        """The columns of a map, "error" or "finish", by key."""
        begin = f"{prefix}."
        return {
            name[len(begin) :]: self.numbers[line] for name, line in self._line_of.items() if name.startswith(begin)
        }

    def measures(self) -> list[str]:
        """The measures that some row has."""
        return [name for name in MEASURES if f"{name}.count" in self._line_of]

    def take(self, rows: Int64s) -> RowBatch:
        """Some of the rows, in this order. Labels' values and event ids stay as they are."""
        buckets = {name: each.take(rows) for name, each in self.buckets.items()}
        row_id = None if self.row_id is None else self.row_id[rows]
        numbers = np.take(self.numbers, rows, axis=1)
        return replace(self, series_id=self.series_id[rows], numbers=numbers, buckets=buckets, row_id=row_id)

    def part(self, begin: int, end: int) -> RowBatch:
        """Consecutive rows; everything is shared."""
        rows = slice(begin, end)
        buckets = {name: each.part(begin, end) for name, each in self.buckets.items()}
        row_id = None if self.row_id is None else self.row_id[rows]
        return replace(
            self, series_id=self.series_id[rows], numbers=self.numbers[:, rows], buckets=buckets, row_id=row_id
        )

    def rows(self) -> Iterator[Any]:
        """As `WindowRow` structs, for whoever looks at single rows."""
        labels = {
            name: [values[at] for at in self.column(f"label.{name}").tolist()]
            for name, values in self.label_values.items()
        }
        counts = {name: self.column(name).tolist() for name in COUNTS}
        maps = {
            field: {key: column.tolist() for key, column in self.map_columns(prefix).items()}
            for field, prefix in (("errors", "error"), ("finish_reasons", "finish"))
        }
        measures = {name: self._measures(name) for name in self.measures()}
        starts, ids = self.column("window_start_ms").tolist(), self.series_id.tolist()
        for row in range(len(self)):
            yield _Row(
                grouping=self.grouping,
                series_id=ids[row],
                window_start_ms=starts[row],
                window_ms=self.window_ms,
                source=self.source,
                block=self.block,
                epoch=self.epoch,
                labels={name: values[row] for name, values in labels.items()},
                measures={name: found for name, each in measures.items() if (found := each[row]) is not None},
                **{name: values[row] for name, values in counts.items()},
                **{
                    field: {key: column[row] for key, column in columns.items() if column[row]}
                    for field, columns in maps.items()
                },
            )

    def _measures(self, name: str) -> list[Any]:
        """One measure of each row, None for a row that does not have it."""
        parts = {part: self.column(f"{name}.{part}").tolist() for part in MEASURE_PARTS}
        holders, ids = self.column(f"{name}.max_event").tolist(), ["", *self.event_ids.listed()]
        empty = Buckets(np.zeros(len(self) + 1, dtype=np.int64), *(np.zeros(0, dtype=np.int64),) * 2)
        buckets = self.buckets.get(name, empty)
        at, keys, counts = buckets.bucket_at.tolist(), buckets.buckets.tolist(), buckets.counts.tolist()
        found: list[Any] = []
        for row in range(len(self)):
            if not parts["count"][row]:
                found.append(None)
                continue
            part = slice(at[row], at[row + 1])
            histogram = _Histogram(
                scale=parts["scale"][row],
                zero_count=parts["zero_count"][row],
                buckets={str(key): count for key, count in zip(keys[part], counts[part], strict=True)},
            )
            plain = {each: parts[each][row] for each in ("count", "sum", "sum_sq", "min", "max")}
            found.append(_Measure(**plain, max_event_id=ids[holders[row]], histogram=histogram))
        return found

    @classmethod
    def of_rows(cls, rows: Sequence[Any]) -> RowBatch:
        """From `WindowRow`s, models or structs, of one grouping set and block."""
        first = rows[0]
        ids = list(dict.fromkeys(m.max_event_id for row in rows for m in row.measures.values()))
        label_values = {name: list(dict.fromkeys(row.labels[name] for row in rows)) for name in first.labels}
        lines = {"window_start_ms": [row.window_start_ms for row in rows]}
        lines |= {name: [getattr(row, name) for row in rows] for name in COUNTS}
        for name, values in label_values.items():
            lines[f"label.{name}"] = [values.index(row.labels[name]) for row in rows]
        for field, prefix in (("errors", "error"), ("finish_reasons", "finish")):
            for key in dict.fromkeys(key for row in rows for key in getattr(row, field)):
                lines[f"{prefix}.{key}"] = [getattr(row, field).get(key, 0) for row in rows]
        buckets: dict[str, Buckets] = {}
        for name in (name for name in MEASURES if any(name in row.measures for row in rows)):
            measures = [row.measures.get(name) for row in rows]
            lines |= _measure_lines(name, measures, ids)
            buckets[name] = _buckets_of(measures)
        return cls(
            first.grouping, first.window_ms, first.source, first.block, first.epoch,
            np.array([row.series_id for row in rows], dtype=np.int64).view(np.uint64)
            if any(row.series_id < 0 for row in rows)
            else np.array([row.series_id for row in rows], dtype=np.uint64),
            tuple(lines), np.array(list(lines.values()), dtype=np.int64), label_values, Texts.of(ids), buckets,
        )  # fmt: skip


def _measure_lines(name: str, measures: Sequence[Any], ids: Sequence[str]) -> dict[str, list[int]]:
    lines: dict[str, list[int]] = {}
    for part in MEASURE_PARTS:
        whole = part in ("zero_count", "scale")
        lines[f"{name}.{part}"] = [
            0 if m is None else int(getattr(m.histogram if whole else m, part)) for m in measures
        ]
    lines[f"{name}.max_event"] = [0 if m is None else 1 + ids.index(m.max_event_id) for m in measures]
    return lines


def _buckets_of(measures: Sequence[Any]) -> Buckets:
    pairs = [
        [] if m is None else sorted((int(key), count) for key, count in m.histogram.buckets.items()) for m in measures
    ]
    flat = np.array([pair for each in pairs for pair in each], dtype=np.int64).reshape(-1, 2)
    return Buckets(np.cumsum([0, *map(len, pairs)], dtype=np.int64), flat[:, 0].copy(), flat[:, 1].copy())
