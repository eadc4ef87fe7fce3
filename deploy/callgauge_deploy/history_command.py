"""The commands `callgauge history ...`: what about last month?"""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from callgauge.durations import duration_ms
from callgauge.errors import QuestionError
from callgauge_deploy.history_asked import By, Json, Limit, Since, Until, Where, asking, period_of, where_of
from callgauge_deploy.history_reports import REPORTS

__all__ = ["history_app"]

history_app = typer.Typer(no_args_is_help=True, help="Ask the history: summaries, usage, errors, traces, drift.")

#: Columns of numbers that every table of calls has, in order.
_NUMBERS = (
    "calls", "errors", "error_rate", "latency_p50_ms", "latency_p95_ms", "latency_p99_ms", "ttft_p95_ms",
    "input_tokens", "output_tokens", "cost_usd",
)  # fmt: skip


@history_app.command()
def summary(
    since: Since = "24h", until: Until = "now", by: By = None, where: Where = None, limit: Limit = 50,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Calls, errors, latency percentiles, tokens and cost of a period, whole or by labels."""
    with asking("summary") as (ask, module, show):
        if by:
            found = module.summary_by(ask, period_of(since, until), by, where_of(where), limit=limit)
            show.rows(found, [*by, *_NUMBERS], as_json, values=by)
            return
        found = module.summary(ask, period_of(since, until), where_of(where))
        show.one(found.numbers, as_json, about=found)


@history_app.command()
def percentiles(
    measure: Annotated[str, typer.Argument(help="latency, ttft, output_tokens or cost.")] = "latency",
    since: Since = "24h", until: Until = "now", by: By = None, where: Where = None,
    at: Annotated[
        list[float] | None,
        typer.Option(min=0, max=100, help="Which one: 99.9. Can be given again; by default 50, 90, 95, 99."),
    ] = None,
    limit: Limit = 100, as_json: Json = False,
) -> None:  # fmt: skip
    """Percentiles of latency, time to first token, output tokens or cost, whole or by labels."""
    with asking("percentiles") as (ask, module, show):
        at, by = list(dict.fromkeys(at or (50.0, 90.0, 95.0, 99.0))), by or []
        qs = [each / 100 for each in at]
        found = module.percentiles(ask, period_of(since, until), measure, by, where_of(where), qs=qs, limit=limit)
        if as_json:
            show.rows(found, [], as_json)
            return
        field = module.MEASURES[measure].field
        lines = [[*each.values, each.count, each.mean, *each.at.values()] for each in found if each.count]
        names = [*by, "count", f"{field}_mean", *(f"{field}_p{each:g}" for each in at)]
        show.lines(names, lines, f"calls with {field}")


@history_app.command()
def series(
    measure: Annotated[str, typer.Argument(help="calls, error_rate, latency_p95_ms, cost_usd, ...")] = "calls",
    since: Since = "24h", until: Until = "now", by: By = None, where: Where = None,
    step: Annotated[str, typer.Option(help="How long a step is: 10s, 5m, 1h, 1d.", metavar="DURATION")] = "1h",
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1_000, help="At most so many series.")] = 20,
    as_json: Json = False,
) -> None:  # fmt: skip
    """One number over time, whole or by labels. Steps without calls are left out."""
    with asking("series") as (ask, module, show):
        try:
            step_ms = duration_ms(step)
        except ValueError as error:
            raise QuestionError(f"--step: {error}") from None
        by = by or []
        found = module.series(ask, period_of(since, until), measure, step_ms, by, where_of(where), limit=limit)
        if as_json:
            show.rows(found, [], as_json)
            return
        lines = [[show.time_of(at), *each.values, value] for each in found for at, value in each.points]
        show.lines(["start", *by, measure], sorted(lines, key=lambda line: line[0]), "calls")


@history_app.command()
def top(
    label: Annotated[str, typer.Argument(help="user_id, feature, model, or any label.")] = "user_id",
    since: Since = "30d", until: Until = "now", where: Where = None,
    order: Annotated[Literal["cost", "calls", "tokens", "errors"], typer.Option(help="The most of what.")] = "cost",
    limit: Limit = 10, as_json: Json = False,
) -> None:  # fmt: skip
    """Who and what costs most."""
    with asking("top") as (ask, module, show):
        found = module.top(ask, period_of(since, until), label, where_of(where), order=order, limit=limit)
        columns = ["value", "calls", "errors", "input_tokens", "output_tokens", "cost_usd", "share"]
        show.rows(found, columns, as_json, what=f"calls with a {label}")


@history_app.command()
def usage(
    since: Since = "30d", until: Until = "now", by: By = None, where: Where = None,
    step: Annotated[Literal["hour", "day", "month"], typer.Option(help="Apart by what.")] = "day",
    zone: Annotated[str, typer.Option(help="Whose days: Europe/Berlin.", metavar="ZONE")] = "UTC",
    limit: Limit = 1_000, as_json: Json = False,
) -> None:  # fmt: skip
    """Calls, tokens and cost by day or month, of users, features, endpoints (--by; by default user_id)."""
    with asking("usage") as (ask, module, show):
        by = by or ["user_id"]
        found = module.usage(ask, period_of(since, until), by, where_of(where), step=step, zone=zone, limit=limit)
        columns = ["start", *by, "calls", "errors", "input_tokens", "output_tokens", "cost_usd"]
        show.rows(found, columns, as_json, values=by)


@history_app.command()
def errors(
    since: Since = "24h", until: Until = "now", where: Where = None, limit: Limit = 50, as_json: Json = False
) -> None:
    """Failed calls by provider and type."""
    with asking("errors") as (ask, module, show):
        found = module.error_breakdown(ask, period_of(since, until), where_of(where), limit=limit)
        show.rows(found, ["provider", "error_type", "errors", "calls", "rate"], as_json, what="failed calls")


@history_app.command()
def caches(
    since: Since = "24h", until: Until = "now", by: By = None, where: Where = None, limit: Limit = 50,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Calls that a response cache answered, by its level; and input tokens that the provider had cached."""
    with asking("caches") as (ask, module, show):
        by = by or []
        found = module.cache_hits(ask, period_of(since, until), by, where_of(where), limit=limit)
        columns = [*by, "calls", "hits", "hit_rate", "exact", "semantic", "unknown", "cached_token_share"]
        show.rows(found, columns, as_json, values=by)


@history_app.command()
def trace(
    trace_id: Annotated[str, typer.Argument(help="The id of the trace.", metavar="TRACE_ID")], as_json: Json = False
) -> None:
    """One trace as a tree, and what of it the whole waited for."""
    with asking("trace") as (ask, module, show):
        found = module.trace(ask, trace_id)
        if found is None:
            raise QuestionError(
                f"nothing is stored of the trace {trace_id!r}: is the id whole? What was just sent is there in a second"
            )
        show.trace(found, as_json)


@history_app.command()
def slowest(
    since: Since = "24h", until: Until = "now", where: Where = None,
    dearest: Annotated[bool, typer.Option("--dearest", help="Those that cost most instead.")] = False,
    limit: Limit = 10, as_json: Json = False,
) -> None:  # fmt: skip
    """The calls that took longest, or cost most."""
    with asking("calls") as (ask, module, show):
        question = module.dearest if dearest else module.slowest
        found = question(ask, period_of(since, until), where_of(where), limit=limit)
        columns = ["end_ms", "service", "model", "latency_ms", "output_tokens", "cost_usd", "event_id", "trace_id"]
        show.rows(found, columns, as_json, what="calls with a cost" if dearest else "answered calls")


@history_app.command()
def calls(
    since: Since = "24h", until: Until = "now", where: Where = None,
    cursor: Annotated[str | None, typer.Option(help="Go on after the page that told this cursor.")] = None,
    limit: Limit = 50, as_json: Json = False,
) -> None:  # fmt: skip
    """Search calls by user_id, status, model, service and other labels, the newest first."""
    with asking("calls") as (ask, module, show):
        page = module.find_calls(ask, period_of(since, until), where_of(where), cursor=cursor, limit=limit)
        columns = [
            "end_ms",
            "service",
            "model",
            "user_id",
            "status",
            "error_type",
            "latency_ms",
            "cost_usd",
            "event_id",
        ]
        show.rows(page.calls, columns, as_json, more={"cursor": page.cursor})


@history_app.command()
def scores(
    since: Since = "24h", until: Until = "now", by: By = None, where: Where = None, limit: Limit = 100,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Judgements by name and origin."""
    with asking("scores") as (ask, module, show):
        found = module.scores(ask, period_of(since, until), by or [], where_of(where), limit=limit)
        columns = [*(by or []), "name", "origin", "count", "mean", "stddev", "p05", "p50", "p95", "lowest_event_id"]
        show.rows(found, columns, as_json, values=by or [], what="scores")


for report in REPORTS:
    history_app.command()(report)
