"""Two readers of the windows topic: detect's own merge, and the rule of ClickHouse's views, written down once more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from callgauge_streams.detect.merge import Windows
from callgauge_streams.detect.series import Series
from callgauge_windows.row_batch import RowBatch
from callgauge_windows.totals import Totals
from tests import oracle
from tests.oracle import Key

__all__ = ["Starts", "final_rows", "final_summaries", "merged_by_detect", "merged_by_views"]

Found = dict[Key, Counter[str]]


class Starts:
    """The view `epoch_ranges`: in force at a block is the epoch of the largest term among the starts at or before."""

    def __init__(self, records: Iterable[Any]) -> None:
        told = {(r.source, r.from_offset, r.term, r.epoch, r.lost_from) for r in records if r.kind == "epoch"}
        self._starts: dict[str, list[tuple[int, int, str]]] = {}
        self.lost: dict[str, list[tuple[int, int]]] = {}
        """Ranges of offsets that were told as lost."""
        for source, from_offset, term, epoch, lost_from in sorted(told):
            self._starts.setdefault(source, []).append((from_offset, term, epoch))
            if lost_from >= 0:
                self.lost.setdefault(source, []).append((lost_from, from_offset))

    def in_force(self, source: str, block: int) -> str:
        """ "" when nothing is known."""
        before = [(term, epoch) for from_offset, term, epoch in self._starts.get(source, ()) if from_offset <= block]
        return max(before)[1] if before else ""

    def epochs(self, source: str) -> frozenset[str]:
        """All that were told."""
        return frozenset(epoch for *_, epoch in self._starts.get(source, ()))

    def counts(self, record: Any) -> bool:
        """Whether a row or a summary counts."""
        return self.in_force(record.source, record.block) in ("", record.epoch)


def final_rows(records: Iterable[Any], starts: Starts) -> list[Any]:
    """The view `windows_final`, without its FINAL: `tests.oracle.merged` keeps the largest n."""
    return [record for record in records if record.kind == "row" and starts.counts(record)]


def final_summaries(records: Iterable[Any], starts: Starts) -> list[Any]:
    """The view `blocks_final`: the summary of the last offset of each block."""
    kept: dict[tuple[str, int, str], Any] = {}
    for record in records:
        if record.kind == "summary" and starts.counts(record):
            identity = (record.source, record.block, record.epoch)
            if identity not in kept or record.last_offset >= kept[identity].last_offset:
                kept[identity] = record
    return list(kept.values())


def merged_by_views(rows: Iterable[Any]) -> Found:
    """Totals of every window, with its histograms."""
    rows = list(rows)
    totals = oracle.merged(rows)
    kept: dict[tuple[Any, ...], Any] = {}
    for row in rows:
        identity = (row.grouping, row.series_id, row.window_start_ms, row.source, row.block, row.epoch)
        if identity not in kept or row.n > kept[identity].n:
            kept[identity] = row
    for row in kept.values():
        total = totals[row.grouping, tuple(row.labels.values()), row.window_start_ms]
        for name, measure in row.measures.items():
            total[f"{name} zero"] += measure.histogram.zero_count
            total.update({f"{name} bucket {at}": count for at, count in measure.histogram.buckets.items()})
    return totals


def merged_by_detect(windows: list[list[Any]]) -> Found:
    """What detect has of every window, each partition read in its own order."""
    found: Found = {}
    for partition in windows:
        merged, groupings = Windows(), set()
        for record in partition:
            match record.kind:
                case "row":
                    groupings.add(record.grouping)
                    merged.put(RowBatch.of_rows([record]))
                case "epoch":
                    merged.start(record)
                case "progress":
                    for source in record.sources:
                        merged.fold(source.source, source.committed)
        for grouping in groupings:
            for series in merged.of(grouping):
                found.update(_windows_of(series))
    return found


def _windows_of(series: Series) -> Iterator[tuple[Key, Counter[str]]]:
    for start_ms in series.windows:
        total = series.totals(start_ms, start_ms + series.window_ms)
        yield (series.grouping, tuple(series.labels.values()), start_ms), _counts_of(total)


def _counts_of(totals: Totals) -> Counter[str]:
    counts = Counter(totals.counts)
    counts.update({f"error {kind}": count for kind, count in totals.errors.items()})
    for name, measure in totals.measures.items():
        counts.update({f"{name} count": measure.count, f"{name} sum": measure.sum, f"{name} zero": measure.zero_count})
        counts.update({f"{name} bucket {at}": count for at, count in measure.buckets.items()})
    return counts
