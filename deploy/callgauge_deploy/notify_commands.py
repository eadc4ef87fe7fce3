"""The commands below `callgauge notify`: without one, the notifier runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, Any

import typer

from callgauge.settings import load_settings

__all__ = ["notify_app"]

_Labels = Annotated[
    list[str],
    typer.Option("--alert", help="Labels of the alert: service=chat severity=critical rule=slow.", metavar="LABELS"),
]


def notify_app(load: Callable[[str, str], Any]) -> typer.Typer:
    """The commands. `load` imports a module that needs an optional part of callgauge."""
    app = typer.Typer(invoke_without_command=True, help="Run the notifier: alerts in, messages to people out.")

    @app.callback()
    def notify(context: typer.Context) -> None:
        if context.invoked_subcommand is None:
            load("callgauge_notify.app", "notify").run(load_settings())

    @app.command()
    def routes(alert: _Labels = []) -> None:  # noqa: B006 (typer reads the default)
        """Say which routes an alert takes, to whom and when, and why not the others."""
        routing = load("callgauge_notify.routing.load", "notify").load_routing(load_settings())
        made = load("callgauge_notify.sample", "notify").sample_alert(alert)
        for line in load("callgauge_notify.explain", "notify").explained(routing, made, time.time()):
            typer.echo(line)

    @app.command()
    def test(
        route: Annotated[list[str], typer.Option(help="The route to try; may be repeated; without: all.")] = [],  # noqa: B006
        alert: _Labels = [],  # noqa: B006
    ) -> None:
        """Send a sample through a real route, firing and then resolved; the exit code is 1 if one was not taken."""
        settings = load_settings()
        routing = load("callgauge_notify.routing.load", "notify").load_routing(settings)
        made = load("callgauge_notify.sample", "notify").sample_alert(alert)
        failed = False
        for each in load("callgauge_notify.trial", "notify").tried(settings, routing, route, made):
            typer.echo(str(each))
            failed = failed or bool(each.problem)
        if failed:
            raise typer.Exit(1)

    return app
