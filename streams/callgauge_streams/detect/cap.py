"""A cap on how many series detect tells apart, so that one service's label explosion costs nobody else an alert.

Of each grouping set and service the first `SERIES_CAP` series are told apart, in log order. Those that come after them
are folded: the label with the most values so far becomes `__other__`, then, if that is still too many, the next one.
When a series is forgotten its place is free again. Rollup folds in the same way (callgauge_streams.rollup.folding),
but per block: new values that come slowly, or in every block anew, pass its cap and end here.

- In a grouping set that does not name the service all services share one cap: rows do not say whose they are.
- After the first `SERIES_CAP` services of a grouping set all others are one, with all labels folded.
- Each partition of the windows topic has its own `__other__`, since each is judged by an engine of its own. Its labels
  therefore name the partition too (`partition=3`), and its alerts are not mixed up with those of the others.
- Which series come first depends on where the log was begun to be read. So a series that has an alert, and one that a
  rule names in full, are always told apart (the engine asks before it folds).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from callgauge_windows.grouping import OTHER

__all__ = ["SERIES_CAP", "Cap", "Overflow"]

#: The most series of one service that are told apart in one grouping set and partition; as rollup's by default.
SERIES_CAP = 2_000


@dataclass(frozen=True, slots=True)
class Overflow:
    """What was folded since it was last asked for; named as in `callgauge.schema.FoldedSeries`."""

    grouping: str
    service: str
    """Empty if the grouping set does not name the service; `__other__` for the services after the first ones."""
    label: str
    count: int
    """Series that were folded."""


@dataclass(slots=True)
class _Service:
    series: int = 0
    values: dict[str, Counter[str]] = field(default_factory=dict)
    """Label -> value -> how many of the series have it."""
    folded: set[tuple[str, ...]] = field(default_factory=set)


class Cap:
    """Counts the series that are told apart, and says under which labels another one is folded.

    Args:
        partition: of the windows topic.
        cap: series of one service, and services, per grouping set.
    """

    def __init__(self, partition: str, cap: int = SERIES_CAP) -> None:
        self._partition = partition
        self._cap = cap
        self._services: dict[str, dict[str, _Service]] = {}
        self._overflows: dict[tuple[str, str, str], set[int]] = {}
        self.rows = 0
        """Rows that were folded."""

    def has_room(self, grouping: str, labels: Mapping[str, str]) -> bool:
        """Whether another series can be told apart."""
        services = self._services.get(grouping, {})
        mine = services.get(_service_of(labels))
        return mine.series < self._cap if mine else len(services) < self._cap

    def add(self, grouping: str, labels: Mapping[str, str]) -> None:
        """Count a series that is told apart from now on."""
        mine = self._services.setdefault(grouping, {}).setdefault(_service_of(labels), _Service())
        mine.series += 1
        for label, value in labels.items():
            mine.values.setdefault(label, Counter())[value] += 1

    def release(self, grouping: str, labels: Mapping[str, str]) -> None:
        """A series that was told apart is forgotten."""
        services, service = self._services[grouping], _service_of(labels)
        mine = services[service]
        mine.series -= 1
        if not mine.series:
            del services[service]
            return
        for label, value in labels.items():
            mine.values[label][value] -= 1
            if not mine.values[label][value]:
                del mine.values[label][value]

    def fold(self, grouping: str, labels: Mapping[str, str], series_id: int) -> dict[str, str]:
        """The labels of the series in which a row of another series counts."""
        service = _service_of(labels)
        mine = self._services.get(grouping, {}).get(service)
        if mine:
            folded, label = self._fold(mine, labels)
        else:
            folded, label, service = dict.fromkeys(labels, OTHER), "service", OTHER
        self.rows += 1
        self._overflows.setdefault((grouping, service, label), set()).add(series_id)
        return folded | {"partition": self._partition}

    def take_overflows(self) -> list[Overflow]:
        """What was folded since the last time."""
        found = [Overflow(*key, len(series)) for key, series in self._overflows.items()]
        self._overflows.clear()
        return found

    def state(self) -> Any:
        """What is folded, for a snapshot; `put_back` takes it. Which series are told apart others know."""
        folded = [
            (grouping, service, [list(values) for values in mine.folded])
            for grouping, services in self._services.items()
            for service, mine in services.items()
            if mine.folded
        ]
        return folded, [(list(key), list(series)) for key, series in self._overflows.items()], self.rows

    def put_back(self, state: Any) -> None:
        """See `state`; to be called when all series that are told apart were added."""
        folded, overflows, self.rows = state
        for grouping, service, values in folded:
            self._services[grouping][service].folded = {tuple(each) for each in values}
        self._overflows = {(key[0], key[1], key[2]): set(series) for key, series in overflows}

    def _fold(self, mine: _Service, labels: Mapping[str, str]) -> tuple[dict[str, str], str]:
        """Fold as few labels as possible. Returns the labels, and the name of the one that was folded last."""
        folded, last = dict(labels), ""
        for label in sorted(labels, key=lambda label: -len(mine.values[label])):
            if label == "service":
                continue
            folded[label], last = OTHER, label
            values = tuple(folded.values())
            if values in mine.folded or len(mine.folded) < self._cap:
                mine.folded.add(values)
                break
        return folded, last


def _service_of(labels: Mapping[str, str]) -> str:
    return labels.get("service", "")
