"""Records that retention ate before they were counted: one alert for each lost range, of the rule `records_lost`.

A worker whose committed offset is gone tells so in its `EpochStart`: offsets `lost_from` up to `from_offset` are in no
row. It repeats that start, and a worker that follows may name the same range again; ranges of a source only go
forward, so whatever lies below the furthest `from_offset` told has been told. A zombie's start counts here too: it has
committed what it tells, or it would not have told it.

The alert fires at once, at the append time of the start, and resolves one hour of log time later. Not of event time: a
loss is in no window, and the watermark stands still while a source is behind, which is when retention catches up with
it. A further loss of the same source resolves the alert and fires it anew, so that it is notified again.

In the alert, `value` is the offset at which counting goes on (`aggregate` counted_from), `threshold` the one at which
it should have, `n` how many offsets lie between; so the last alert of a source says all that must be known of its
losses when the log is read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from callgauge.codec import encode, read
from callgauge.durations import written
from callgauge.schema import Alert
from callgauge.texts import repaired
from callgauge_rules.alerts import ended
from callgauge_rules.raised import raised
from callgauge_rules.rules import RECORDS_LOST

__all__ = ["Losses"]

_LASTS_MS = 3_600_000


class Losses:
    """Only the engine of one partition of the windows topic uses this, since starts are sent to every partition.

    Args:
        log: the partition read, "cluster id/topic id/partition".
        live_from: the first offset not decided yet.
        current: the last transition of each alert.
    """

    def __init__(self, log: str, live_from: int, current: Iterable[Alert] = ()) -> None:
        self._log = log
        self._live_from = live_from
        told = {alert.labels["source"]: alert for alert in current if alert.rule == RECORDS_LOST}
        self._firing = {source: alert for source, alert in told.items() if alert.state != "resolved"}
        self._lost_to = {source: int(alert.value or 0) for source, alert in told.items()}

    def take(self, start: Any, offset: int, appended_ms: int) -> Iterator[Alert]:
        """The alert for a source's start, if the start names a loss that no alert has told of yet.

        Args:
            start: an `EpochStart`.
            offset: its own, in the windows topic.
            appended_ms: its timestamp.
        """
        source = repaired(start.source)
        lost_from = max(start.lost_from, self._lost_to.get(source, -1))
        if start.lost_from < 0 or lost_from >= start.from_offset:
            return
        self._lost_to[source] = start.from_offset
        if offset < self._live_from:
            return  # decided before the log was read again
        if earlier := self._firing.get(source):
            yield self._ended(earlier, max(appended_ms, round(earlier.at * 1000)), offset, "more records were lost")
        self._firing[source] = self._fired(source, lost_from, start.from_offset, offset, appended_ms)
        yield self._firing[source]

    def end(self, offset: int, clock_ms: int) -> Iterator[Alert]:
        """Resolve the alerts that have fired for their hour.

        Args:
            offset: of the record that is taken now.
            clock_ms: the log's clock, the largest record timestamp seen.
        """
        if offset < self._live_from:
            return
        for source, alert in list(self._firing.items()):
            due_ms = round(alert.starts_at * 1000) + _LASTS_MS
            if clock_ms >= due_ms:
                del self._firing[source]
                yield self._ended(alert, due_ms, offset, f"told for {written(_LASTS_MS)}; the records stay lost")

    def state(self) -> Any:
        """All that it knows, for a snapshot; `put_back` takes it."""
        return {source: encode(alert) for source, alert in self._firing.items()}, self._lost_to

    def put_back(self, state: Any) -> None:
        """See `state`."""
        firing, self._lost_to = state
        self._firing = {source: read(Alert, value) for source, value in firing.items()}

    def _fired(self, source: str, lost_from: int, goes_on_at: int, offset: int, appended_ms: int) -> Alert:
        lost = goes_on_at - lost_from
        summary = (
            f"{lost:,} offset{'' if lost == 1 else 's'} of source={source} were lost, {lost_from} to "
            f"{goes_on_at - 1}: retention ate records before they were counted; counting goes on at {goes_on_at}"
        )
        return raised(
            RECORDS_LOST,
            "critical",
            {"source": source},
            appended_ms,
            summary=summary,
            aggregate="counted_from",
            value=float(goes_on_at),
            n=lost,
            threshold=float(lost_from),
            log=self._log,
            offset=offset,
        )

    def _ended(self, alert: Alert, at_ms: int, offset: int, reason: str) -> Alert:
        kept = {"value": alert.value, "n": alert.n, "log": repaired(self._log)}
        return ended(alert, at_ms, offset, reason).model_copy(update=kept)
