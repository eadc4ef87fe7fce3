"""The `callgauge` command. Thin: each command loads what it needs when it is called."""

from __future__ import annotations

import importlib.metadata
import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Literal, NoReturn

import typer

from callgauge.errors import CallgaugeError
from callgauge.printable import json_printable, printable, printable_lines
from callgauge.settings import Settings, load_settings
from callgauge_deploy.alerts_command import alerts_app
from callgauge_deploy.budget_command import budget_app
from callgauge_deploy.command import client_settings, load, store_settings
from callgauge_deploy.console_commands import console, console_key_app
from callgauge_deploy.dead_command import dead_app
from callgauge_deploy.erase_command import erase
from callgauge_deploy.eval_command import evaluate
from callgauge_deploy.experiment_command import experiment
from callgauge_deploy.formats import Format
from callgauge_deploy.gateway_commands import gateway, gateway_key_app
from callgauge_deploy.history_command import history_app
from callgauge_deploy.load_command import load as load_command
from callgauge_deploy.mark_command import mark_app
from callgauge_deploy.migrate_command import migrate
from callgauge_deploy.notify_commands import notify_app
from callgauge_deploy.prices_command import prices
from callgauge_deploy.quality_commands import quality_app
from callgauge_deploy.reprice_command import reprice
from callgauge_deploy.review_command import review
from callgauge_deploy.rules_command import rules_app
from callgauge_deploy.top_command import dashboard, top
from callgauge_deploy.windows_command import windows

__all__ = ["app", "client_settings", "load", "main", "store_settings"]

app = typer.Typer(
    help="Stream monitor for LLM calls: Kafka in, exact windows, anomalies and alerts out, history in ClickHouse.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(dead_app, name="dead")
app.add_typer(alerts_app, name="alerts")
app.add_typer(rules_app, name="rules")
app.add_typer(history_app, name="history")
app.command()(migrate)
app.command()(windows)
app.command()(prices)
app.command()(top)
app.command()(dashboard)
app.command()(gateway)
app.add_typer(gateway_key_app, name="gateway-key")
app.command()(console)
app.add_typer(console_key_app, name="console-key")
app.command("load")(load_command)
app.add_typer(budget_app, name="budget")
app.add_typer(mark_app, name="mark")
app.command()(experiment)
app.command()(reprice)
app.command()(erase)
app.command()(review)
app.command("eval")(evaluate)


def main() -> None:
    """Run the command; what callgauge raises on purpose is one line on standard error and exit code 1."""
    try:
        app()
    except CallgaugeError as error:
        typer.echo(printable_lines(f"callgauge: error: {error}"), err=True)
        sys.exit(1)


@contextmanager
def signals_interrupt() -> Iterator[None]:
    """SIGTERM and a closed terminal are taken like Ctrl-C."""

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"callgauge {importlib.metadata.version('callgauge')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    # Documented by the help text of the app.
    pass


@app.command()
def up(
    with_gateway: Annotated[
        bool, typer.Option("--gateway/--no-gateway", help="Whether the gateway (HTTP, OTLP, LiteLLM in) runs too.")
    ] = True,
) -> None:
    """Run everything on this machine: bus, streams, embedded store, console, gateway. Ctrl-C ends it."""
    stack_module = load("callgauge_deploy.stack", "local")
    settings = load_settings()
    gateway_too = ", gateway" if with_gateway else ""
    typer.echo(f"callgauge: starting (bus, rollup, detect, quality, sinks, notifier{gateway_too}) …")
    stack = stack_module.LocalStack(settings, data_dir=settings.data_dir, with_gateway=with_gateway, say=_say)
    try:
        with signals_interrupt(), stack:
            from callgauge_deploy.screen import banner

            typer.echo(banner(stack.info, stack.folder.log))
            stack.wait()
    except KeyboardInterrupt:
        typer.echo("callgauge: ended")


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False) -> None:
    """Tell what the local stack does: processes, addresses, lag, last errors; the exit code is 0 if all of it runs."""
    from callgauge_deploy.status.read import read_status
    from callgauge_deploy.status.shown import json_of, lines_of

    facts = read_status(load_settings())
    typer.echo(json.dumps(json_of(facts), indent=2) if as_json else "\n".join(lines_of(facts, time.time())))
    if not facts.all_run:
        raise typer.Exit(1)


