"""Alerts that callgauge raises by itself, without a rule of a file: of lost records, of too many series, of a receiver
that cannot be reached. They fire at once."""

from __future__ import annotations

from collections.abc import Mapping

from callgauge.schema import Alert, Severity
from callgauge.texts import repaired
from callgauge_rules.alert_ids import alert_id_of, fingerprint_of

__all__ = ["raised"]


def raised(
    rule: str,
    severity: Severity,
    labels: Mapping[str, str],
    at_ms: int,
    *,
    summary: str,
    aggregate: str,
    value: float,
    n: int,
    threshold: float = 0.0,
    seq: int = 0,
    log: str = "",
    offset: int = -1,
) -> Alert:
    """The alert as it fires. Texts are repaired, so it can be encoded whatever they hold.

    Args:
        rule: the name under which it is known; no rule of a file may have it.
        at_ms: when it fires, epoch ms.
        value, n, threshold, log, offset: as in `Alert`.
    """
    fingerprint, at = fingerprint_of(rule, labels), at_ms / 1000
    return Alert(
        alert_id=alert_id_of(fingerprint, at_ms),
        fingerprint=fingerprint,
        seq=seq,
        state="firing",
        rule=rule,
        severity=severity,
        labels={repaired(label): repaired(text) for label, text in labels.items()},
        starts_at=at,
        at=at,
        fired_at=at,
        last_fired_at=at,
        aggregate=aggregate,
        lookback_s=0.0,
        op="gt",
        threshold=threshold,
        value=value,
        n=n,
        summary=repaired(summary),
        log=repaired(log),
        offset=offset,
    )
