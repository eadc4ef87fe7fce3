"""`callgauge load`: sends made-up calls to the bus, with incidents whose truth is known."""

from __future__ import annotations

import json
import time
from itertools import chain, islice
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from callgauge.errors import SettingError
from callgauge_deploy.command import client_settings
from callgauge_deploy.command import load as load_module

if TYPE_CHECKING:
    from callgauge_load.publish import ReplayResult

__all__ = ["load"]

_DAY_S = 86_400.0


def load(
    rate: Annotated[float, typer.Option(min=0.001, help="Calls per second of all services, in the mean.")] = 50.0,
    services: Annotated[int, typer.Option(min=1, max=10_000, help="How many; every tenth is quiet.")] = 10,
    seconds: Annotated[float | None, typer.Option(min=1.0, help="How long, in the load's own time.")] = None,
    days: Annotated[float | None, typer.Option(min=0.001, help="... or in days.")] = None,
    speed: Annotated[
        float, typer.Option(min=0.0, help="How many times as fast as its own time; 0: as fast as it goes.")
    ] = 1.0,
    incident: Annotated[
        list[str] | None,
        typer.Option(help="KIND@START+LENGTH[:scope], as often as you like.", metavar="INCIDENT"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same calls.")] = 0,
    start: Annotated[
        float | None,
        typer.Option(help="Epoch seconds at which it begins; else so that it ends as the last call is sent."),
    ] = None,
    truth: Annotated[Path | None, typer.Option(help="File for what went wrong, when and for whom.")] = None,
    kinds: Annotated[bool, typer.Option("--kinds", help="List the kinds of incidents and exit.")] = False,
) -> None:
    """Send made-up calls to the bus: services with days and weeks, bursts, users, caches, incidents.

    Scopes are e.g. service=chat-01,provider=alder,region=eu,feature=answer,prompt_version=v8,user=user-0,severity=0.5.
    What an incident's scope leaves out is drawn from the seed. docs/load.md has all kinds.
    """
    load_module("numpy", "load")
    if kinds:
        _list_kinds()
        return
    length_s = _length_s(seconds, days)
    if truth is not None and not truth.parent.is_dir():
        raise SettingError(f"--truth {truth}: there is no folder {truth.parent}; make it, or name another")
    made = _made(services, rate, seed, _start_s(start, length_s, speed), length_s, incident or [])
    play = made.play()
    try:
        result = _send(made, play, speed)
    finally:  # what was sent stays on the bus, also after Ctrl-C or an error
        if truth is not None:
            truth.write_text(json.dumps(_truth(made, play), indent=2) + "\n", encoding="utf-8")
    typer.echo(
        f"{result.produced:,} messages in {result.seconds:.1f} s ({result.produced / max(result.seconds, 1e-9):,.0f}/s)"
        + (f"; {result.failed:,} refused: {dict(result.reasons)}" if result.failed else "")
    )
    for each in play.truth():
        typer.echo(f"{each['kind']}: {each['tell']}")
    if result.failed:
        raise typer.Exit(1)


def _length_s(seconds: float | None, days: float | None) -> float:
    if seconds is not None and days is not None:
        raise SettingError("--seconds and --days both say how long the load is; give one of them")
    return days * _DAY_S if days is not None else seconds or 60.0


def _start_s(start: float | None, length_s: float, speed: float) -> float:
    """When the load begins, epoch seconds: in the past if it is played faster than its own time."""
    if start is not None:
        return start
    return round(time.time() - (length_s * (1 - 1 / speed) if speed > 1 else length_s if speed == 0 else 0.0), 3)


def _made(services: int, rate: float, seed: int, start_s: float, length_s: float, specs: list[str]) -> Any:
    from callgauge.groupings import parse_groupings
    from callgauge.settings import load_settings
    from callgauge_load.incidents.spec import incident_of
    from callgauge_load.made.arrivals import paced_to
    from callgauge_load.made.world import make_world
    from callgauge_load.made_load import MadeLoad

    if not rate < inf:
        raise SettingError(f"--rate {rate}: write calls per second, such as 50")
    try:
        world = paced_to(make_world(services, rate, seed), rate, start_s, length_s)
    except ValueError as error:
        raise SettingError(f"--rate, --services: {error}; ask for more calls or fewer services") from None
    incidents = [incident_of(spec, world, length_s, number) for number, spec in enumerate(specs)]
    return MadeLoad(world, start_s, length_s, incidents, parse_groupings(load_settings().groupings), steady=True)


def _send(made: Any, play: Any, speed: float) -> ReplayResult:
    from callgauge_load.publish import publish
    from callgauge_load.send import due_messages

    settings = client_settings()
    due = due_messages(made, play, settings.topics, speed)
    first = list(islice(due, 1))  # drawn before the clock starts
    return publish(chain(first, due), settings)


def _truth(made: Any, play: Any) -> dict[str, Any]:
    return {
        "seed": made.world.seed,
        "start_s": made.start_s,
        "seconds": made.seconds,
        "services": [service.name for service in made.world.services],
        "incidents": play.truth(),
    }


def _list_kinds() -> None:
    from callgauge_load.incidents.catalogue import KINDS

    for kind in KINDS.values():
        scope = ", ".join(kind.scope)
        typer.echo(f"{kind.name:18} {scope:24} severity {kind.severity:g} ({kind.unit})")
