"""The command `callgauge completeness`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from callgauge.printable import json_printable
from callgauge.settings import Settings, load_settings
from callgauge_deploy.command import client_settings, load, store_settings

__all__ = ["completeness"]


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
