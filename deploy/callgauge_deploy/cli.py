"""The `callgauge` command. Thin: each command loads what it needs when it is called."""

from __future__ import annotations

import importlib.metadata
import sys
from typing import Annotated

import typer

from callgauge.errors import CallgaugeError
from callgauge.printable import printable, printable_lines
from callgauge.settings import load_settings
from callgauge_deploy.alerts_command import alerts_app
from callgauge_deploy.budget_command import budget_app
from callgauge_deploy.command import client_settings, load, store_settings
from callgauge_deploy.completeness_command import completeness
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
from callgauge_deploy.past_commands import reaggregate, replay
from callgauge_deploy.prices_command import prices
from callgauge_deploy.quality_commands import quality_app
from callgauge_deploy.reprice_command import reprice
from callgauge_deploy.review_command import review
from callgauge_deploy.rules_command import rules_app
from callgauge_deploy.stack_commands import demo, status, up
from callgauge_deploy.top_command import dashboard, top
from callgauge_deploy.windows_command import windows
from callgauge_deploy.worker_commands import detect, evaluator, judge, rollup, sinks

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
app.command()(up)
app.command()(status)
app.command()(demo)
app.command()(rollup)
app.command()(detect)
app.command()(judge)
app.command()(sinks)
app.command()(evaluator)
app.add_typer(notify_app(load), name="notify")
app.add_typer(quality_app(load), name="quality")
app.command()(completeness)
app.command()(reaggregate)
app.command()(replay)


def main() -> None:
    """Run the command; what callgauge raises on purpose is one line on standard error and exit code 1."""
    try:
        app()
    except CallgaugeError as error:
        typer.echo(printable_lines(f"callgauge: error: {error}"), err=True)
        sys.exit(1)


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
def topics() -> None:
    """Make the topics that are missing and tell where existing ones differ."""
    from callgauge_deploy.topics import ensure_topics

    settings = client_settings()
    for difference in ensure_topics(settings):
        typer.echo(f"differs: {printable(str(difference))} (left as it is)")
    typer.echo(f"{len(settings.topics.all())} topics under {settings.topic_prefix!r} on {settings.bootstrap_servers}")


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
def settings() -> None:
    """Show every setting: its variable, its value now, what it means. Secrets are masked."""
    from callgauge_deploy.screen import print_settings

    print_settings(load_settings())


if __name__ == "__main__":
    main()
