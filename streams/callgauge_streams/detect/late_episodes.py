"""Puts the pieces of a late episode together.

Late rows are judged in pieces of a few minutes. A service whose clock is hours behind sends late rows for as long as it
runs; an incident in them goes on from piece to piece, but each piece ends every alert, because nothing follows in it.
So the end of an alert waits here until the next piece has shown whether the alert goes on:

    pieces      |---- 1 ----|---- 2 ----|---- 3 ----| nothing late any more
    judged      [fire  resolve] [fire resolve]
    told         fire                                 resolve, with the second one's end
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from callgauge.codec import encode, read
from callgauge.schema import Alert

__all__ = ["LateEpisodes"]


class LateEpisodes:
    """Firing and resolved transitions in, those of whole episodes out."""

    def __init__(self) -> None:
        self._ends: dict[str, Alert] = {}
        """Fingerprint -> the resolved transition that waits."""

    def take(self, piece: Iterable[Alert]) -> Iterator[Alert]:
        """What can be told after a piece.

        Args:
            piece: for each fingerprint firing, resolved, firing, resolved, ..., in order of event time.
        """
        for alert in piece:
            waiting = self._ends.get(alert.fingerprint)
            if waiting is not None and _goes_on(waiting, alert):
                if alert.state == "resolved":
                    self._ends[alert.fingerprint] = _continued(waiting, alert)
                continue
            if alert.state == "resolved":
                self._ends[alert.fingerprint] = alert
                continue
            if waiting is not None:
                yield self._ends.pop(alert.fingerprint)
            yield alert

    def end(self) -> Iterator[Alert]:
        """What still waits: nothing late follows."""
        waiting, self._ends = self._ends, {}
        yield from waiting.values()

    def state(self) -> Any:
        """All that it knows, for a snapshot; `put_back` takes it."""
        return {key: encode(alert) for key, alert in self._ends.items()}

    def put_back(self, state: Any) -> None:
        """See `state`."""
        self._ends = {key: read(Alert, value) for key, value in state.items()}


def _goes_on(waiting: Alert, alert: Alert) -> bool:
    """Whether an alert is the episode that waits, seen again or further. Up to a lookback may lie between two pieces:
    so long it can take until there is enough to judge."""
    ends_at = waiting.ends_at or waiting.at
    return waiting.starts_at - waiting.lookback_s <= alert.starts_at <= ends_at + waiting.lookback_s


def _continued(waiting: Alert, alert: Alert) -> Alert:
    """The end of the episode that began as `waiting` and ends as `alert`."""
    if alert.at <= waiting.at:
        return waiting
    begun = {"alert_id": waiting.alert_id, "seq": waiting.seq, "starts_at": waiting.starts_at}
    return alert.model_copy(update=begun | {"fired_at": waiting.fired_at, "last_fired_at": alert.last_fired_at})
