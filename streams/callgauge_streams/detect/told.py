"""Which transitions were told before, when the log is read again by an engine that was put back.

Such an engine decides everything once more that the ones before it decided after it was saved, in the same way. What
was told of it must not be told again: all that records below the committed offset caused, and of each alert what is
not newer than its last transition on the topic.

    saved at 100      committed 140      the alerts' topic has one of offset 150
    told again        of 150's alert what comes after it; of all others what records from 140 on cause
"""

from __future__ import annotations

from collections.abc import Iterable

from callgauge.schema import Alert

__all__ = ["Told"]

_Order = tuple[int, float, float, int]


class Told:
    """See above.

    Args:
        log: the partition that is read; offsets of other logs say nothing.
        committed: the first offset that may not be decided yet.
        current: the last transition of each alert.
    """

    def __init__(self, log: str, committed: int, current: Iterable[Alert]) -> None:
        self._committed = committed
        self._last = {alert.fingerprint: _order(alert) for alert in current if alert.log == log}

    def new(self, alerts: Iterable[Alert]) -> list[Alert]:
        """Those that were not told."""
        return [alert for alert in alerts if not self._is_told(alert)]

    def _is_told(self, alert: Alert) -> bool:
        last = self._last.get(alert.fingerprint)
        return alert.offset < self._committed or (last is not None and _order(alert) <= last)


def _order(alert: Alert) -> _Order:
    """Of the transitions of one alert, those that come later are larger."""
    return alert.offset, alert.at, alert.starts_at, alert.seq
