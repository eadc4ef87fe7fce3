"""Decides which series an event counts in. A cap per service keeps one bad label from harming the worker or the series
of other services.

Per grouping set, service and block the first `cap` series are told apart, in log order. What comes after them is
folded: the label with the most values so far becomes `__other__`, then, if that is still too many, the next one. Since
only the block's own events decide, and in log order, the outcome is the same however the block was cut into batches.

    service a, cap 2     user=1   user=2   user=3      user=1   user=4
    series               user=1   user=2   __other__   user=1   __other__
"""

from __future__ import annotations

from dataclasses import dataclass, field

from callgauge_windows.grouping import OTHER, GroupingSet

__all__ = ["SeriesTable"]


@dataclass(slots=True)
class _Service:
    """How many series a service has so far."""

    codes: set[int] = field(default_factory=set)
    folded: set[int] = field(default_factory=set)
    values: list[set[str]] = field(default_factory=list)
    """Distinct values per label."""


class SeriesTable:
    """The series of one grouping set in one block, numbered from 0 in log order.

    At most 2 * cap + 1 series for each of at most cap + 1 services: cap as they are, cap with some labels folded, one
    with all.
    """

    def __init__(self, grouping: GroupingSet, cap: int) -> None:
        self._labels = grouping.labels
        self._cap = cap
        self._codes: dict[tuple[str, ...], int] = {}
        self._services: dict[str, _Service] = {}
        self.values: list[tuple[str, ...]] = []
        """Label values of each series."""
        self.overflows: dict[tuple[str, str], int] = {}
        """Service and label -> how many combinations of label values were folded by that label."""

    def code_of(self, service: str, values: tuple[str, ...]) -> tuple[int, bool]:
        """The series that an event of `service` with these label values counts in, and whether it was folded."""
        code = self._code_of(service, values)
        return code, self.values[code] != values

    def _code_of(self, service: str, values: tuple[str, ...]) -> int:
        mine, known = self._service(service)
        if not known and "service" in self._labels:
            values = tuple(OTHER if name == "service" else v for name, v in zip(self._labels, values, strict=True))
            self._count(OTHER, "service")
        code = self._codes.get(values)
        if code is not None and code in mine.codes:
            return code
        if len(mine.codes) >= self._cap:
            return self._fold(mine, values, service if known else OTHER)
        for seen, value in zip(mine.values, values, strict=True):
            seen.add(value)
        return self._take(mine.codes, values)

    def _service(self, name: str) -> tuple[_Service, bool]:
        """The count of a service's series, and whether the service has one of its own: the services after the first
        `cap` share one."""
        known = name in self._services or len(self._services) < self._cap
        name = name if known else OTHER
        if name not in self._services:
            self._services[name] = _Service(values=[set() for _ in self._labels])
        return self._services[name], known

    def _take(self, codes: set[int], values: tuple[str, ...]) -> int:
        code = self._codes.setdefault(values, len(self.values))
        if code == len(self.values):
            self.values.append(values)
        codes.add(code)
        return code

    def _count(self, service: str, label: str) -> None:
        self.overflows[service, label] = self.overflows.get((service, label), 0) + 1

    def _fold(self, mine: _Service, values: tuple[str, ...], service: str) -> int:
        by_values = sorted(
            (at for at, name in enumerate(self._labels) if name != "service"), key=lambda at: -len(mine.values[at])
        )
        folded = list(values)
        for at in by_values:
            folded[at] = OTHER
            self._count(service, self._labels[at])
            code = self._codes.get(tuple(folded))
            if code in mine.folded or code in mine.codes or len(mine.folded) < self._cap:
                break
        return self._take(mine.folded, tuple(folded))
