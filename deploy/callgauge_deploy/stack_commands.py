"""The commands of the local stack: `callgauge up`, `status` and `demo`."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

from callgauge.printable import printable_lines
from callgauge.settings import load_settings
from callgauge_deploy.command import load

__all__ = ["demo", "signals_interrupt", "status", "up"]


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


def status(as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False) -> None:
    """Tell what the local stack does: processes, addresses, lag, last errors; the exit code is 0 if all of it runs."""
    from callgauge_deploy.status.read import read_status
    from callgauge_deploy.status.shown import json_of, lines_of

    facts = read_status(load_settings())
    typer.echo(json.dumps(json_of(facts), indent=2) if as_json else "\n".join(lines_of(facts, time.time())))
    if not facts.all_run:
        raise typer.Exit(1)


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


def _say(line: str) -> None:
    typer.echo(printable_lines(line))
