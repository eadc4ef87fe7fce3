"""Sample alerts, to try routes with: from labels as they are written on a command line."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import get_args

from callgauge.errors import SettingError
from callgauge.near_names import unknown
from callgauge.schema import Alert, Severity
from callgauge_rules.alert_ids import alert_id_of, fingerprint_of
from callgauge_rules.matchers import known_label
from callgauge_rules.names import SEVERITIES_MEANT

__all__ = ["sample_alert"]


def sample_alert(labels: Iterable[str], now: float | None = None) -> Alert:
    """A firing alert with these labels: `service=chat`, `rule=slow`, `severity=critical`; several in one text, too.

    Raises:
        SettingError: one is no label of an alert, or no severity.
    """
    now = time.time() if now is None else now
    found = _labels(labels)
    rule, severity = found.pop("rule", found.pop("alertname", "callgauge_test")), found.pop("severity", "warning")
    if severity not in get_args(Severity):
        raise SettingError(unknown(severity, "severity", get_args(Severity), SEVERITIES_MEANT))
    fingerprint = fingerprint_of(rule, found)
    return Alert.model_validate(
        {
            "alert_id": alert_id_of(fingerprint, round(now * 1000)),
            "fingerprint": fingerprint,
            "seq": 1,
            "state": "firing",
            "rule": rule,
            "severity": severity,
            "labels": found,
            "starts_at": now,
            "at": now,
            "fired_at": now,
            "aggregate": "error_rate",
            "lookback_s": 300.0,
            "op": "gt",
            "threshold": 0.05,
            "value": 0.12,
            "n": 250,
            "summary": "a test of callgauge's notifications: nothing is wrong",
        }
    )


def _labels(texts: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for word in (word for text in texts for word in text.replace(",", " ").split()):
        name, equal, value = word.partition("=")
        try:
            found[known_label(name)] = value
        except ValueError as error:
            raise SettingError(str(error)) from None
        if not equal:
            raise SettingError(
                f"{word!r} is no label with a value; write e.g. service=chat severity=critical rule=slow"
            )
    return found
