"""How much each service sends, and into how many series: what quotas are set by."""

from __future__ import annotations

from dataclasses import dataclass

from callgauge_history.questions.period import Period
from callgauge_history.questions.source import MINUTE_MS, choose, pieces_of, union_of
from callgauge_history.store import Ask
from callgauge_history.tiers.ladder import BASES
from callgauge_windows.grouping import OTHER

__all__ = ["Volume", "volume"]


@dataclass(frozen=True)
class Volume:
    """One service.

    Attributes:
        calls_per_s, peak_calls_per_s: the mean over the period, and in its busiest minute.
        series: the most that it has in one grouping set (see CALLGAUGE_SERIES_CAP, which is by block), and in which.
        folded_calls: calls that were counted in a series named `__other__` in that grouping set.
    """

    service: str
    calls: int
    calls_per_s: float
    peak_calls_per_s: float
    series: int
    grouping: str
    folded_calls: int


def volume(ask: Ask, period: Period, *, limit: int = 1_000) -> list[Volume]:
    """Every service that had calls in the period, the busiest first.

    Raises:
        StoreError: the store cannot be asked.
    """
    source = choose(ask, period, ["service"], align_ms=MINUTE_MS, step_ms=MINUTE_MS)
    _, pieces = pieces_of(ask, BASES[0], period)
    seconds = source.period.length_ms / 1000
    calls = (
        "SELECT service, toInt64(sum(n)) AS calls, max(n) AS busiest FROM (SELECT r.service AS service, "  # noqa: S608 (names of ours)
        f"sum(r.n) AS n FROM {source.rows(['service', 'n', 'window_start'])} AS r "
        "GROUP BY r.service, toStartOfMinute(r.window_start)) GROUP BY service"
    )
    columns = ["grouping", "series_id", "service", "n", "feature", "endpoint", "model", "response_model"]
    columns += ["prompt_version", "variant", "provider", "environment", "operation"]
    is_folded = " OR ".join(f"{label} = {{other:String}}" for label in columns[4:])
    kinds = (
        "SELECT service, toInt64(uniqExact(series_id)) AS series, toString(grouping) AS name, "  # noqa: S608 (names of ours)
        f"toInt64(sumIf(n, {is_folded})) AS folded FROM {union_of(BASES[0], pieces, columns, 'n > 0')} "
        "WHERE position(concat(',', splitByChar('@', toString(grouping))[1], ','), ',service,') > 0 "
        "GROUP BY service, grouping"
    )
    sql = (
        "SELECT toString(c.service), any(c.calls) AS calls, any(c.busiest) / 60, max(k.series), "  # noqa: S608 (names of ours)
        "argMax(k.name, (k.series, k.name)), argMax(k.folded, (k.series, k.name)) "
        f"FROM ({calls}) AS c LEFT JOIN ({kinds}) AS k ON c.service = k.service "
        "GROUP BY c.service ORDER BY calls DESC, c.service LIMIT {limit:UInt32}"
    )
    rows = ask(sql, source.all_parameters | {"other": OTHER, "limit": limit}).rows
    return [
        Volume(service, int(calls), int(calls) / seconds, float(busiest), int(series), grouping, int(folded))
        for service, calls, busiest, series, grouping, folded in rows
    ]
