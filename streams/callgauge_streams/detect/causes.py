"""Suspects a common cause when many series of one provider fire within a minute of event time.

    provider=openai    series a, b, c, d, e fire at 12:00:10, f at 12:00:40
    told               all that fire with the fifth one, and f: "6 series of provider=openai fire within a minute"

It is a fact on alerts, for whoever groups and inhibits them; it fires nothing. Alerts that were sent before the fifth
series fired do not say it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from callgauge.schema import Alert

__all__ = ["Causes"]

_LEAST = 5
_WITHIN_S = 60.0


class Causes:
    """Learns from the alerts that are told.

    Args:
        current: the last transition of each alert, from the time before.
    """

    def __init__(self, current: Iterable[Alert] = ()) -> None:
        self._fired: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
        """Provider -> labels of a series -> when an alert of it fired last."""
        for alert in current:
            self._note(alert)

    def suspect(self, alerts: list[Alert]) -> list[Alert]:
        """The alerts that one record has caused, those that fire with what they have in common with others."""
        firing = [alert for alert in alerts if alert.provider and alert.state == "firing"]
        if not firing:
            return alerts
        for alert in firing:
            self._note(alert)
        return [self._told(alert) if alert.provider and alert.state == "firing" else alert for alert in alerts]

    def state(self) -> Any:
        """All that it knows, for a snapshot; `put_back` takes it."""
        return {provider: list(series.items()) for provider, series in self._fired.items()}

    def put_back(self, state: Any) -> None:
        """See `state`."""
        self._fired = {
            provider: {tuple((name, value) for name, value in key): at for key, at in series}
            for provider, series in state.items()
        }

    def _note(self, alert: Alert) -> None:
        if not alert.provider or alert.state != "firing" or alert.fired_at is None:
            return
        series = self._fired.setdefault(alert.provider, {})
        key = tuple(sorted(alert.labels.items()))
        series[key] = max(alert.fired_at, series.get(key, 0.0))
        newest = max(series.values())
        self._fired[alert.provider] = {key: at for key, at in series.items() if newest - at <= 2 * _WITHIN_S}

    def _told(self, alert: Alert) -> Alert:
        fired_at = alert.fired_at or 0.0
        together = sum(abs(fired_at - at) <= _WITHIN_S for at in self._fired[alert.provider].values())
        if together < _LEAST:
            return alert
        text = f"{together} series of provider={alert.provider} fire within a minute"
        return alert.model_copy(update={"suspected_cause": text})
