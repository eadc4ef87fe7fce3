"""How many new series an hour each service may begin.

A series is a combination of labels. A label that takes a new value in every call (an id, free text) would make a series
of each; beyond the quota such a label becomes `__other__`, as in rollup, and the call is counted all the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from callgauge.counted import LABELS
from callgauge.mending import MENDED

__all__ = ["OTHER", "NewSeries"]

#: What a label becomes that has too many values.
OTHER = "__other__"
_LABELS = tuple(label for label in LABELS if label != "service")
_HOUR_S = 3_600.0
# What is remembered at most; beyond, rollup's own cap has to do.
_MOST_SERVICES, _MOST_SERIES = 10_000, 500_000
_LONGEST = 256


class _Service:
    """What is known of one service."""

    __slots__ = ("before", "known", "new", "values")

    def __init__(self) -> None:
        self.known: set[tuple[Any, ...]] = set()
        self.before: set[tuple[Any, ...]] = set()
        self.new = 0
        self.values: dict[str, set[Any]] = {label: set() for label in _LABELS}


class NewSeries:
    """The series seen in this hour and the one before.

    Args:
        per_hour: new ones that each service may begin in an hour; 0: no limit.
    """

    def __init__(self, per_hour: int) -> None:
        self._per_hour = per_hour
        self._hour = 0
        self._remembered = 0
        self._services: dict[str, _Service] = {}
        self.folded: Counter[str] = Counter()
        """Service -> calls of which a label became `__other__`, in this hour."""

    def admit(self, service: str, fields: dict[str, Any], now: float) -> None:
        """Take a call's labels as they are, or make the one with the most values `__other__`, and so on.

        Args:
            fields: of the call; changed in place, and then the tag `callgauge.mended` says so.
            now: epoch seconds.
        """
        if not self._per_hour:
            return
        if (hour := int(now // _HOUR_S)) != self._hour:
            self._begin(hour)
        seen = self._services.get(service)
        if seen is None:
            if len(self._services) >= _MOST_SERVICES:
                return
            seen = self._services[service] = _Service()
        get = fields.get
        series = tuple([get(label) for label in _LABELS])
        try:
            if series in seen.known:
                return
            self._admit_new(service, seen, series, fields)
        except TypeError:  # a label that is no text: it is mended later, and rollup has a cap of its own
            return

    def _admit_new(self, service: str, seen: _Service, series: tuple[Any, ...], fields: dict[str, Any]) -> None:
        series = tuple([value[:_LONGEST] if isinstance(value, str) else value for value in series])
        if series in seen.known or self._remembered >= _MOST_SERIES:
            return
        if series not in seen.before:
            if seen.new >= self._per_hour:
                self._fold(service, seen, series, fields)
                return
            seen.new += 1
        self._remember(seen, series)
        for label, value in zip(_LABELS, series, strict=True):
            seen.values[label].add(value)

    def _fold(self, service: str, seen: _Service, series: tuple[Any, ...], fields: dict[str, Any]) -> None:
        """Fold one label after the other, the one with the most values first, until the series is a known one."""
        widest = sorted(_LABELS, key=lambda label: -len(seen.values[label]))
        values, folded = dict(zip(_LABELS, series, strict=True)), []
        for label in widest:
            if values[label] is None:
                continue
            values[label] = OTHER
            folded.append(label)
            found = tuple(values.values())
            # One label alone may make as many series as the others have combinations: that many are let in.
            if found in seen.known or len(seen.known) < 2 * self._per_hour:
                self._remember(seen, found)
                break
        if folded:
            self.folded[service] += 1
            _mark(fields, folded)

    def _remember(self, seen: _Service, series: tuple[Any, ...]) -> None:
        if series not in seen.known:
            seen.known.add(series)
            self._remembered += 1

    def _begin(self, hour: int) -> None:
        self._hour = hour
        self._remembered = 0
        self.folded.clear()
        for service, seen in list(self._services.items()):
            if not seen.known:
                del self._services[service]
                continue
            seen.before, seen.known, seen.new = seen.known, set(), 0
            seen.values = {label: set() for label in _LABELS}


def _mark(fields: dict[str, Any], folded: list[str]) -> None:
    given = fields.get("tags")
    tags = dict(given) if isinstance(given, Mapping) else {}
    for label in folded:
        tags[f"callgauge.{label}"] = str(fields[label])[:256]
        fields[label] = OTHER
    mark = f"{', '.join(folded)}: {OTHER}, the service began too many new series in this hour"
    tags[MENDED] = "; ".join(filter(None, [str(tags.get(MENDED) or ""), mark]))
    fields["tags"] = tags
