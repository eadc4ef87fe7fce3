"""Keeps account of what an incident did, for the truth: calls, times, series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from callgauge.groupings import GroupingSet
from callgauge_load.incidents.knowable import silence_s
from callgauge_load.incidents.spec import Incident
from callgauge_load.made.arrivals import traffic_at
from callgauge_load.made.batch import Batch
from callgauge_load.made.labels import label_codes, labels_of
from callgauge_load.made.world import World

__all__ = ["Touched"]


class Touched:
    """What an incident has touched so far.

    Args:
        groupings: whose series are named.
    """

    def __init__(self, world: World, incident: Incident, groupings: Sequence[GroupingSet]) -> None:
        self.incident = incident
        self.before = 0
        """Calls in its scope and time as they would have been."""
        self.after = 0
        """What became of them."""
        self._latency_s = 0.0
        """Of those that would have been, in all."""
        self._world = world
        self._groupings = groupings
        self._codes: set[int] = set()
        self._first_s, self._last_s = np.inf, -np.inf

    def note(self, before: Batch, after: Batch) -> None:
        """Calls of the scope, as they would have been and as they are."""
        self.before += len(before)
        self._latency_s += float(before.latency_ms.sum()) / 1e3
        self.after += len(after)
        for batch in (before, after):
            self._codes.update(np.unique(label_codes(self._world, batch)).tolist())
            if len(batch):
                event_s = batch.sent_s + batch.skew_s
                self._first_s = min(self._first_s, float(event_s.min()))
                self._last_s = max(self._last_s, float(event_s.max()))

    def truth(self, start_s: float) -> dict[str, Any]:
        """What the truth file says. Times are epoch seconds."""
        incident, kind = self.incident, self.incident.kind
        labels = [labels_of(self._world, code) for code in sorted(self._codes)]
        series: dict[str, Any] = {}
        for grouping in self._groupings:
            found = {tuple(each[name] for name in grouping.labels) for each in labels}
            series[grouping.name] = [dict(zip(grouping.labels, values, strict=True)) for values in sorted(found)]
        return {
            "kind": kind.name,
            "start_s": start_s + incident.start_s,
            "end_s": start_s + incident.end_s,
            "scope": dict(incident.scope.values),
            "severity": incident.severity,
            "severity_means": kind.unit,
            "tell": incident.told,
            "seen_in": list(kind.seen_in),
            "calls_before": self.before,
            "calls_after": self.after,
            "first_event_s": self._first_s if self.before else None,
            "last_event_s": self._last_s if self.before else None,
            "detectable_after_s": self._detectable_after_s(start_s),
            "series": series,
        }

    def _detectable_after_s(self, start_s: float) -> float | None:
        """When all calls of a service do not come (the default severity): after how long that can be known."""
        incident, kind, scope = self.incident, self.incident.kind, self.incident.scope.values
        if not kind.silent or incident.severity != kind.severity or set(scope) != {"service"}:
            return None
        [service] = [each for each in self._world.services if each.name == scope["service"]]
        per_s = float(traffic_at(service, np.array([start_s + incident.start_s]))[0])
        under_way_s = 0.0 if kind.at_end else self._latency_s / max(self.before, 1)
        return round(silence_s(per_s, service.gap_cv) + under_way_s, 1)
