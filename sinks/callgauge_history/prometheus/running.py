"""Counters that only grow, from windows that still change.

The windows of the last ten minutes are asked for at each reading, since late calls may still join them. Older ones are
added to a base once and left alone. So a counter is base + newest windows, and a call is counted if its event time is
at most ten minutes old when its row is stored. ClickHouse has all of them; these counters are for graphs and alerts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from callgauge.groupings import GroupingSet
from callgauge_history.prometheus.totals import LabelValues, Totals, statement, totals_by_labels
from callgauge_history.store import QueryResult

__all__ = ["OTHER", "Running"]

_OPEN_MS = 600_000
#: Stands for every value of the labels of a series beyond the cap.
OTHER = "__other__"


class Running:
    """What was counted since this object was made, and in the ten minutes before.

    Args:
        ask: runs one statement that reads.
        most_series: label sets beyond these are counted together, under `__other__`.
        now: epoch seconds.
    """

    def __init__(
        self,
        ask: Callable[[str], QueryResult],
        grouping: GroupingSet,
        labels: Sequence[str],
        most_series: int = 2_000,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.labels = tuple(labels)
        self._ask = ask
        self._grouping = grouping
        self._most = most_series
        self._now = now
        self._base: dict[LabelValues, Totals] = {}
        self._known: set[LabelValues] = set()
        self._edge_ms = self._open_from()
        #: Label sets that are counted under `__other__`.
        self.folded: set[LabelValues] = set()

    def read(self) -> dict[LabelValues, Totals]:
        """Ask for the newest windows, and give the totals of each label set.

        Raises:
            StoreError: ClickHouse did not answer; nothing has changed then.
        """
        edge_ms = self._open_from()
        closed = self._between(self._edge_ms, edge_ms) if edge_ms > self._edge_ms else {}
        newest = self._between(max(edge_ms, self._edge_ms), None)
        self._add(self._base, closed)
        self._edge_ms = max(edge_ms, self._edge_ms)
        totals: dict[LabelValues, Totals] = {}
        self._add(totals, self._base)
        self._add(totals, newest)
        return totals

    def _open_from(self) -> int:
        at_ms = int(self._now() * 1e3) - _OPEN_MS
        return at_ms - at_ms % self._grouping.window_ms

    def _between(self, from_ms: int, to_ms: int | None) -> dict[LabelValues, Totals]:
        answer = self._ask(statement(self._grouping, self.labels, from_ms, to_ms))
        return totals_by_labels(answer.rows, len(self.labels))

    def _add(self, sums: dict[LabelValues, Totals], found: dict[LabelValues, Totals]) -> None:
        for values in sorted(found):
            sums.setdefault(self._place(values), Totals()).add(found[values])

    def _place(self, values: LabelValues) -> LabelValues:
        if values in self._known:
            return values
        if len(self._known) < self._most:
            self._known.add(values)
            return values
        self.folded.add(values)
        return (OTHER,) * len(values)
