"""The commands `callgauge history ...`: what about last month?"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Literal

import typer

from callgauge.errors import QuestionError
from callgauge_deploy.command import load, store_settings
from callgauge_deploy.time_asked import time_ms

__all__ = ["history_app"]

history_app = typer.Typer(no_args_is_help=True, help="Ask the history: summaries, usage, errors, traces, drift.")

_Since = Annotated[str, typer.Option("--since", help="From then on: 30d, 12h, 2026-01-31, 2026-01-31T14:00Z.")]
_Until = Annotated[str, typer.Option("--until", help="... up to then.")]
_Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where", "-w", help="Only of calls with this label: label=value. Can be given again.", metavar="L=V"
    ),
]
_By = Annotated[
    list[str] | None, typer.Option("--by", help="Apart by this label. Can be given again.", metavar="LABEL")
]
_Json = Annotated[bool, typer.Option("--json", help="Print everything as JSON.")]
_Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="At most so many lines.")]

#: Columns of numbers that every table of calls has, in order.
_NUMBERS = (
    "calls", "errors", "error_rate", "latency_p50_ms", "latency_p95_ms", "latency_p99_ms", "ttft_p95_ms",
    "input_tokens", "output_tokens", "cost_usd",
)  # fmt: skip


@history_app.command()
def summary(
    since: _Since = "24h", until: _Until = "now", by: _By = None, where: _Where = None, limit: _Limit = 50,
    as_json: _Json = False,
) -> None:  # fmt: skip
    """Calls, errors, latency percentiles, tokens and cost of a period, whole or by labels."""
    with _asking("summary") as (ask, module, show):
        if by:
            found = module.summary_by(ask, _period(since, until), by, _where(where), limit=limit)
            show.rows(found, [*by, *_NUMBERS], as_json, values=by)
            return
        found = module.summary(ask, _period(since, until), _where(where))
        show.one(found.numbers, as_json, about=found)


@history_app.command()
def top(
    label: Annotated[str, typer.Argument(help="user_id, feature, model, or any label.")] = "user_id",
    since: _Since = "30d", until: _Until = "now", where: _Where = None,
    order: Annotated[Literal["cost", "calls", "tokens", "errors"], typer.Option(help="The most of what.")] = "cost",
    limit: _Limit = 10, as_json: _Json = False,
) -> None:  # fmt: skip
    """Who and what costs most."""
    with _asking("top") as (ask, module, show):
        found = module.top(ask, _period(since, until), label, _where(where), order=order, limit=limit)
        show.rows(found, ["value", "calls", "errors", "input_tokens", "output_tokens", "cost_usd", "share"], as_json)


@history_app.command()
def usage(
    since: _Since = "30d", until: _Until = "now", by: _By = None, where: _Where = None,
    step: Annotated[Literal["hour", "day", "month"], typer.Option(help="Apart by what.")] = "day",
    zone: Annotated[str, typer.Option(help="Whose days: Europe/Berlin.", metavar="ZONE")] = "UTC",
    limit: _Limit = 1_000, as_json: _Json = False,
) -> None:  # fmt: skip
    """Calls, tokens and cost by day or month, of users, features, endpoints (--by; by default user_id)."""
    with _asking("usage") as (ask, module, show):
        by = by or ["user_id"]
        found = module.usage(ask, _period(since, until), by, _where(where), step=step, zone=zone, limit=limit)
        columns = ["start", *by, "calls", "errors", "input_tokens", "output_tokens", "cost_usd"]
        show.rows(found, columns, as_json, values=by)


@history_app.command()
def errors(
    since: _Since = "24h", until: _Until = "now", where: _Where = None, limit: _Limit = 50, as_json: _Json = False
) -> None:
    """Failed calls by provider and type."""
    with _asking("errors") as (ask, module, show):
        found = module.error_breakdown(ask, _period(since, until), _where(where), limit=limit)
        show.rows(found, ["provider", "error_type", "errors", "calls", "rate"], as_json)


@history_app.command()
def trace(
    trace_id: Annotated[str, typer.Argument(help="The id of the trace.", metavar="TRACE_ID")], as_json: _Json = False
) -> None:
    """One trace as a tree, and what of it the whole waited for."""
    with _asking("trace") as (ask, module, show):
        found = module.trace(ask, trace_id)
        if found is None:
            raise QuestionError(
                f"nothing is stored of the trace {trace_id!r}: is the id whole? What was just sent is there in a second"
            )
        show.trace(found, as_json)


@history_app.command()
def slowest(
    since: _Since = "24h", until: _Until = "now", where: _Where = None,
    dearest: Annotated[bool, typer.Option("--dearest", help="Those that cost most instead.")] = False,
    limit: _Limit = 10, as_json: _Json = False,
) -> None:  # fmt: skip
    """The calls that took longest, or cost most."""
    with _asking("calls") as (ask, module, show):
        question = module.dearest if dearest else module.slowest
        found = question(ask, _period(since, until), _where(where), limit=limit)
        columns = ["end_ms", "service", "model", "latency_ms", "output_tokens", "cost_usd", "event_id", "trace_id"]
        show.rows(found, columns, as_json)


@history_app.command()
def calls(
    since: _Since = "24h", until: _Until = "now", where: _Where = None,
    cursor: Annotated[str | None, typer.Option(help="Go on after the page that told this cursor.")] = None,
    limit: _Limit = 50, as_json: _Json = False,
) -> None:  # fmt: skip
    """Search calls by user_id, status, model, service and other labels, the newest first."""
    with _asking("calls") as (ask, module, show):
        page = module.find_calls(ask, _period(since, until), _where(where), cursor=cursor, limit=limit)
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
    since: _Since = "24h", until: _Until = "now", by: _By = None, where: _Where = None, limit: _Limit = 100,
    as_json: _Json = False,
) -> None:  # fmt: skip
    """Judgements by name and origin."""
    with _asking("scores") as (ask, module, show):
        found = module.scores(ask, _period(since, until), by or [], _where(where), limit=limit)
        columns = [*(by or []), "name", "origin", "count", "mean", "stddev", "p05", "p50", "p95", "lowest_event_id"]
        show.rows(found, columns, as_json, values=by or [])


@history_app.command()
def drift(
    since: _Since = "24h", until: _Until = "now", where: _Where = None,
    baseline: Annotated[
        str, typer.Option(help="Begin of the baseline, which ends where the period begins; by default as long as it.")
    ] = "",
    as_json: _Json = False,
) -> None:  # fmt: skip
    """Refusals, length, markers, scores and latency of a period against those of before."""
    with _asking("drift") as (ask, module, show):
        now = _period(since, until)
        before = _period(baseline, since) if baseline else None
        found = module.drift_report(ask, now, before, _where(where))
        show.changes(found, found.calls, as_json)


@history_app.command()
def compare(
    before: Annotated[list[str], typer.Option("--before", help="Labels of one side: model=gpt-4o.", metavar="L=V")],
    now: Annotated[list[str], typer.Option("--now", help="... and of the other: prompt_version=v2.", metavar="L=V")],
    since: _Since = "24h", until: _Until = "now", where: _Where = None, as_json: _Json = False,
) -> None:  # fmt: skip
    """Two models, prompt versions, services beside each other, and what chance explains of the difference."""
    with _asking("compare") as (ask, module, show):
        period, of_both = _period(since, until), _where(where)
        sides = [module.Side(period, {**of_both, **_where(side)}) for side in (before, now)]
        found = module.compare(ask, *sides)
        show.changes(found, (found.before.calls, found.now.calls), as_json)


@history_app.command()
def anomalies(since: _Since = "7d", until: _Until = "now", limit: _Limit = 200, as_json: _Json = False) -> None:
    """Alerts that fired, by hour and rule."""
    with _asking("anomalies") as (ask, module, show):
        found = module.anomalies(ask, _period(since, until), limit=limit)
        show.rows(found, ["hour_ms", "rule", "severity", "alerts", "series", "open", "example"], as_json)


@history_app.command()
def skew(since: _Since = "1h", until: _Until = "now", as_json: _Json = False) -> None:
    """Services whose clocks are wrong, by their heartbeats."""
    with _asking("skew") as (ask, module, show):
        found = module.clock_skew(ask, _period(since, until))
        show.rows(found, ["service", "verdict", "ahead_ms", "median_ms", "processes", "worst_host"], as_json)


@history_app.command()
def volume(since: _Since = "24h", until: _Until = "now", limit: _Limit = 100, as_json: _Json = False) -> None:
    """Calls and series of each service: what quotas are set by."""
    with _asking("volume") as (ask, module, show):
        found = module.volume(ask, _period(since, until), limit=limit)
        columns = ["service", "calls", "calls_per_s", "peak_calls_per_s", "series", "grouping", "folded_calls"]
        show.rows(found, columns, as_json)


@history_app.command()
def prices(
    since: _Since = "24h", until: _Until = "now", where: _Where = None,
    call: Annotated[str, typer.Option(help="By which price this call was counted.", metavar="EVENT_ID")] = "",
    limit: _Limit = 100, as_json: _Json = False,
) -> None:  # fmt: skip
    """By which prices calls were counted: table, version, day, entry, and dollars per million tokens."""
    with _asking("prices") as (ask, module, show):
        found = module.prices_used(ask, _period(since, until), _where(where), event_id=call, limit=limit)
        if as_json:
            show.rows(found, [], as_json)
        else:
            columns = ["price_source", "model", "response_model", "calls", "cost_usd", "entry", "price"]
            show.rows([module.shown(each) for each in found], columns, as_json)


@history_app.command()
def sizing(
    table: Annotated[str, typer.Option(help="The columns of this table.", metavar="TABLE")] = "", as_json: _Json = False
) -> None:
    """How much disk each table takes, and how it grows."""
    with _asking("sizing") as (ask, module, show):
        if table:
            show.rows(module.column_sizes(ask, table), ["column", "type", "codec", "bytes", "bytes_per_row"], as_json)
            return
        columns = ["table", "rows", "bytes", "bytes_per_row", "days", "bytes_per_day", "parts"]
        show.rows(module.sizing(ask), columns, as_json)


@contextmanager
def _asking(name: str) -> Iterator[tuple[Any, Any, Any]]:
    """How to ask, the module of the question, and how to show the answer."""
    module = load(f"callgauge_history.questions.{name}", "sinks")
    show = load("callgauge_deploy.history_shown", "sinks")
    with load("callgauge_history.query", "sinks").asking(store_settings()) as ask:
        yield ask, module, show


def _period(since: str, until: str) -> Any:
    now_ms = round(time.time() * 1000)
    start_ms, end_ms = time_ms(since, now_ms, "--since"), time_ms(until, now_ms, "--until")
    if start_ms >= end_ms:
        raise QuestionError(f"--since {since} is not before --until {until}: a period must end after it begins")
    return load("callgauge_history.questions.period", "sinks").Period(start_ms, end_ms)


def _where(given: Sequence[str] | None) -> dict[str, list[str]]:
    """Label -> values of which one must hold."""
    where: dict[str, list[str]] = {}
    for each in given or ():
        label, equals, value = each.partition("=")
        if not equals:
            raise QuestionError(f"{each!r} is no condition: write label=value, such as model=gpt-4o")
        where.setdefault(label.strip(), []).append(value)
    return where
