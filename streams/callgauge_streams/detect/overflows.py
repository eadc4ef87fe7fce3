"""Labels with too many values: one alert for each service and label, of the rule `too_many_series`.

Rollup tells in its progress which services have more series than its cap in a block, and detect's own cap
(callgauge_streams.detect.cap) which have more than are told apart over the rules' history. What is beyond a cap counts
under `__other__`, where no rule sees it by itself, so somebody must hear of it.

The alert fires once, at the log's time, and resolves when an hour of log time has passed without an overflow. A worker
that reads the log again learns from the progress of that hour when the last overflow was.

Series are spread over the partitions of the windows topic by a hash, so all engines meet their own cap at about the
same time; one of them tells for all. Where a grouping set does not name the service, detect knows the label only; then
nothing is told as long as an alert about that label is on, because rollup has named the service in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from callgauge.codec import encode, read
from callgauge.durations import written
from callgauge.schema import Alert
from callgauge_rules.alerts import ended
from callgauge_rules.raised import raised
from callgauge_rules.rules import TOO_MANY_SERIES
from callgauge_windows.grouping import OTHER

__all__ = ["LASTS_MS", "Overflows"]

#: So long without an overflow resolves the alert.
LASTS_MS = 3_600_000
_Key = tuple[str, str]
"""Service and label."""


@dataclass(slots=True)
class _Told:
    alert: Alert
    last_ms: int
    """When the last overflow was told, by the log's clock."""


class Overflows:
    """Only the engine of one partition of the windows topic uses this, since progress is sent to every partition.

    Args:
        log: the partition read, "cluster id/topic id/partition".
        live_from: the first offset not decided yet.
        current: the last transition of each alert.
    """

    def __init__(self, log: str, live_from: int, current: Iterable[Alert] = ()) -> None:
        self._log = log
        self._live_from = live_from
        self._firing = {
            (alert.labels["service"], alert.labels["label"]): _Told(alert, round(alert.at * 1000))
            for alert in current
            if alert.rule == TOO_MANY_SERIES and alert.state != "resolved"
        }

    def take(self, folded: Iterable[Any], offset: int, clock_ms: int) -> Iterator[Alert]:
        """The alerts for what is folded now, of which none has told yet.

        Args:
            folded: of each grouping set, service and label how many series (`callgauge.schema.FoldedSeries`).
            offset: of the record that tells it.
            clock_ms: the log's clock, the largest record timestamp seen.
        """
        for key, (count, grouping) in _most(folded).items():
            if told := self._firing.get(key):
                told.last_ms = clock_ms
            elif offset >= self._live_from and not (key[0] == "" and self._tells_of(key[1])):
                alert = self._fired(key, count, grouping, offset, clock_ms)
                self._firing[key] = _Told(alert, clock_ms)
                yield alert

    def end(self, offset: int, clock_ms: int) -> Iterator[Alert]:
        """Resolve the alerts of which nothing was heard for an hour.

        Args:
            offset: of the record that is taken now.
        """
        if offset < self._live_from:
            return
        for key, told in list(self._firing.items()):
            due_ms = told.last_ms + LASTS_MS
            if clock_ms >= due_ms:
                del self._firing[key]
                reason = f"no overflow for {written(LASTS_MS)}"
                kept = {"value": told.alert.value, "n": told.alert.n, "log": self._log}
                yield ended(told.alert, due_ms, offset, reason).model_copy(update=kept)

    def state(self) -> Any:
        """All that it knows, for a snapshot; `put_back` takes it."""
        return [(key, encode(told.alert), told.last_ms) for key, told in self._firing.items()]

    def put_back(self, state: Any) -> None:
        """See `state`."""
        self._firing = {(key[0], key[1]): _Told(read(Alert, value), last_ms) for key, value, last_ms in state}

    def _tells_of(self, label: str) -> bool:
        return any(of == label for _, of in self._firing)

    def _fired(self, key: _Key, count: int, grouping: str, offset: int, clock_ms: int) -> Alert:
        service, label = key
        return raised(
            TOO_MANY_SERIES,
            "warning",
            {"service": service, "label": label},
            clock_ms,
            summary=_summary(service, label, count, grouping),
            aggregate="folded_series",
            value=float(count),
            n=count,
            log=self._log,
            offset=offset,
        )


def _most(folded: Iterable[Any]) -> dict[_Key, tuple[int, str]]:
    """Of each service and label: the series folded, sources added up, in the grouping set where they are most."""
    sums: dict[tuple[str, str, str], int] = {}
    for each in folded:
        key = (each.service, each.label, each.grouping)
        sums[key] = sums.get(key, 0) + each.count
    most: dict[_Key, tuple[int, str]] = {}
    for (service, label, grouping), count in sums.items():
        most[service, label] = max(most.get((service, label), (0, "")), (count, grouping))
    return most


def _summary(service: str, label: str, count: int, grouping: str) -> str:
    """One line: which service, which label, how many, and what to do."""
    who = f"service={service} has" if service else "the services together have"
    if label == "service":
        who = "there are"
    series = f"{count:,} of its series count" if count > 1 else "one of its series counts"
    return (
        f"{who} too many values of the label {label}: {series} as {label}={OTHER} in {grouping} by now, where no rule "
        "sees them one by one. Look for an id, a time or free text in that label, and leave it out there"
    )