@app.command()
def topics() -> None:
    """Make the topics that are missing and tell where existing ones differ."""
    from callgauge_deploy.topics import ensure_topics

    settings = client_settings()
    for difference in ensure_topics(settings):
        typer.echo(f"differs: {printable(str(difference))} (left as it is)")
    typer.echo(f"{len(settings.topics.all())} topics under {settings.topic_prefix!r} on {settings.bootstrap_servers}")


@app.command()
def rollup() -> None:
    """Run a rollup worker: calls in, window rows out."""
    load("callgauge_streams.rollup.app", "streams").run(load_settings())


@app.command()
def detect() -> None:
    """Run a detect worker: window rows in, alerts out."""
    load("callgauge_streams.detect.app", "streams").run(load_settings())


@app.command()
def judge() -> None:
    """Run a judge worker: a sample of prompts and answers goes to the model that grades them; scores out."""
    load("callgauge_streams.judge.app", "quality").run(load_settings())


@app.command()
def sinks() -> None:
    """Run the sinks: topics in, ClickHouse out. With an embedded store they serve the console, too."""
    from callgauge.store_address import is_embedded

    settings, module = load_settings(), load("callgauge_sinks.app", "sinks")
    console = load("callgauge_console.server", "console").ConsoleServer if is_embedded(settings.store_dsn) else None
    module.run(settings, console=console)


@app.command()
def evaluator() -> None:
    """Run the evaluator: rules and budgets that need history, judged in ClickHouse every minute.

    Beside an embedded store it runs in the process of the sinks. Of several one works, and the others wait.
    """
    load("callgauge_evaluator.app", "evaluator").run(load_settings())


app.add_typer(notify_app(load), name="notify")
app.add_typer(quality_app(load), name="quality")


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="A SELECT over the history.", metavar="SQL")],
    how: Annotated[
        Format | None,
        typer.Option("--format", help="By default a table on a terminal, and tab-separated lines (tsv) in a pipe."),
    ] = None,
) -> None:
    """Ask the history, of the running local stack or of the configured store.

    json, ndjson and csv hold the values exactly; the other formats show control characters as escapes. Nothing is ever
    cut. Times are ISO 8601. NaN and infinities come as NULL, which is null or empty, and bytes that are not UTF-8 as
    U+FFFD: ask for toString(...) or hex(...) to see them.
    """
    from callgauge_deploy.results import print_rows

    result = load("callgauge_history.query", "sinks").run_query(store_settings(), sql)
    values = load("callgauge_history.values", "sinks")
    names = values.column_names(result) if how in ("json", "ndjson") else result.columns
    print_rows(names, values.typed_rows(result), how)


