"""The commands `callgauge top` and `callgauge dashboard`."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from callgauge_deploy.command import load, store_settings

__all__ = ["dashboard", "top"]

_Over = Annotated[int, typer.Option(min=10, max=86_400, help="Length of the period that is shown, in seconds.")]
_Most = Annotated[int, typer.Option(min=1, max=200, help="Services, models and alerts shown.")]


def top(
    every: Annotated[float, typer.Option(min=0.5, help="Seconds between two looks.")] = 2.0,
    over: _Over = 60,
    most: _Most = 12,
) -> None:
    """Watch services, models and alerts, until Ctrl-C."""
    query = load("callgauge_history.query", "sinks")
    from rich.live import Live

    from callgauge_deploy.top.facts import read_facts
    from callgauge_deploy.top.shown import draw

    with query.asking(store_settings()) as ask:
        facts = read_facts(ask, time.time(), over, most)  # what cannot be asked is said before the screen is taken
        try:
            with Live(draw(facts, time.time()), screen=True, auto_refresh=False) as live:
                while True:
                    time.sleep(every)
                    now = time.time()
                    live.update(draw(read_facts(ask, now, over, most), now), refresh=True)
        except KeyboardInterrupt:
            return


def dashboard(over: _Over = 60, most: _Most = 12) -> None:
    """Print what `top` shows, once: for a chat, a log or a ticket."""
    query = load("callgauge_history.query", "sinks")
    from rich.console import Console

    from callgauge_deploy.top.facts import read_facts
    from callgauge_deploy.top.shown import draw

    now = time.time()
    with query.asking(store_settings()) as ask:
        facts = read_facts(ask, now, over, most)
    console = Console()
    # a pipe has no width of its own; a narrow one would cut numbers
    Console(width=None if console.is_terminal else 160).print(draw(facts, now))
