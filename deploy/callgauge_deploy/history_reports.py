"""The commands `callgauge history ...` that compare, and that tell of alerts, clocks, volume, prices and disk."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import typer

from callgauge.errors import QuestionError
from callgauge_deploy.history_asked import Json, Limit, Since, Until, Where, asking, period_of, where_of

__all__ = ["REPORTS"]


def drift(
    since: Since = "24h", until: Until = "now", where: Where = None,
    baseline: Annotated[
        str, typer.Option(help="Begin of the baseline, which ends where the period begins; by default as long as it.")
    ] = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Refusals, length, markers, scores and latency of a period against those of before."""
    with asking("drift") as (ask, module, show):
        now = period_of(since, until)
        before = period_of(baseline, since, ("--baseline", "--since")) if baseline else None
        found = module.drift_report(ask, now, before, where_of(where))
        show.changes(found, found.calls, as_json)


def compare(
    before: Annotated[
        list[str] | None, typer.Option("--before", help="Labels of one side: model=gpt-4o.", metavar="L=V")
    ] = None,
    now: Annotated[
        list[str] | None, typer.Option("--now", help="... and of the other: prompt_version=v2.", metavar="L=V")
    ] = None,
    since: Since = "24h", until: Until = "now", where: Where = None,
    before_since: Annotated[
        str, typer.Option(help="Begin of the one side's period, if it is another: 2026-01-31.", metavar="TIME")
    ] = "",
    before_until: Annotated[
        str, typer.Option(help="... and its end; by default it is as long as the other's.", metavar="TIME")
    ] = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Two models, prompt versions, services or periods side by side, and whether chance explains the difference."""
    with asking("compare") as (ask, module, show):
        if not (before or now or before_since):
            raise QuestionError(
                "compare what? Give labels of both sides (--before model=a --now model=b), or another period "
                "(--before-since 14d --since 7d)"
            )
        period, of_both = period_of(since, until), where_of(where)
        sides = zip((_other(period, before_since, before_until), period), (before, now), strict=True)
        found = module.compare(ask, *(module.Side(each, {**of_both, **where_of(side)}) for each, side in sides))
        show.changes(found, (found.before.calls, found.now.calls), as_json)


def anomalies(since: Since = "7d", until: Until = "now", limit: Limit = 200, as_json: Json = False) -> None:
    """Alerts that fired, by hour and rule."""
    with asking("anomalies") as (ask, module, show):
        found = module.anomalies(ask, period_of(since, until), limit=limit)
        show.rows(
            found,
            ["hour_ms", "rule", "severity", "alerts", "series", "open", "example"],
            as_json,
            what="alerts that fired",
        )


def skew(since: Since = "1h", until: Until = "now", as_json: Json = False) -> None:
    """Services whose clocks are wrong, by their heartbeats."""
    with asking("skew") as (ask, module, show):
        found = module.clock_skew(ask, period_of(since, until))
        show.rows(
            found,
            ["service", "verdict", "ahead_ms", "median_ms", "processes", "worst_host"],
            as_json,
            what="heartbeats",
        )


def volume(since: Since = "24h", until: Until = "now", limit: Limit = 100, as_json: Json = False) -> None:
    """Calls and series of each service (peak: in its busiest minute): what quotas are set by."""
    with asking("volume") as (ask, module, show):
        found = module.volume(ask, period_of(since, until), limit=limit)
        columns = ["service", "calls", "calls_per_s", "peak_calls_per_s", "series", "grouping", "folded_calls"]
        show.rows(found, columns, as_json)


def prices(
    since: Since = "24h", until: Until = "now", where: Where = None,
    call: Annotated[str, typer.Option(help="By which price this call was counted.", metavar="EVENT_ID")] = "",
    limit: Limit = 100, as_json: Json = False,
) -> None:  # fmt: skip
    """By which prices calls were counted: table, version, day, entry, and dollars per million tokens."""
    with asking("prices") as (ask, module, show):
        found = module.prices_used(ask, period_of(since, until), where_of(where), event_id=call, limit=limit)
        if call and not found:
            raise QuestionError(
                f"no call {call!r} with a cost is stored of that period: is the id whole? --since asks for a longer one"
            )
        if as_json:
            show.rows(found, [], as_json)
        else:
            columns = ["price_source", "model", "response_model", "calls", "cost_usd", "entry", "price"]
            show.rows([module.shown(each) for each in found], columns, as_json, what="calls with a cost")


def sizing(
    table: Annotated[str, typer.Option(help="The columns of this table.", metavar="TABLE")] = "", as_json: Json = False
) -> None:
    """How much disk each table takes, and how it grows."""
    with asking("sizing") as (ask, module, show):
        if table:
            found = module.column_sizes(ask, table)
            show.rows(found, ["column", "type", "codec", "bytes", "bytes_per_row"], as_json)
            if not any(each.bytes for each in found):
                typer.echo("its parts are small, with all columns in one file: `OPTIMIZE TABLE` merges them", err=True)
            return
        columns = ["table", "rows", "bytes", "bytes_per_row", "days", "bytes_per_day", "parts"]
        show.rows(module.sizing(ask), columns, as_json)


def _other(period: Any, since: str, until: str) -> Any:
    """The period that is compared with `period`: the same, if no other begin is given."""
    if not since:
        if until:
            raise QuestionError("--before-until is given without --before-since: when does that period begin?")
        return period
    whole = period_of(since, until or "now", ("--before-since", "--before-until"))
    return whole if until else replace(whole, end_ms=whole.start_ms + period.length_ms)


REPORTS = (drift, compare, anomalies, skew, volume, prices, sizing)
"""In the order in which the help lists them."""
