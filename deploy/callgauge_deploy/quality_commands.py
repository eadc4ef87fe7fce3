"""The commands below `callgauge quality`: without one, the quality worker runs."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from callgauge.errors import SettingError
from callgauge.printable import json_printable, printable
from callgauge.settings import load_settings
from callgauge_deploy.command import client_settings, store_settings
from callgauge_deploy.time_asked import time_ms

if TYPE_CHECKING:
    from callgauge.schema import Baseline

__all__ = ["quality_app"]

_DAY_S = 86_400.0
#: Models and prompt versions with fewer calls are not pinned: nothing could be told of them.
_LEAST_CALLS = 50
_Service = Annotated[str, typer.Option(help="Of which service.")]
_Model = Annotated[str, typer.Option(help="Only answers of this model.")]
_Version = Annotated[str, typer.Option(help="Only answers to this prompt version.")]
_Json = Annotated[bool, typer.Option("--json", help="Print everything as JSON.")]


def quality_app(load: Callable[[str, str], Any]) -> typer.Typer:
    """The commands. `load` imports a module that needs an optional part of callgauge."""
    app = typer.Typer(invoke_without_command=True, help="Run a quality worker: prompts and answers in, scores out.")

    @app.callback()
    def quality(context: typer.Context) -> None:
        if context.invoked_subcommand is None:
            load("callgauge_streams.quality.app", "quality").run(load_settings())

    @app.command()
    def pin(
        service: _Service,
        model: _Model = "",
        prompt_version: _Version = "",
        since: Annotated[str, typer.Option("--from", help="Begin of the good time: a time, or 14d ago.")] = "",
        until: Annotated[str, typer.Option("--to", help="Its end.")] = "now",
        mark: Annotated[bool, typer.Option("--mark", help="The week up to the last deploy mark.")] = False,
        author: Annotated[str, typer.Option(help="Who pins it.")] = "",
    ) -> None:
        """Pin what answers are compared with: a time (--from, --to), the week before the last deploy mark (--mark), or,
        with neither, the last week without alerts. The figures are kept on llm.rules; the default rules compare with
        them from ten seconds later on. Each model of the service, and each of its prompt versions, is pinned too."""
        kind, now = _kind(service, model, prompt_version), time.time()
        figures = load("callgauge_history.quality_figures", "sinks")
        with load("callgauge_history.query", "sinks").asking(store_settings()) as ask:
            begin, end, chosen = _good_time(ask, figures, kind, since, until, mark, now)
            below = [] if prompt_version else figures.kinds_below(ask, kind, begin, end, _LEAST_CALLS)
            pinned = {each: figures.figures(ask, each, begin, end) for each in (kind, *below)}
        if not pinned[kind].calls and not pinned[kind].shares:
            raise SettingError(f"{_named(kind)} has no answers from {_utc(begin)} to {_utc(end)}; name another time")
        publisher = load("callgauge_actions.publish", "sinks").BaselinePublisher(client_settings())
        typer.echo(f"pinned: {_utc(begin)} to {_utc(end)} ({chosen.replace('_', ' ')})")
        for each, found in pinned.items():
            publisher.publish(found.model_copy(update={"chosen": chosen, "set_at": now, "author": author}))
            typer.echo(f"{_named(each)}: {_figures_line(found)}")

    @app.command()
    def drift(
        service: _Service,
        model: _Model = "",
        prompt_version: _Version = "",
        since: Annotated[str, typer.Option("--from", help="Answers since then.")] = "1d",
        until: Annotated[str, typer.Option("--to", help="... up to then.")] = "now",
        as_json: _Json = False,
    ) -> None:
        """Say what has moved since the pinned baseline, and show answers. Exit code 1: something has."""
        kind, now_ms = _kind(service, model, prompt_version), round(time.time() * 1000)
        figures = load("callgauge_history.quality_figures", "sinks")
        topic = load("callgauge_deploy.baselines", "local")
        before = topic.pinned(topic.read_rules_topic(client_settings())[0], kind)
        if before is None:
            raise SettingError(
                f"no baseline of {_named(kind)} is pinned: callgauge quality pin --service {service} ..."
            )
        begin, end = (time_ms(text, now_ms, option) / 1000 for text, option in ((since, "--from"), (until, "--to")))
        with load("callgauge_history.query", "sinks").asking(store_settings()) as ask:
            now = figures.figures(ask, kind, begin, end)
            moved = load("callgauge_history.quality_drift", "sinks").drift_of(before, now)
            shown = {
                each.what: figures.examples(ask, kind, each.what, begin, end)
                for each in moved
                if each.moved and each.what != "length"
            }
        if as_json:
            rows = [each._asdict() | {"examples": [e._asdict() for e in shown.get(each.what, [])]} for each in moved]
            typer.echo(json_printable(json.dumps({"baseline": before.model_dump(), "compared": rows}, indent=2)))
        else:
            typer.echo(
                f"{_named(kind)}, {_utc(begin)} to {_utc(end)}, against {_utc(before.since)} to {_utc(before.until)}"
            )
            for each in moved:
                typer.echo(_moved_line(each))
                for example in shown.get(each.what, []):
                    typer.echo(printable(f"    {example.event_id}: {' '.join(example.response.split())[:160]}"))
        if any(each.moved for each in moved):
            raise typer.Exit(1)

    @app.command()
    def agreement(
        service: Annotated[str, typer.Option(help="Only of this service.")] = "",
        days: Annotated[float, typer.Option(min=0.01, help="Scores of so many days.")] = 28.0,
        as_json: _Json = False,
    ) -> None:
        """How far the judge agrees with users: rank correlation and kappa of scores of the same answers, with 95 %
        intervals, for each rubric and model that judged."""
        agreements = load("callgauge_quality.agreement", "quality")
        with load("callgauge_history.query", "sinks").asking(store_settings()) as ask:
            pairs = load("callgauge_history.quality_figures", "sinks").pairs_judged(ask, days, service)
        by_score: dict[tuple[str, str, str], tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
        for name, by, said, judged, user in pairs:
            judged_values, user_values = by_score[name, by, said]
            judged_values.append(judged)
            user_values.append(user)
        rows = [
            _agreement_row(*key, agreements.agreement(*values, lower_is_better=key[0] in _LOWER_IS_BETTER))
            for key, values in sorted(by_score.items())
        ]
        if as_json:
            typer.echo(json_printable(json.dumps(rows, indent=2)))
        elif not rows:
            typer.echo(
                "no answer has both a judge's score and a user's: is a judge set up, and do users give feedback?"
            )
        else:
            from callgauge_deploy.results import print_rows

            print_rows(list(rows[0]), [list(row.values()) for row in rows])

    return app


#: Scores of a judge of which less is better.
_LOWER_IS_BETTER = ("hallucination", "toxicity")


def _kind(service: str, model: str, prompt_version: str) -> Any:
    from callgauge_history.quality_figures import Kind

    return Kind(service, model, prompt_version)


def _good_time(
    ask: Any, figures: Any, kind: Any, since: str, until: str, mark: bool, now: float
) -> tuple[float, float, str]:
    """The time whose answers are the baseline, and who chose it."""
    if since:
        if mark:
            raise SettingError("--from and --mark both say which time is good; give one of them")
        now_ms = round(now * 1000)
        return time_ms(since, now_ms, "--from") / 1000, time_ms(until, now_ms, "--to") / 1000, "hand"
    if mark:
        from callgauge_deploy.baselines import last_mark, read_rules_topic

        found = last_mark(read_rules_topic(client_settings())[1], kind, now)
        if found is None:
            raise SettingError(f"there is no deploy mark of {_named(kind)}; name a time with --from and --to")
        return found.effective_from - 7 * _DAY_S, found.effective_from, "mark"
    week = figures.quiet_week(ask, kind, now)
    if week is None:
        raise SettingError(f"the last 28 days have no week without alerts of {_named(kind)}; use --from and --to")
    return *week, "quiet_week"


def _named(kind: Any) -> str:
    return printable(", ".join(filter(None, (kind.service, kind.model, kind.prompt_version))))


def _utc(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def _figures_line(found: Baseline) -> str:
    shares = [
        f"{name} {share.above_zero / share.n:.1%} of {share.n:,}" for name, share in found.shares.items() if share.n
    ]
    return "; ".join([*shares, f"{found.mean_tokens:,.0f} output tokens in the mean of {found.calls:,} calls"])


def _moved_line(each: Any) -> str:
    if each.before is None:
        return f"  {each.what:<24}? {each.note} ({each.n_before:,} and {each.n_now:,})"
    shown = (f"{value:,.0f} tokens" if each.what == "length" else f"{value:.1%}" for value in (each.before, each.now))
    before, now = shown
    verdict = "MOVED" if each.moved else "same"
    return f"  {each.what:<24}{verdict:<6} {before} of {each.n_before:,} -> {now} of {each.n_now:,}, {each.sigma:.1f} σ"


def _agreement_row(name: str, by: str, said: str, found: Any) -> dict[str, Any]:
    rho, kappa = found.correlation, found.kappa
    return {
        "judge_score": name,
        "judged_by": by,
        "user_score": said,
        "answers": found.pairs,
        "rank_correlation": None if rho is None else round(rho.value, 3),
        "rho_low": None if rho is None else round(rho.low, 3),
        "rho_high": None if rho is None else round(rho.high, 3),
        "kappa": None if kappa is None else round(kappa.value, 3),
        "kappa_low": None if kappa is None else round(kappa.low, 3),
        "kappa_high": None if kappa is None else round(kappa.high, 3),
        "verdict": found.verdict,
    }