@app.command()
def completeness(
    hours: Annotated[float, typer.Option(min=0.0, help="Blocks that began in so many hours up to now.")] = 24.0,
    since: Annotated[
        str | None, typer.Option(help="... or since then: ISO 8601, UTC unless it says otherwise.", metavar="TIME")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Check to the record what was read, counted and stored.

    The exit code is 0 if it is exact, 1 if something is missing, 3 if nothing is missing but not everything has
    arrived: records that only one of rollup and the sinks has reached, partitions that neither has found yet. Ask
    again then. Whether records lay between two blocks that neither rollup nor the sink read cannot be known.
    """
    module = load("callgauge_sinks.completeness.check", "sinks")
    with load("callgauge_history.query", "sinks").asking(store_settings()) as ask:
        if bus := _known_bus():
            unseen = load("callgauge_sinks.completeness.partitions", "sinks").unseen_partitions
            report = module.check(ask, hours=hours, since=since, unseen=lambda seen: unseen(bus, seen))
        else:
            report = module.check(ask, hours=hours, since=since)
    if as_json:
        typer.echo(json_printable(json.dumps(report.as_json(), indent=2, ensure_ascii=False)))
    else:
        from callgauge_deploy.screen import print_completeness

        print_completeness(report)
    if code := module.EXIT_CODES[report.status]:
        raise typer.Exit(code)


def _known_bus() -> Settings | None:
    """The bus that belongs to the store: the one that the environment names, or the running local stack's."""
    settings = load_settings()
    if "bootstrap_servers" in settings.model_fields_set:
        return settings
    found = client_settings()
    is_stack = "bootstrap_servers" in found.model_fields_set and "store" not in settings.model_fields_set
    return found if is_stack else None


@app.command()
def reaggregate(
    since: Annotated[
        str, typer.Option("--from", help="ISO 8601 (UTC unless it says otherwise) or epoch seconds.", metavar="TIME")
    ],
    topic: Annotated[Literal["calls", "scores"], typer.Option(help="What to aggregate again.")] = "calls",
) -> None:
    """Aggregate the past again, from the records that were appended at TIME on; stop the rollup workers first.

    The rollup group is set back to the beginning of the block (a multiple of CALLGAUGE_BLOCK_OFFSETS) of that time's
    record in each partition; the next worker reads everything from there again. In ClickHouse, rows made with the same
    settings come out equal and replace themselves. After a change of settings the old rows from there on are void and
    give way to the new ones: until the worker has caught up, those windows are incomplete. Alerts of windows that were
    judged already stay as they are.

    CALLGAUGE_BLOCK_OFFSETS may then only be what it was or a multiple of that: else the beginning falls into the
    middle of an old block, whose rows are not void, and its records are counted twice.
    """
    module = load("callgauge_streams.rollup.reaggregate", "streams")
    settings = client_settings()
    name = getattr(settings.topics, topic).name
    moves = module.set_back(settings, name, module.epoch_ms(since))
    typer.echo(f"{name}, group {settings.group('rollup')}")
    typer.echo(f"{'partition':>9} {'was at':>14} {'now at':>14}")
    for move in moves:
        at = [f"{offset:,}" if offset >= 0 else "-" for offset in (move.committed, move.start)]
        typer.echo(f"{move.partition:>9} {at[0]:>14} {at[1]:>14}  {move.remark}".rstrip())


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="A recorded trace (CSV or .jsonl, plain or gzipped).", metavar="FILE")],
    speed: Annotated[float, typer.Option(min=0.0, help="Times as fast as recorded; 0: as fast as it goes.")] = 1.0,
) -> None:
    """Send a recorded trace to the bus as if it happened now."""
    from callgauge_deploy.screen import replay_summary, replay_with_progress

    result = replay_with_progress(file, client_settings(), speed)
    typer.echo(replay_summary(result))
    if result.failed:
        raise typer.Exit(1)


@app.command()
def demo(
    speed: Annotated[float, typer.Option(min=0.1, help="Times as fast as recorded.")] = 60.0,
    calls: Annotated[int | None, typer.Option(min=1, help="Only so many calls.")] = None,
    stay: Annotated[bool, typer.Option("--stay", help="Go on serving the page afterwards, until Ctrl-C.")] = False,
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep what was stored in this new folder, for other commands.")
    ] = None,
) -> None:
    """Replay an hour of real calls through a local stack and watch the alerts come."""
    with signals_interrupt():
        load("callgauge_deploy.demo", "local").run_demo(load_settings(), speed=speed, limit=calls, stay=stay, keep=keep)


@app.command()
def settings() -> None:
    """Show every setting: its variable, its value now, what it means. Secrets are masked."""
    from callgauge_deploy.screen import print_settings

    print_settings(load_settings())


def _say(line: str) -> None:
    typer.echo(printable_lines(line))


if __name__ == "__main__":
    main()
