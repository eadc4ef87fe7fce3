"""When which rules fired: alerts by hour and rule."""

from __future__ import annotations

from dataclasses import dataclass

from callgauge_history.questions.period import Period
from callgauge_history.questions.reading import read
from callgauge_history.store import Ask

__all__ = ["FiredAlerts", "anomalies"]


@dataclass(frozen=True)
class FiredAlerts:
    """Alerts of one rule that fired in one hour.

    Attributes:
        hour_ms: its start, epoch ms.
        alerts: episodes that fired.
        series: how many different series (fingerprints) they were about.
        open: those that are not resolved yet.
        example: what one of them said.
    """

    hour_ms: int
    rule: str
    severity: str
    alerts: int
    series: int
    open: int
    example: str


def anomalies(ask: Ask, period: Period, *, rule: str = "", limit: int = 10_000) -> list[FiredAlerts]:
    """The alerts that fired in a period, by hour, rule and severity, in order of time.

    Args:
        rule: only of this one.

    Raises:
        StoreError: the store cannot be asked.
    """
    sql = """
        SELECT toInt64(toUnixTimestamp(toStartOfHour(assumeNotNull(a.fired_at)))) * 1000 AS hour_ms,
            toString(a.rule) AS rule, toString(argMax(a.severity, a.at)) AS severity,
            toInt64(uniqExact(a.alert_id)) AS alerts, toInt64(uniqExact(a.fingerprint)) AS series,
            toInt64(uniqExactIf(a.alert_id, a.state != 'resolved')) AS open, argMax(a.summary, a.at) AS example
        FROM alerts_latest AS a
        WHERE a.fired_at >= fromUnixTimestamp64Milli({start_ms:Int64})
            AND a.fired_at < fromUnixTimestamp64Milli({end_ms:Int64}) AND {rule:String} IN ('', a.rule)
        GROUP BY hour_ms, a.rule
        ORDER BY hour_ms, alerts DESC, rule LIMIT {limit:UInt32}"""
    within = {"start_ms": period.start_ms, "end_ms": period.end_ms}
    return read(ask, FiredAlerts, sql, within | {"rule": rule, "limit": limit})
