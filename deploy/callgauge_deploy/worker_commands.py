"""The commands that run one process of the pipeline each, until SIGTERM."""

from __future__ import annotations

from callgauge.settings import load_settings
from callgauge_deploy.command import load

__all__ = ["detect", "evaluator", "judge", "rollup", "sinks"]


def rollup() -> None:
    """Run a rollup worker: calls in, window rows out."""
    load("callgauge_streams.rollup.app", "streams").run(load_settings())


def detect() -> None:
    """Run a detect worker: window rows in, alerts out."""
    load("callgauge_streams.detect.app", "streams").run(load_settings())


def judge() -> None:
    """Run a judge worker: a sample of prompts and answers goes to the model that grades them; scores out."""
    load("callgauge_streams.judge.app", "quality").run(load_settings())


def sinks() -> None:
    """Run the sinks: topics in, ClickHouse out. With an embedded store they serve the console, too."""
    from callgauge.store_address import is_embedded

    settings, module = load_settings(), load("callgauge_sinks.app", "sinks")
    console = load("callgauge_console.server", "console").ConsoleServer if is_embedded(settings.store_dsn) else None
    module.run(settings, console=console)


def evaluator() -> None:
    """Run the evaluator: rules and budgets that need history, judged in ClickHouse every minute.

    Beside an embedded store it runs in the process of the sinks. Of several one works, and the others wait.
    """
    load("callgauge_evaluator.app", "evaluator").run(load_settings())
